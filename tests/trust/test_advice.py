"""What a person is told to do."""

import pytest

from firmhold.trust.advice import advice_for
from firmhold.trust.errors import Code


@pytest.mark.parametrize("code", Code)
def test_each_code_comes_with_whole_sentences(code: Code) -> None:
    """Nobody meets a code without being told what to do, in full sentences."""
    advice = advice_for(code)
    assert advice[0].isupper()
    assert advice.endswith(".")
    assert "  " not in advice
    assert not advice.isupper()


@pytest.mark.parametrize("code", [code for code in Code if code.startswith(("encoding", "tuf"))])
def test_a_refused_document_is_followed_by_the_word_that_nothing_changed(code: Code) -> None:
    """Whoever meets refused metadata learns first that the device is as it was."""
    kept = "Nothing was changed; what was trusted before stays in force. "
    asked_for_by_a_person = code is Code.TUF_NO_SUCH_TARGET
    assert advice_for(code).startswith(kept) != asked_for_by_a_person


def test_the_two_signature_checks_of_a_root_are_told_apart() -> None:
    """A root unsigned by its predecessor needs another ceremony than one unsigned by itself."""
    old = advice_for(Code.TUF_SIGNATURES_ROOT_BY_TRUSTED)
    own = advice_for(Code.TUF_SIGNATURES_ROOT_BY_ITSELF)
    other = advice_for(Code.TUF_SIGNATURES_SNAPSHOT)
    assert len({old, own, other}) == 3
    assert other == advice_for(Code.TUF_SIGNATURES_TIMESTAMP)


def test_a_missing_target_is_not_taken_for_a_spoilt_one() -> None:
    """A misspelt path does not lead people to another mirror."""
    missing, spoilt = advice_for(Code.TUF_NO_SUCH_TARGET), advice_for(Code.TUF_TARGET_DIGEST)
    assert missing != spoilt
    assert spoilt == advice_for(Code.TUF_TARGET_LENGTH)
