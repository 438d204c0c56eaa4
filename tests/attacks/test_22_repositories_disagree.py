"""Row 22: the Director's word and the image repository's do not agree about an image."""

from collections.abc import Callable

import pytest
from tests.attacks.flashed import TWO, assert_held
from tuf.api.metadata import TargetFile

from firmhold.drill.rehearsal import Rehearsal
from firmhold.trust.errors import Code


def longer(word: TargetFile) -> None:
    """One byte more."""
    word.length += 1


def other_digest(word: TargetFile) -> None:
    """The digest of something else."""
    word.hashes["sha256"] = "00" * 32


def one_digest_of_two(word: TargetFile) -> None:
    """One digest right, one wrong."""
    word.hashes["sha512"] = "00" * 64


def no_digest_in_common(word: TargetFile) -> None:
    """Nothing by which the two could be compared."""
    word.hashes.clear()
    word.hashes["sha3-256"] = "00" * 32


LIES: dict[str, tuple[Callable[[TargetFile], None], Code]] = {
    "longer": (longer, Code.UPTANE_LENGTH),
    "other digest": (other_digest, Code.UPTANE_DIGEST),
    "one digest of two": (one_digest_of_two, Code.UPTANE_DIGEST),
    "no digest in common": (no_digest_in_common, Code.UPTANE_DIGEST),
}


@pytest.mark.parametrize(("lie", "code"), LIES.values(), ids=LIES)
def test_an_image_of_which_two_things_are_said_is_not_installed(
    device: Rehearsal, lie: Callable[[TargetFile], None], code: Code
) -> None:
    """Both repositories stand for the same bytes, or nobody does."""
    device.offer(TWO, 2, security=2)
    before = device.flash()

    lie(device.domain.director.targets().targets[device.domain.path(2)])
    device.domain.direct()
    assert device.check_in() is code

    assert_held(device, before)
