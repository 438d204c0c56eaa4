"""What the boot chain and the hardware of a simulated machine remember."""

from collections.abc import Hashable
from dataclasses import dataclass, replace

from firmhold.sim.flash import Fate, Supply
from firmhold.update.slots import UNREADABLE, BootRecord, Slot, SlotRecord


@dataclass(frozen=True, slots=True)
class MarkWrite:
    """The record of one slot replaced."""

    slot: Slot
    record: SlotRecord


@dataclass(frozen=True, slots=True)
class PreferWrite:
    """Another slot made the one to try first."""

    slot: Slot


@dataclass(frozen=True, slots=True)
class BootWrite:
    """What the boot chain itself remembers of a boot."""

    record: BootRecord


BootOperation = MarkWrite | PreferWrite | BootWrite


class SimBootRecord:
    """The boot chain's record, durable as soon as it is written.

    A torn mark makes that slot's record unreadable, and a torn preference is the default one. What
    the boot chain itself counts, it counts atomically: else a cut could spend every try at once.
    """

    def __init__(self, supply: Supply, record: BootRecord) -> None:
        self.record = record
        self.booted: Slot | None = None
        self._supply = supply
        supply.media.append(self)

    def running(self) -> Slot | None:
        """Return the slot that was booted."""
        return self.booted

    def read(self) -> BootRecord:
        """Return the record."""
        return self.record

    def mark(self, slot: Slot, record: SlotRecord) -> None:
        """Replace the record of one slot."""
        self.write(MarkWrite(slot, record))

    def prefer(self, slot: Slot) -> None:
        """Have `slot` tried first."""
        self.write(PreferWrite(slot))

    def write(self, operation: BootOperation) -> None:
        """Perform one write."""
        self._supply.spend(self, operation)
        self.record = _written(self.record, operation)

    def durable(self, fate: Fate, operation: Hashable | None) -> BootRecord:
        """Return the record after a cut."""
        if not isinstance(operation, BootOperation) or fate is Fate.LOST:
            return self.record
        left = _written if fate is Fate.KEPT else _torn
        return left(self.record, operation)

    def hold(self, content: Hashable) -> None:
        """Hold this record."""
        if isinstance(content, BootRecord):
            self.record = content


class SimFloor:
    """A number that never falls; a cut leaves the old one or the new one."""

    def __init__(self, supply: Supply, counter: int = 0) -> None:
        self.counter = counter
        self._supply = supply
        supply.media.append(self)

    def read(self) -> int:
        """Return the floor."""
        return self.counter

    def raise_to(self, counter: int) -> None:
        """Raise the floor."""
        if counter > self.counter:
            self._supply.spend(self, counter)
            self.counter = counter

    def durable(self, fate: Fate, operation: Hashable | None) -> int:
        """Return the floor after a cut."""
        return operation if fate is Fate.KEPT and isinstance(operation, int) else self.counter

    def hold(self, content: Hashable) -> None:
        """Hold this number."""
        if isinstance(content, int):
            self.counter = content


def _written(record: BootRecord, operation: BootOperation) -> BootRecord:
    match operation:
        case MarkWrite(slot, slot_record):
            return record.marked(slot, slot_record)
        case PreferWrite(slot):
            return replace(record, primary=slot)
        case _:  # BootWrite
            return operation.record


def _torn(record: BootRecord, operation: BootOperation) -> BootRecord:
    match operation:
        case MarkWrite(slot):
            return record.marked(slot, UNREADABLE)
        case PreferWrite():
            return replace(record, primary=Slot.A)
        case _:  # BootWrite
            return record
