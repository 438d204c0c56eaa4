"""Two slots, what the boot chain remembers of each, and which one it boots.

Laws of this module:

* The state of a slot is one of three. *Good*: confirmed by a trial boot. *Bad*: never to be booted.
  *Unknown*: nobody has found out yet, or nobody can read what was found out.
* Tries are spent by unknown slots only. Booting a good slot writes nothing and costs nothing,
  however often the power fails.
* A good slot that ends in the watchdog is *bitten*, which is counted apart from tries and by
  watchdog resets alone; one that is bitten too often is passed over.
* Nothing below the security floor boots, whatever its state.
* Where no slot may boot, the recovery system does: the last resort, and never a slot by guess.

`choose` is the whole rule; boot loaders differ in where they keep the record, not in this.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum, unique


@unique
class Slot(StrEnum):
    """One of the two places for a system; on a device of several parts, one place for each part."""

    A = "a"
    B = "b"

    @property
    def other(self) -> "Slot":
        """The slot that this one is not."""
        return Slot.B if self is Slot.A else Slot.A


@unique
class BootState(StrEnum):
    """What is known about booting a slot."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much patience a device has; each is at least 1."""

    tries: int = 3
    """Boots that an unknown slot gets."""
    bites: int = 3
    """Watchdog resets in a row, without a healthy boot between them, that a good slot gets."""
    attempts: int = 3
    """How often one installation is written, or switched to, anew."""
    failures: int = 3
    """Failed installations of a release after which not even recovery takes it again."""


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class SlotRecord:
    """What the boot chain keeps about one slot."""

    state: BootState
    tries_left: int = 0
    """Boots that are left to an unknown slot; means nothing in another state."""
    bites: int = 0
    """Watchdog resets of a good slot since it was last found healthy."""


GOOD = SlotRecord(BootState.GOOD)
BAD = SlotRecord(BootState.BAD)
UNREADABLE = SlotRecord(BootState.UNKNOWN)
"""What a record that cannot be read says: unknown, and nothing to try with."""


@dataclass(frozen=True, slots=True)
class BootRecord:
    """What the boot chain keeps: the slot to try first, and a record for each."""

    primary: Slot
    a: SlotRecord
    b: SlotRecord

    def of(self, slot: Slot) -> SlotRecord:
        """The record of one slot."""
        return self.a if slot is Slot.A else self.b

    def marked(self, slot: Slot, record: SlotRecord) -> "BootRecord":
        """The same with another record for `slot`."""
        return replace(self, a=record) if slot is Slot.A else replace(self, b=record)


@dataclass(frozen=True, slots=True)
class Choice:
    """What boots now (None: the recovery system), and what the boot chain remembers of it."""

    slot: Slot | None
    record: BootRecord
    """To be durable before the slot is entered; unchanged when a good slot boots."""


def choose(
    record: BootRecord,
    counters: Mapping[Slot, int | None],
    floor: int,
    *,
    bitten: bool = False,
    limits: Limits = LIMITS,
) -> Choice:
    """Choose what boots.

    `counters` are the security counters in what the slots hold (None: nothing that is signed);
    `bitten` says that the watchdog ended the last run. The primary slot comes first.
    """
    order = [
        slot for slot in (record.primary, record.primary.other) if _at_least(counters[slot], floor)
    ]
    if bitten:
        record = _charged(record, order, limits)
    for slot in order:
        if may_boot(record.of(slot), limits):
            return Choice(slot, record.marked(slot, _spent(record.of(slot))))
    return Choice(None, record)


def may_boot(record: SlotRecord, limits: Limits = LIMITS) -> bool:
    """Tell whether a slot's record lets it boot."""
    if record.state is BootState.UNKNOWN:
        return record.tries_left > 0
    return record.state is BootState.GOOD and record.bites < limits.bites


def worn_out(record: SlotRecord, limits: Limits = LIMITS) -> bool:
    """Tell whether a good slot was bitten so often that it is passed over."""
    return record.state is BootState.GOOD and record.bites >= limits.bites


def _at_least(counter: int | None, floor: int) -> bool:
    return counter is not None and counter >= floor


def _charged(record: BootRecord, order: list[Slot], limits: Limits) -> BootRecord:
    """The record with one bite more for the slot that would boot, if it is a good one."""
    for slot in order:
        known = record.of(slot)
        if may_boot(known, limits):
            good = known.state is BootState.GOOD
            bitten = replace(known, bites=known.bites + 1)
            return record.marked(slot, bitten) if good else record
    return record


def _spent(record: SlotRecord) -> SlotRecord:
    """The record after a boot: an unknown slot has one try less."""
    if record.state is BootState.UNKNOWN:
        return replace(record, tries_left=record.tries_left - 1)
    return record
