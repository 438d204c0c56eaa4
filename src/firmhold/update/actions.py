"""What an installation asks to be done; a device performs it and decides nothing.

Each may be performed twice: what was cut off is done again.
"""

from dataclasses import dataclass
from typing import TypeAlias

from firmhold.update.journal import Candidate
from firmhold.update.slots import Slot, SlotRecord


@dataclass(frozen=True, slots=True)
class Mark:
    """Replace what the boot chain keeps about a slot, durably."""

    slot: Slot
    record: SlotRecord


@dataclass(frozen=True, slots=True)
class Prefer:
    """Have the boot chain try `slot` first from now on, durably."""

    slot: Slot


@dataclass(frozen=True, slots=True)
class WriteExtent:
    """Write the extent that makes piece `first` into the slot, durably; then `Written`."""

    slot: Slot
    release: Candidate
    first: int


@dataclass(frozen=True, slots=True)
class CopyPieces:
    """Write some pieces, from `first` on, as the running slot has them, durably; then `Written`."""

    slot: Slot
    release: Candidate
    first: int


@dataclass(frozen=True, slots=True)
class ReadBack:
    """Measure the image in the slot from the medium, not from a cache; then `Measured`."""

    slot: Slot
    release: Candidate


@dataclass(frozen=True, slots=True)
class CheckHealth:
    """Run the health checks of the running system; then `Judged`."""

    release: bytes | None
    """The release whose checks they are, by digest; None: nobody knows which one runs."""


@dataclass(frozen=True, slots=True)
class RaiseFloor:
    """Raise the security floor of the hardware, durably; lower than it is: nothing to do."""

    to: int


@dataclass(frozen=True, slots=True)
class Reboot:
    """Start the device anew."""


Action: TypeAlias = (
    Mark | Prefer | WriteExtent | CopyPieces | ReadBack | CheckHealth | RaiseFloor | Reboot
)
Actions: TypeAlias = tuple[Action, ...]
