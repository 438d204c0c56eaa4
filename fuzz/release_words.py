"""What a release is made of, thrown as any bytes at who reads it on the device.

* `release`: refused, or a manifest that is written again to the byte and can be asked anything.
* `security_words`: the security authority's counter and leave to go back, likewise.
* `index`: refused, or recipes that make each piece once, out of ranges and payloads within bounds.
* `extent`: whatever a payload holds, what comes out is what was signed, or nothing does.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from itertools import pairwise
from random import Random

from firmhold.sim.releases import MAIN, MODEL, PRODUCT, RADIO, START
from firmhold.trust.device_id import DeviceId
from firmhold.trust.errors import Refused
from firmhold.trust.verified import seal
from firmhold.update.compatibility import Device, Part, findings
from firmhold.update.extents import produce
from firmhold.update.index import (
    MAX_EXTENT_PIECES,
    MAX_WINDOW_BYTES,
    Extent,
    Index,
    Operation,
    Payload,
    Range,
    Recipe,
    most_payload,
    parse_index,
)
from firmhold.update.pieces import PIECE_BYTES, Meter, PieceIndex
from firmhold.update.release import Release, parse_release
from firmhold.update.schedule import due, starts_at
from firmhold.update.security import parse_counter, parse_revert
from firmhold.update.version import AgentVersion, ReleaseCounter, SecurityCounter
from fuzz.promises import BrokenPromise

BASE = Random(76).randbytes(2 * PIECE_BYTES)  # noqa: S311 - the same bytes in every run
IMAGE = BASE[:PIECE_BYTES] + bytes(PIECE_BYTES) + b"new" + BASE[3000:4000]
"""Three pieces, the last one short: one of the base, one of zeros, one that is patched."""

DEVICE = Device(
    DeviceId("device-1"),
    PRODUCT,
    AgentVersion(1, 2, 0),
    SecurityCounter(3),
    {MAIN: Part(MODEL, 2, ReleaseCounter(6)), RADIO: Part(MODEL, 2, ReleaseCounter(9))},
    frozenset(),
)

_DAYS = (-10_000, 0, 1, 400, 2_000_000)


def measured(data: bytes) -> PieceIndex:
    """The pieces of an image."""
    meter = Meter()
    meter.update(data)
    return meter.finish()


PIECES = measured(IMAGE)


def fuzz_release(data: bytes) -> None:
    """The reader of manifests: refused, or the one manifest of these bytes."""
    try:
        release = parse_release(data)
    except Refused:
        return
    if release.to_bytes() != data or release.digest != hashlib.sha256(data).digest():
        raise BrokenPromise("one_digest_names_one_release")
    _require_turns(release)
    names = [each.component for each in release.components]
    chosen = dict.fromkeys(names, seal(release))
    if release.counter < ReleaseCounter(6) and not findings(chosen, DEVICE):
        raise BrokenPromise("nothing_goes_back_without_leave")
    if release.security_counter < DEVICE.floor and not findings(chosen, DEVICE):
        raise BrokenPromise("nothing_goes_below_the_floor")


def fuzz_security_words(data: bytes) -> None:
    """The readers of counter and leave: refused, or written again to the byte; never both."""
    read = 0
    for parse in (parse_counter, parse_revert):
        with suppress(Refused):
            if parse(data).to_bytes() != data:
                raise BrokenPromise("a_document_has_one_spelling")
            read += 1
    if read > 1:
        raise BrokenPromise("a_document_is_of_one_kind")


def fuzz_index(data: bytes) -> None:
    """The reader of indexes: refused, or recipes that a device can carry out blindly."""
    try:
        index = parse_index(data, PIECES.image)
    except Refused:
        return
    if index.to_bytes() != data or index.pieces != PIECES:
        raise BrokenPromise("an_index_is_of_its_image")
    if index.full.base is not None:
        raise BrokenPromise("there_is_a_full_recipe")
    for recipe in index.recipes:
        _require_each_piece_once(index, recipe)
        for extent in recipe.extents:
            _require_bounds(index, recipe, extent)


def fuzz_extent(data: bytes) -> None:
    """A payload that bears its own digest, as a whole extent and as a patch of the base."""
    for extent in extents_with(data):
        offset, length = PIECES.image.span(extent.first, extent.pieces)
        with suppress(Refused):
            if produce(_index(extent), extent, data, read_base) != IMAGE[offset : offset + length]:
                raise BrokenPromise("nothing_comes_out_that_was_not_signed")


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "release": fuzz_release,
    "security_words": fuzz_security_words,
    "index": fuzz_index,
    "extent": fuzz_extent,
}


def extents_with(payload: bytes) -> Iterator[Extent]:
    """Every extent of the image that could be made of this payload."""
    named = Payload(len(payload), hashlib.sha256(payload).hexdigest())
    yield Extent(0, 3, Operation.FULL, named)
    yield Extent(2, 1, Operation.FULL, named)
    yield Extent(2, 1, Operation.PATCH, named, Range(0, len(BASE)))


def read_base(offset: int, length: int) -> bytes:
    """Read the image that the device has."""
    return BASE[offset : offset + length]


def made_of(payload: bytes) -> int:
    """How many extents are made of a payload."""
    made = 0
    for extent in extents_with(payload):
        with suppress(Refused):
            produce(_index(extent), extent, payload, read_base)
            made += 1
    return made


def _index(extent: Extent) -> Index:
    return Index(PIECES, (Recipe(None, (extent,)),))


def _require_turns(release: Release) -> None:
    schedule, digest = release.schedule, release.digest
    for device in (DeviceId("a"), DeviceId("device-2"), DeviceId("\u00e9" * 99)):
        moments = [START + timedelta(days=days) for days in _DAYS]
        turns = [due(schedule, device, digest, moment) for moment in moments]
        if turns != sorted(turns):
            raise BrokenPromise("once_due_is_always_due")
        if starts_at(schedule, device, digest) < schedule.earliest_start:
            raise BrokenPromise("nobody_begins_before_the_start")


def _require_each_piece_once(index: Index, recipe: Recipe) -> None:
    ends = [extent.first + extent.pieces for extent in recipe.extents]
    firsts = [extent.first for extent in recipe.extents]
    if [*firsts, index.image.pieces] != [0, *ends]:
        raise BrokenPromise("each_piece_is_made_once")
    if any(later <= earlier for earlier, later in pairwise(firsts)):
        raise BrokenPromise("extents_go_forward")


def _require_bounds(index: Index, recipe: Recipe, extent: Extent) -> None:
    _, length = index.span(extent)
    if not 0 < length <= MAX_EXTENT_PIECES * PIECE_BYTES:
        raise BrokenPromise("an_extent_fits_into_memory")
    if extent.payload is not None and extent.payload.length > most_payload(length):
        raise BrokenPromise("a_payload_is_bounded")
    if extent.base is None:
        return
    if recipe.base is None or not 0 <= extent.base.offset <= extent.base.end <= recipe.base.length:
        raise BrokenPromise("a_range_lies_in_the_base")
    if extent.base.length > max(MAX_WINDOW_BYTES, length):
        raise BrokenPromise("a_window_fits_into_memory")
