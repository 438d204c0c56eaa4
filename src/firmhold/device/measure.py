"""Measures what is in the slots, as the medium has it, against what was signed and accepted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum, unique

from firmhold.device.ports import BlockDevice
from firmhold.update.journal import Accepted, State
from firmhold.update.pieces import Image, Meter
from firmhold.update.slots import Slot

PIECES_AT_A_TIME = 4
"""Pieces that are read at a time: 256 KiB."""


@unique
class Found(StrEnum):
    """What a slot was found to have."""

    SAME = "as it was signed"
    OTHER = "not what was signed"
    UNKNOWN = "nothing that was installed here"
    """What was on the device from the start, or is being written: nothing signed to compare."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One slot."""

    slot: Slot
    held: Accepted | None
    found: Found


def measured(state: State, slots: Mapping[Slot, BlockDevice]) -> Iterator[Measurement]:
    """Measure each slot. Raises what the medium raises."""
    for slot, medium in slots.items():
        held = state.holds(slot)
        if held is None:
            yield Measurement(slot, None, Found.UNKNOWN)
        else:
            found = Found.SAME if has(medium, held.release.image) else Found.OTHER
            yield Measurement(slot, held, found)


def has(medium: BlockDevice, image: Image) -> bool:
    """Tell whether the medium itself, past any cache, has an image from its first byte on."""
    meter = Meter()
    for first in range(0, image.pieces, PIECES_AT_A_TIME):
        span = image.span(first, min(PIECES_AT_A_TIME, image.pieces - first))
        meter.update(medium.read_back(*span))
    return meter.finish().image == image
