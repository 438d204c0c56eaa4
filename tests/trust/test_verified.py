"""`Verified` is made by verifiers and by nobody else."""

import ast
from copy import copy
from pathlib import Path

import pytest

import firmhold
from firmhold.trust.errors import Code, Misuse, UsageFault
from firmhold.trust.verified import Verified, seal

SOURCE = Path(firmhold.__file__).parent

VERIFIERS = {
    "trust/attestation/endorsement.py",
    "trust/freshness/statement.py",
    "protocol/enrolment.py",
    "trust/governance/rollout_act.py",
    "trust/settings/authorised.py",
    "trust/tuf/trusted_set.py",
    "trust/tuf/workflow.py",
    "trust/uptane/full_verification.py",
    "trust/uptane/offline.py",
    "trust/uptane/version_manifest.py",
    "update/admission.py",
    "update/rules.py",
    "update/security.py",
}
"""Every module that may call a value verified: a new one is a decision, made in review."""


def imported_names(file: Path) -> set[str]:
    """Full dotted names of everything that a module imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


def may_seal(file: Path) -> bool:
    """Tell whether a module reaches `seal`, directly or by way of the module that holds it."""
    holder = "firmhold.trust.verified"
    ways = {holder, f"{holder}.seal", f"{holder}._SEAL", f"{holder}.*"}
    return bool(ways & imported_names(file))


def test_only_known_modules_call_a_value_verified() -> None:
    """A new place that claims to have verified something is seen in review."""
    found = {str(file.relative_to(SOURCE)) for file in SOURCE.rglob("*.py") if may_seal(file)}
    assert found == VERIFIERS


def test_a_sealed_value_comes_back() -> None:
    """What was verified is what the reader gets."""
    document = object()
    assert seal(document).value is document


def test_nobody_makes_a_verified_value_from_outside() -> None:
    """Calling the class is no verification."""
    for by in (None, object()):
        with pytest.raises(Misuse) as error:
            Verified("anything", by=by)
        what = "Verified is made by a verifier only"
        assert error.value.fault == UsageFault(code=Code.MISUSE, what=what)


def test_a_verified_value_is_not_exchanged_for_another() -> None:
    """What was verified cannot be replaced afterwards."""
    verified = seal("good")
    with pytest.raises(Misuse) as error:
        verified._value = "bad"  # noqa: SLF001 - the attack itself
    what = "Verified does not change: _value"
    assert error.value.fault == UsageFault(code=Code.MISUSE, what=what)
    assert verified.value == "good"


def test_a_verified_value_is_not_copied_into_a_new_one() -> None:
    """The copy module is no way around the verifier."""
    with pytest.raises(Misuse):
        copy(seal("good"))


def test_verified_values_are_equal_when_what_was_verified_is() -> None:
    """Two verifications of the same thing say the same, and stand for one entry of a set."""
    assert seal("good") == seal("good")
    assert seal("good") != seal("bad")
    assert len({seal("good"), seal("good"), seal("bad")}) == 2
    assert hash(seal("good")) != hash(seal("bad"))


def test_a_verified_value_is_not_equal_to_the_bare_one() -> None:
    """An unverified value never passes for a verified one."""
    assert seal("good") != "good"
    assert hash(seal("good")) != hash("good")


def test_a_verified_value_shows_itself_as_such() -> None:
    """A log line tells verified from unverified."""
    assert repr(seal("good")) == "Verified('good')"
