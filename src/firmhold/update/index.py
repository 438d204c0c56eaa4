"""The index of an image: its pieces, and recipes that make them out of little.

An *extent* is the output of one operation; it covers whole pieces. A *recipe* covers every piece of
the image once, in order: the *full* one needs nothing but its payloads, every other one is for
devices that have a certain base image. Which image that is stands in the recipe, so a device knows
before it begins; and each piece that comes out is checked against its signed hash, so it knows
afterwards too.

Version 1 of the format is not kept: nothing promises that a later agent reads it.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum, unique

from firmhold.trust.digest import Expectation, MismatchCodes
from firmhold.trust.encoding import JsonObject, JsonValue, canonical_json, parse_json
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Malformed, WrongType
from firmhold.trust.shape import Shape
from firmhold.update.pieces import MAX_IMAGE_BYTES, Image, PieceIndex, read_pieces

TAG = "firmhold index 1"

MAX_INDEX_BYTES = 32 << 20
"""An index of the largest image, with several recipes."""

MAX_EXTENT_PIECES = 16
"""1 MiB: what one operation yields is held in memory as a whole."""

MAX_WINDOW_BYTES = 4 << 20
"""How much of the base image one operation may look at."""

MIN_DICTIONARY_BYTES = 8
"""Less than this zstd takes for no dictionary."""

MAX_RECIPES = 32
MAX_EXTENTS = 1 << 18

PAYLOAD = MismatchCodes(Code.UPDATE_PAYLOAD_LENGTH, Code.UPDATE_PAYLOAD_DIGEST)

_SHAPE = Shape(Code.UPDATE_INDEX_SHAPE)


@unique
class Operation(StrEnum):
    """How an extent is made."""

    FULL = "full"
    """From its payload alone: one frame of zstd."""
    COPY = "copy"
    """From a range of the base image, byte by byte."""
    PATCH = "patch"
    """From its payload, with a range of the base image as what was said before."""
    ZERO = "zero"
    """From nothing: it is all zeros."""


@dataclass(frozen=True, slots=True)
class Payload:
    """What is fetched for an extent, named by its digest."""

    length: int
    sha256: str

    @property
    def expectation(self) -> Expectation:
        """What the bytes of the payload must be, whole or as they stream by."""
        return Expectation(self.sha256, self.length, {"sha256": self.sha256}, PAYLOAD)


@dataclass(frozen=True, slots=True)
class Range:
    """A range of the base image, in bytes."""

    offset: int
    length: int

    @property
    def end(self) -> int:
        """The first byte behind the range."""
        return self.offset + self.length


@dataclass(frozen=True, slots=True)
class Extent:
    """The output of one operation, `pieces` whole pieces of the image from `first` on."""

    first: int
    pieces: int
    operation: Operation
    payload: Payload | None = None
    base: Range | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """Extents that make the whole image; `base` is the image that they need, None if none."""

    base: Image | None
    extents: tuple[Extent, ...]

    def beyond(self, piece: int) -> tuple[Extent, ...]:
        """Return the extents still to be made when all pieces before `piece` are there."""
        return tuple(extent for extent in self.extents if extent.first + extent.pieces > piece)


@dataclass(frozen=True, slots=True)
class Index:
    """Every piece of an image, and every recipe for it; the full recipe is the first."""

    pieces: PieceIndex
    recipes: tuple[Recipe, ...]

    @property
    def image(self) -> Image:
        """The image that the recipes make."""
        return self.pieces.image

    @property
    def full(self) -> Recipe:
        """The recipe that needs no base image: what every other one falls back to."""
        return self.recipes[0]

    def recipe_for(self, base: Image | None) -> Recipe:
        """Return the recipe for a device that has `base`: the full one where there is none."""
        return next((recipe for recipe in self.recipes if recipe.base == base), self.full)

    def span(self, extent: Extent) -> tuple[int, int]:
        """Return where an extent lies in the image: offset and length, in bytes."""
        return self.image.span(extent.first, extent.pieces)

    def to_bytes(self) -> bytes:
        """Return the one form in which `parse_index` takes this index."""
        hashes = base64.b64encode(b"".join(self.pieces.hashes)).decode()
        recipes: list[JsonValue] = [_written_recipe(recipe) for recipe in self.recipes]
        return canonical_json({"tag": TAG, "pieces": hashes, "recipes": recipes})


def parse_index(data: bytes, image: Image) -> Index:
    """Read `data` as the index of `image`. Raises `Refused`.

    1. canonical JSON of the bounded length, of this kind and version of the format;
    2. the pieces have the signed root;
    3. one full recipe, then one for each base image;
    4. the extents of each cover each piece once, in order;
    5. what they need and where they look is within bounds that the signed lengths give.
    """
    # 1. one spelling
    value = parse_json(data, max_bytes=MAX_INDEX_BYTES)
    if canonical_json(value) != data:
        raise _SHAPE.refusal("document", "canonical JSON")
    members = _SHAPE.an_object(value, "document")
    if members.get("tag") != TAG:
        found = _SHAPE.a_name(members.get("tag"), "document.tag")
        raise Refused(WrongType(code=Code.UPDATE_INDEX_FORMAT, role=TAG, found=found))
    members = _SHAPE.members(members, "document", ("tag", "pieces", "recipes"))
    # 2. the signed root
    pieces = read_pieces(image, read_base64(_SHAPE, members["pieces"], "pieces", MAX_INDEX_BYTES))
    # 3. to 5.
    recipes = _SHAPE.a_list(
        members["recipes"],
        "recipes",
        MAX_RECIPES,
        lambda entry, where: _recipe(entry, where, image),
    )
    _check_bases(recipes)
    return Index(pieces, recipes)


def most_payload(length: int) -> int:
    """Return the most bytes that a payload for `length` bytes of output may have.

    More than zstd needs for what it cannot compress: a longer payload is a mistake or an attack.
    """
    return length + length // 128 + 512


def read_base64(shape: Shape, value: JsonValue, where: str, most: int) -> bytes:
    """Read bytes of which base64, in its one spelling and no longer than `most`, is written."""
    text = shape.a_text(value, where, most)
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise shape.refusal(where, "base64") from error
    if base64.b64encode(data).decode() != text:
        raise shape.refusal(where, "base64 in its one spelling")
    return data


def _recipe(value: JsonValue, where: str, image: Image) -> Recipe:
    members = _SHAPE.members(value, where, ("base", "extents"))
    base = _image(members["base"], f"{where}.base") if members["base"] is not None else None
    reader = _ExtentReader(image, base)
    extents = _SHAPE.a_list(members["extents"], f"{where}.extents", MAX_EXTENTS, reader.read)
    if reader.covered != image.pieces:
        raise _refusal(Code.UPDATE_EXTENT_COVERAGE, f"{where}.extents", f"{image.pieces} pieces")
    return Recipe(base, extents)


def _image(value: JsonValue, where: str) -> Image:
    members = _SHAPE.members(value, where, ("length", "root"))
    length = _SHAPE.a_number(members["length"], f"{where}.length", 1, MAX_IMAGE_BYTES)
    return Image(length, _SHAPE.some_bytes(members["root"], f"{where}.root"))


class _ExtentReader:
    """Reads the extents of one recipe, each from where the one before it ended."""

    def __init__(self, image: Image, base: Image | None) -> None:
        self.covered = 0
        self._image = image
        self._base = base

    def read(self, value: JsonValue, where: str) -> Extent:
        """Return the next extent."""
        names = ("first", "pieces", "operation", "payload", "base")
        members = _SHAPE.members(value, where, names)
        pieces = self._pieces(members, where)
        _, length = self._image.span(self.covered, pieces)
        operation = _operation(members["operation"], f"{where}.operation")
        payload = _payload(members["payload"], f"{where}.payload", operation, length)
        base = self._range(members["base"], f"{where}.base", operation, length)
        extent = Extent(self.covered, pieces, operation, payload, base)
        self.covered += pieces
        return extent

    def _pieces(self, members: JsonObject, where: str) -> int:
        """Check that the extent begins where the last one ended, and ends within the image."""
        first = _SHAPE.a_number(members["first"], f"{where}.first")
        if first != self.covered:
            raise _refusal(Code.UPDATE_EXTENT_COVERAGE, f"{where}.first", str(self.covered))
        most = min(MAX_EXTENT_PIECES, self._image.pieces - self.covered)
        pieces = _SHAPE.a_number(members["pieces"], f"{where}.pieces")
        if not 1 <= pieces <= most:
            raise _refusal(Code.UPDATE_EXTENT_COVERAGE, f"{where}.pieces", f"1 to {most}")
        return pieces

    def _range(
        self, value: JsonValue, where: str, operation: Operation, length: int
    ) -> Range | None:
        """Read where an extent looks; only recipes with a base image have extents that do."""
        if operation not in {Operation.COPY, Operation.PATCH}:
            _require_nothing(value, where)
            return None
        if self._base is None:
            raise _refusal(Code.UPDATE_EXTENT_BASE, where, "a recipe with a base image")
        members = _SHAPE.members(value, where, ("offset", "length"))
        least, most = _WINDOWS[operation](length)
        found = Range(
            _SHAPE.a_number(members["offset"], f"{where}.offset"),
            _SHAPE.a_number(members["length"], f"{where}.length"),
        )
        if not least <= found.length <= most or found.end > self._base.length:
            expected = f"{least} to {most} bytes of the base image's {self._base.length}"
            raise _refusal(Code.UPDATE_EXTENT_BASE, where, expected)
        return found


def _copied(length: int) -> tuple[int, int]:
    return length, length


def _looked_at(_length: int) -> tuple[int, int]:
    return MIN_DICTIONARY_BYTES, MAX_WINDOW_BYTES


_WINDOWS = {Operation.COPY: _copied, Operation.PATCH: _looked_at}
"""The least and the most bytes of the base image that an extent of some length may name."""


def _operation(value: JsonValue, where: str) -> Operation:
    name = _SHAPE.a_name(value, where)
    if name not in set(Operation):
        raise _SHAPE.refusal(where, " or ".join(Operation))
    return Operation(name)


def _payload(value: JsonValue, where: str, operation: Operation, length: int) -> Payload | None:
    if operation not in {Operation.FULL, Operation.PATCH}:
        _require_nothing(value, where)
        return None
    members = _SHAPE.members(value, where, ("length", "sha256"))
    found = _SHAPE.a_number(members["length"], f"{where}.length", 1)
    most = most_payload(length)
    if found > most:
        raise _refusal(Code.UPDATE_EXTENT_PAYLOAD, f"{where}.length", f"at most {most}")
    return Payload(found, _SHAPE.some_bytes(members["sha256"], f"{where}.sha256").hex())


def _require_nothing(value: JsonValue, where: str) -> None:
    if value is not None:
        raise _SHAPE.refusal(where, "null")


def _check_bases(recipes: Sequence[Recipe]) -> None:
    bases = [recipe.base for recipe in recipes]
    if not bases or bases[0] is not None or len(set(bases)) != len(bases):
        expected = "the full recipe, then one for each base image"
        raise _refusal(Code.UPDATE_INDEX_RECIPES, "recipes", expected)


def _refusal(code: Code, where: str, expected: str) -> Refused:
    return Refused(Malformed(code=code, where=where, expected=expected))


def _written_recipe(recipe: Recipe) -> JsonObject:
    base = recipe.base
    return {
        "base": None if base is None else {"length": base.length, "root": base.root.hex()},
        "extents": [_written_extent(extent) for extent in recipe.extents],
    }


def _written_extent(extent: Extent) -> JsonObject:
    payload, base = extent.payload, extent.base
    return {
        "first": extent.first,
        "pieces": extent.pieces,
        "operation": str(extent.operation),
        "payload": None
        if payload is None
        else {"length": payload.length, "sha256": payload.sha256},
        "base": None if base is None else {"offset": base.offset, "length": base.length},
    }
