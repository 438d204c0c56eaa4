"""Step 2: from an image to extents, and to less of them for devices that have an older image.

The same files give the same bytes, always. What is zero is not shipped, what the base image has
somewhere is copied from there, and the rest is compressed: alone, or with the same region of the
base image in view, whichever is smaller. Before anything is given out every recipe is carried out
here, as a device will do it: no extent yields anything else than the image.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from firmhold.trust.tlog.merkle import hash_leaf
from firmhold.update.extents import compress, produce
from firmhold.update.index import (
    MAX_EXTENT_PIECES,
    MAX_WINDOW_BYTES,
    MIN_DICTIONARY_BYTES,
    Extent,
    Index,
    Operation,
    Payload,
    Range,
    Recipe,
)
from firmhold.update.pieces import PIECE_BYTES, Meter, PieceIndex, Reader

_READ_BYTES = 1 << 20
_ZERO_PIECE = hash_leaf(bytes(PIECE_BYTES))


@dataclass(frozen=True, slots=True)
class Made:
    """An index, and the payloads that it names, by their SHA-256 in hexadecimal."""

    index: Index
    payloads: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class _Run:
    """Neighbouring pieces that one extent covers; `base` is where in the base image they stand."""

    first: int
    pieces: int
    operation: Operation
    base: int | None


class _ImageFile:
    """An image on disk: its pieces are measured once, its bytes are read where they are needed."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.pieces = _measured(file)
        self.numbers: dict[bytes, int] = {}
        for number, leaf in enumerate(self.pieces.hashes):
            self.numbers.setdefault(leaf, number)

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes of the image."""
        self._file.seek(offset)
        return self._file.read(length)

    def find(self, leaf: bytes, near: Sequence[int]) -> int | None:
        """Return the number of a piece with this hash: one of `near` rather than another."""
        hashes = self.pieces.hashes
        there = (number for number in near if number < len(hashes) and hashes[number] == leaf)
        return next(there, self.numbers.get(leaf))


@dataclass(slots=True)
class _Maker:
    """Makes recipes for one image; payloads that two recipes need are made and kept once."""

    new: _ImageFile
    payloads: dict[str, bytes] = field(default_factory=dict)

    def recipe(self, base: _ImageFile | None) -> Recipe:
        """Return the recipe for devices that have `base`, or for all."""
        extents = tuple(self._extent(run, base) for run in _runs(self.new, base))
        return Recipe(None if base is None else base.pieces.image, extents)

    def _extent(self, run: _Run, base: _ImageFile | None) -> Extent:
        offset, length = self.new.pieces.image.span(run.first, run.pieces)
        if run.operation is Operation.ZERO:
            return Extent(run.first, run.pieces, run.operation)
        if run.base is not None:
            copied = Range(run.base * PIECE_BYTES, length)
            return Extent(run.first, run.pieces, Operation.COPY, base=copied)
        data = self.new.read(offset, length)
        full, window = compress(data), _window(offset, length, base)
        if base is not None and window is not None:
            patch = compress(data, base.read(window.offset, window.length))
            if len(patch) < len(full):
                payload = self._kept(patch)
                return Extent(run.first, run.pieces, Operation.PATCH, payload, window)
        return Extent(run.first, run.pieces, Operation.FULL, self._kept(full))

    def _kept(self, payload: bytes) -> Payload:
        sha256 = hashlib.sha256(payload).hexdigest()
        self.payloads[sha256] = payload
        return Payload(len(payload), sha256)


def make_extents(new: Path, *bases: Path) -> Made:
    """Return the index of the image `new`, with a recipe for each of the images `bases`."""
    with ExitStack() as stack:
        files = [_ImageFile(stack.enter_context(path.open("rb"))) for path in (new, *bases)]
        maker = _Maker(files[0])
        known = {file.pieces.image: file for file in files[1:] if file.pieces.hashes}
        recipes = (maker.recipe(None), *(maker.recipe(base) for base in known.values()))
        made = Made(Index(files[0].pieces, recipes), maker.payloads)
        for recipe in recipes:
            _carry_out(made, recipe, files[0] if recipe.base is None else known[recipe.base])
    return made


def _carry_out(made: Made, recipe: Recipe, base: _ImageFile) -> None:
    """Pass if `recipe` yields the image, from the very payloads that are given out."""
    result = Reader(made.index.pieces)
    for extent in recipe.extents:
        payload = b"" if extent.payload is None else made.payloads[extent.payload.sha256]
        result.update(produce(made.index, extent, payload, base.read))
    result.finish()


def _measured(file: BinaryIO) -> PieceIndex:
    meter = Meter()
    while data := file.read(_READ_BYTES):
        meter.update(data)
    return meter.finish()


def _runs(new: _ImageFile, base: _ImageFile | None) -> Iterator[_Run]:
    """Yield the pieces of `new` in runs that each come about in one way."""
    run: _Run | None = None
    for number, leaf in enumerate(new.pieces.hashes):
        piece = _source(new, number, leaf, base, run)
        if run is not None and _continues(run, piece):
            run = _Run(run.first, run.pieces + 1, run.operation, run.base)
            continue
        if run is not None:
            yield run
        run = piece
    if run is not None:
        yield run


def _source(
    new: _ImageFile, number: int, leaf: bytes, base: _ImageFile | None, before: _Run | None
) -> _Run:
    """How the piece `number` comes about, alone."""
    _, length = new.pieces.image.span(number, 1)
    zero = _ZERO_PIECE if length == PIECE_BYTES else hash_leaf(bytes(length))
    if leaf == zero:
        return _Run(number, 1, Operation.ZERO, None)
    if base is not None:
        following = () if before is None or before.base is None else (before.base + before.pieces,)
        found = base.find(leaf, (*following, number))
        if found is not None:
            return _Run(number, 1, Operation.COPY, found)
    return _Run(number, 1, Operation.FULL, None)


def _continues(run: _Run, piece: _Run) -> bool:
    if run.operation is not piece.operation or run.pieces == MAX_EXTENT_PIECES:
        return False
    return run.base is None or run.base + run.pieces == piece.base


def _window(offset: int, length: int, base: _ImageFile | None) -> Range | None:
    """The region of the base image around `offset`; None if there is no base, or next to none."""
    if base is None or base.pieces.image.length < MIN_DICTIONARY_BYTES:
        return None
    whole = base.pieces.image.length
    size = min(whole, MAX_WINDOW_BYTES)
    start = offset + length // 2 - size // 2
    return Range(max(0, min(start, whole - size)), size)
