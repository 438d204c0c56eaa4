"""The targets of releases are not deaf: they take what is honest, and only that."""

from collections.abc import Callable

import pytest
from fuzz.promises import SEEDS
from fuzz.release_words import IMAGE, PIECES, made_of

from firmhold.trust.errors import Refused
from firmhold.update.index import Index, parse_index
from firmhold.update.pieces import PIECE_BYTES
from firmhold.update.release import parse_release
from firmhold.update.security import parse_counter, parse_revert


def index_of_image(data: bytes) -> Index:
    """Read an index of the targets' own image."""
    return parse_index(data, PIECES.image)


@pytest.mark.parametrize(
    ("target", "parse", "taken"),
    [
        (
            "release",
            parse_release,
            ["counter_huge", "feature", "odd_extensions", "old", "proof", "security", "trust"],
        ),
        ("security_words", parse_counter, ["counter"]),
        ("security_words", parse_revert, ["revert"]),
        ("index", index_of_image, ["full_only", "honest"]),
    ],
    ids=["release", "counter", "revert", "index"],
)
def test_honest_seeds_are_read_and_hostile_ones_are_not(
    target: str, parse: Callable[[bytes], object], taken: list[str]
) -> None:
    """Of all seeds, the well-formed ones are read and no others."""
    read = []
    for file in sorted((SEEDS / target).iterdir()):
        try:
            parse(file.read_bytes())
        except Refused:
            continue
        read.append(file.name)
    assert read == taken


def test_honest_payloads_make_their_extents_and_hostile_ones_none() -> None:
    """Of all seeds, those that hold what was signed make it, one extent each or both patches."""
    files = sorted((SEEDS / "extent").iterdir())
    made = {file.name: made_of(file.read_bytes()) for file in files}
    assert {name: number for name, number in made.items() if number} == {
        "whole_image": 1,
        "last_piece": 2,
        "patch": 1,
    }


def test_the_image_of_the_targets_has_a_short_last_piece() -> None:
    """The short piece, where lengths are easily mistaken, is among what is made."""
    assert len(IMAGE) % PIECE_BYTES == 1003
