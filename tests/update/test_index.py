"""The index of an image: read in one form only, and never a gap or a step outside."""

import base64
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmhold.trust.encoding import canonical_json
from firmhold.trust.errors import Code, Fault, Refused
from firmhold.trust.faults import Malformed, OverLimit, WrongType
from firmhold.update.index import (
    MAX_EXTENT_PIECES,
    MAX_INDEX_BYTES,
    MAX_WINDOW_BYTES,
    TAG,
    Extent,
    Index,
    Operation,
    Payload,
    Range,
    Recipe,
    most_payload,
    parse_index,
)
from firmhold.update.pieces import PIECE_BYTES, Image, Meter, PieceIndex

SHORT = 1000
MIB = 1 << 20
SHA256 = "ab" * 32
BASE = Image(8 * MIB, bytes(32))


def pieces_of(data: bytes) -> PieceIndex:
    """The pieces of an image."""
    meter = Meter()
    meter.update(data)
    return meter.finish()


PIECES = pieces_of(bytes(range(256)) * (20 * PIECE_BYTES // 256) + bytes(SHORT))
"""Twenty whole pieces and a short one."""

FULL = Recipe(
    None,
    (
        Extent(0, 16, Operation.FULL, Payload(5000, SHA256)),
        Extent(16, 4, Operation.FULL, Payload(100, SHA256)),
        Extent(20, 1, Operation.ZERO),
    ),
)
DELTA = Recipe(
    BASE,
    (
        Extent(0, 2, Operation.COPY, base=Range(7, 2 * PIECE_BYTES)),
        Extent(2, 14, Operation.PATCH, Payload(300, SHA256), Range(MIB, MAX_WINDOW_BYTES)),
        Extent(16, 4, Operation.FULL, Payload(100, SHA256)),
        Extent(20, 1, Operation.COPY, base=Range(BASE.length - SHORT, SHORT)),
    ),
)
INDEX = Index(PIECES, (FULL, DELTA))


def document() -> dict[str, Any]:
    """The index as people would read it, to be bent."""
    value: dict[str, Any] = json.loads(INDEX.to_bytes())
    return value


def fault_of(data: bytes) -> Fault:
    """The fault with which an index of the image is refused."""
    with pytest.raises(Refused) as error:
        parse_index(data, PIECES.image)
    return error.value.fault


def fault_of_bent(bend: Callable[[dict[str, Any]], object]) -> Fault:
    """The fault with which the index is refused once `bend` has changed it."""
    value = document()
    bend(value)
    return fault_of(canonical_json(value))


def test_an_index_reads_back_as_it_was_written() -> None:
    """Every operation, payload and range survives, to the byte."""
    assert parse_index(INDEX.to_bytes(), PIECES.image) == INDEX
    assert parse_index(INDEX.to_bytes(), PIECES.image).image == PIECES.image


def test_a_device_takes_the_recipe_for_the_image_that_it_has() -> None:
    """A device with the base image takes the small recipe, every other one the full recipe."""
    assert INDEX.recipe_for(BASE) == DELTA
    assert INDEX.recipe_for(None) == INDEX.full == FULL
    assert INDEX.recipe_for(replace(BASE, length=BASE.length - 1)) == FULL
    assert INDEX.recipe_for(replace(BASE, root=bytes(31) + b"!")) == FULL


@pytest.mark.parametrize(
    ("piece", "left"),
    [(0, 4), (1, 4), (2, 3), (15, 3), (16, 2), (20, 1), (21, 0)],
)
def test_what_is_left_to_make_begins_with_the_extent_of_the_next_piece(
    piece: int, left: int
) -> None:
    """After a power cut no extent is made again that was there, and none is left out."""
    assert DELTA.beyond(piece) == DELTA.extents[len(DELTA.extents) - left :]


def test_an_extent_lies_where_its_pieces_lie() -> None:
    """The last extent ends where the image ends, not where its last piece would."""
    assert INDEX.span(FULL.extents[1]) == (16 * PIECE_BYTES, 4 * PIECE_BYTES)
    assert INDEX.span(FULL.extents[2]) == (20 * PIECE_BYTES, SHORT)


@pytest.mark.parametrize("length", [1, PIECE_BYTES, MAX_EXTENT_PIECES * PIECE_BYTES])
def test_a_payload_is_little_longer_than_what_it_yields(length: int) -> None:
    """The bound of a payload leaves room for a frame around what cannot be compressed."""
    assert length + 18 < most_payload(length) < length * 1.01 + 600


@pytest.mark.parametrize(
    "data",
    [
        INDEX.to_bytes() + b"\n",
        INDEX.to_bytes().replace(b'"tag"', b'"\\u0074ag"'),
        json.dumps(document(), indent=1).encode(),
    ],
    ids=["line break", "escape", "white space"],
)
def test_an_index_has_one_spelling(data: bytes) -> None:
    """The same index in other bytes is refused: a digest names one index, and one only."""
    assert fault_of(data) == Malformed(
        code=Code.UPDATE_INDEX_SHAPE, where="document", expected="canonical JSON"
    )


def test_an_index_is_bounded() -> None:
    """An index longer than that of the largest image is not read."""
    assert fault_of(b" " * (MAX_INDEX_BYTES + 1)) == OverLimit(
        code=Code.ENCODING_TOO_LARGE, what="document", limit=MAX_INDEX_BYTES
    )


@pytest.mark.parametrize("tag", ["firmhold index 2", "firmhold release 1"])
def test_an_index_of_another_format_is_refused_as_such(tag: str) -> None:
    """A later format, or another document, is not read as this one."""
    assert fault_of_bent(lambda value: value.update(tag=tag, more=1)) == WrongType(
        code=Code.UPDATE_INDEX_FORMAT, role=TAG, found=tag
    )


def extent(value: dict[str, Any], number: int = 1) -> dict[str, Any]:
    """One extent of the recipe with a base image."""
    found: dict[str, Any] = value["recipes"][1]["extents"][number]
    return found


SHAPES: Mapping[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "no object": (lambda value: value.update(recipes=[1]), "recipes[0]"),
    "tag missing": (lambda value: value.pop("tag"), "document.tag"),
    "tag no text": (lambda value: value.update(tag=1), "document.tag"),
    "pieces missing": (lambda value: value.pop("pieces"), "document.pieces"),
    "more members": (lambda value: value.update(more=1), "document.more"),
    "pieces no base64": (lambda value: value.update(pieces="a-b="), "pieces"),
    "pieces no ASCII": (lambda value: value.update(pieces="\u00e9"), "pieces"),
    "pieces no text": (lambda value: value.update(pieces=1), "pieces"),
    "recipes no list": (lambda value: value.update(recipes={}), "recipes"),
    "too many recipes": (lambda value: value.update(recipes=[{}] * 33), "recipes"),
    "recipe without base": (lambda value: value["recipes"][1].pop("base"), "recipes[1].base"),
    "base without root": (
        lambda value: value["recipes"][1]["base"].pop("root"),
        "recipes[1].base.root",
    ),
    "base of nothing": (
        lambda value: value["recipes"][1]["base"].update(length=0),
        "recipes[1].base.length",
    ),
    "base root short": (
        lambda value: value["recipes"][1]["base"].update(root="ab"),
        "recipes[1].base.root",
    ),
    "extent member missing": (lambda value: extent(value).pop("payload"), ".extents[1].payload"),
    "extent member more": (lambda value: extent(value).update(url="x"), ".extents[1].url"),
    "first negative": (lambda value: extent(value).update(first=-2), ".extents[1].first"),
    "first true": (lambda value: extent(value).update(first=True), ".extents[1].first"),
    "pieces no number": (lambda value: extent(value).update(pieces="2"), ".extents[1].pieces"),
    "operation unknown": (
        lambda value: extent(value).update(operation="exec"),
        ".extents[1].operation",
    ),
    "operation no text": (lambda value: extent(value).update(operation=1), "[1].operation"),
    "patch without payload": (lambda value: extent(value).update(payload=None), "[1].payload"),
    "patch without base": (lambda value: extent(value).update(base=None), "[1].base"),
    "copy with payload": (
        lambda value: extent(value, 0).update(payload={"length": 1, "sha256": SHA256}),
        ".extents[0].payload",
    ),
    "full with base": (
        lambda value: extent(value, 2).update(base={"length": 8, "offset": 0}),
        ".extents[2].base",
    ),
    "payload empty": (lambda value: extent(value)["payload"].update(length=0), "payload.length"),
    "payload digest": (
        lambda value: extent(value)["payload"].update(sha256="AB" * 32),
        ".payload.sha256",
    ),
    "payload member": (lambda value: extent(value)["payload"].update(url="x"), ".payload.url"),
    "offset negative": (lambda value: extent(value)["base"].update(offset=-1), ".base.offset"),
    "range length text": (lambda value: extent(value)["base"].update(length=""), ".base.length"),
}


@pytest.mark.parametrize(("bend", "where"), SHAPES.values(), ids=SHAPES)
def test_what_is_no_index_is_refused_where_it_is_none(
    bend: Callable[[dict[str, Any]], object], where: str
) -> None:
    """Each member has its type and its bounds, and the refusal says which had not."""
    fault = fault_of_bent(bend)
    assert isinstance(fault, Malformed)
    assert fault.code is Code.UPDATE_INDEX_SHAPE
    assert fault.where.endswith(where)


def test_hashes_in_another_spelling_of_base64_are_refused() -> None:
    """The bits that base64 leaves over cannot carry anything."""
    index = Index(pieces_of(b"x"), (Recipe(None, (Extent(0, 1, Operation.ZERO),)),))
    hashes = base64.b64encode(index.pieces.hashes[0]).decode()
    bent = f"{hashes[:-2]}{chr(ord(hashes[-2]) + 1)}="
    assert base64.b64decode(bent) == base64.b64decode(hashes)
    with pytest.raises(Refused) as error:
        parse_index(index.to_bytes().replace(hashes.encode(), bent.encode()), index.image)
    assert error.value.fault == Malformed(
        code=Code.UPDATE_INDEX_SHAPE, where="pieces", expected="base64 in its one spelling"
    )


def test_an_index_of_another_image_is_refused() -> None:
    """The hashes in an index must be those of the image that the release manifest names."""
    other = Index(pieces_of(b"another image"), (Recipe(None, (Extent(0, 1, Operation.ZERO),)),))
    assert fault_of(other.to_bytes()).code is Code.UPDATE_PIECE_COUNT
    swapped = replace(PIECES, hashes=(PIECES.hashes[1], PIECES.hashes[-1], *PIECES.hashes[2:]))
    assert fault_of(replace(INDEX, pieces=swapped).to_bytes()).code is Code.UPDATE_IMAGE_ROOT


RECIPES: Mapping[str, tuple[Recipe, ...]] = {
    "none": (),
    "only with a base": (DELTA,),
    "full one last": (DELTA, FULL),
    "two full ones": (FULL, FULL),
    "one base twice": (FULL, DELTA, DELTA),
}


@pytest.mark.parametrize("recipes", RECIPES.values(), ids=RECIPES)
def test_there_is_one_full_recipe_and_one_for_each_base(recipes: tuple[Recipe, ...]) -> None:
    """Whatever image a device has, there is one recipe for it and no choice between two."""
    assert fault_of(Index(PIECES, recipes).to_bytes()) == Malformed(
        code=Code.UPDATE_INDEX_RECIPES,
        where="recipes",
        expected="the full recipe, then one for each base image",
    )


COVERAGES: Mapping[str, tuple[tuple[Extent, ...], str]] = {
    "nothing": ((), ".extents"),
    "cut": (FULL.extents[:-1], ".extents"),
    "gap": ((FULL.extents[0], replace(FULL.extents[1], first=17)), "[1].first"),
    "overlap": ((FULL.extents[0], replace(FULL.extents[1], first=15)), "[1].first"),
    "late begin": (FULL.extents[1:], "[0].first"),
    "order": ((FULL.extents[1], FULL.extents[0], FULL.extents[2]), "[0].first"),
    "twice": ((*FULL.extents, FULL.extents[2]), "[3].first"),
    "no pieces": ((replace(FULL.extents[0], pieces=0),), "[0].pieces"),
    "too many pieces": ((replace(FULL.extents[0], pieces=17),), "[0].pieces"),
    "beyond the end": ((*FULL.extents[:2], replace(FULL.extents[2], pieces=2)), "[2].pieces"),
}


@pytest.mark.parametrize(("extents", "where"), COVERAGES.values(), ids=COVERAGES)
def test_each_piece_is_made_once_and_in_order(extents: tuple[Extent, ...], where: str) -> None:
    """A recipe leaves no piece out, makes none twice and none that the image does not have."""
    fault = fault_of(Index(PIECES, (Recipe(None, extents),)).to_bytes())
    assert isinstance(fault, Malformed)
    assert fault.code is Code.UPDATE_EXTENT_COVERAGE
    assert fault.where.endswith(where)


RANGES: Mapping[str, tuple[int, Range]] = {
    "copy of less": (0, Range(0, 2 * PIECE_BYTES - 1)),
    "copy of more": (0, Range(0, 2 * PIECE_BYTES + 1)),
    "copy beyond the end": (0, Range(BASE.length - 2 * PIECE_BYTES + 1, 2 * PIECE_BYTES)),
    "copy far outside": (0, Range(2**62, 2 * PIECE_BYTES)),
    "no dictionary": (1, Range(0, 7)),
    "window too large": (1, Range(0, MAX_WINDOW_BYTES + 1)),
    "window beyond the end": (1, Range(BASE.length - 7, 8)),
    "window wraps around": (1, Range(2**63 - 8, 16)),
}


@pytest.mark.parametrize(("number", "bent"), RANGES.values(), ids=RANGES)
def test_an_extent_looks_at_the_base_image_and_nowhere_else(number: int, bent: Range) -> None:
    """A range lies within the base image and within the memory that a device has for it."""
    extents = list(DELTA.extents)
    extents[number] = replace(extents[number], base=bent)
    fault = fault_of(Index(PIECES, (FULL, Recipe(BASE, tuple(extents)))).to_bytes())
    assert isinstance(fault, Malformed)
    assert fault.code is Code.UPDATE_EXTENT_BASE
    assert fault.where == f"recipes[1].extents[{number}].base"


@pytest.mark.parametrize("number", [0, 1])
def test_a_recipe_without_a_base_has_no_extents_that_need_one(number: int) -> None:
    """The full recipe works on a device that has nothing."""
    bent = replace(DELTA.extents[number], first=0)
    assert fault_of(Index(PIECES, (Recipe(None, (bent,)),)).to_bytes()) == Malformed(
        code=Code.UPDATE_EXTENT_BASE,
        where="recipes[0].extents[0].base",
        expected="a recipe with a base image",
    )


def test_the_least_that_an_index_may_name_is_read() -> None:
    """A base of one byte and a payload of one byte are within the bounds."""
    extents = (replace(FULL.extents[0], payload=Payload(1, SHA256)), *FULL.extents[1:])
    least = Index(PIECES, (FULL, Recipe(Image(1, bytes(32)), extents)))
    assert parse_index(least.to_bytes(), PIECES.image) == least


@pytest.mark.parametrize(("number", "length"), [(0, 16 * PIECE_BYTES), (1, 4 * PIECE_BYTES)])
def test_a_payload_is_bounded_by_what_it_is_to_yield(number: int, length: int) -> None:
    """No payload can be longer than its extent would be uncompressed, but for the frame."""
    extents = list(FULL.extents)
    most = most_payload(length)
    extents[number] = replace(extents[number], payload=Payload(most, SHA256))
    parse_index(Index(PIECES, (Recipe(None, tuple(extents)),)).to_bytes(), PIECES.image)
    extents[number] = replace(extents[number], payload=Payload(most + 1, SHA256))
    assert fault_of(Index(PIECES, (Recipe(None, tuple(extents)),)).to_bytes()) == Malformed(
        code=Code.UPDATE_EXTENT_PAYLOAD,
        where=f"recipes[0].extents[{number}].payload.length",
        expected=f"at most {most}",
    )


@given(st.integers(0, len(INDEX.to_bytes()) - 1), st.integers(1, 127))
def test_one_changed_byte_is_refused_or_makes_another_index(at: int, change: int) -> None:
    """Nothing in the bytes of an index is without meaning."""
    bent = bytearray(INDEX.to_bytes())
    bent[at] ^= change
    with suppress(Refused):
        assert parse_index(bytes(bent), PIECES.image) != INDEX
