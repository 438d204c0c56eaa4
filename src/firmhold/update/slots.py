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

    bites: int = 3
    """Watchdog resets without a healthy boot between them that end a good slot."""
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
    """What the boot chain keeps: the slot to try first, a record for each, and which ran last."""

    primary: Slot
    a: SlotRecord
    b: SlotRecord
    last: Slot | None = None
    """Written when another slot boots than the last time: a bite belongs to who was bitten."""

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
    """To be durable before the slot is entered; unchanged when a good slot boots once more."""


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
    if bitten:
        record = _charged(record, limits)
    for slot in (record.primary, record.primary.other):
        counter, known = counters[slot], record.of(slot)
        if counter is not None and counter >= floor and may_boot(known, limits):
            return Choice(slot, replace(record.marked(slot, _spent(known)), last=slot))
    return Choice(None, replace(record, last=None))


def may_boot(record: SlotRecord, limits: Limits = LIMITS) -> bool:
    """Tell whether a slot's record lets it boot."""
    if record.state is BootState.UNKNOWN:
        return record.tries_left > 0
    return record.state is BootState.GOOD and record.bites < limits.bites


def worn_out(record: SlotRecord, limits: Limits = LIMITS) -> bool:
    """Tell whether a good slot was bitten so often that it is passed over."""
    return record.state is BootState.GOOD and record.bites >= limits.bites


def _charged(record: BootRecord, limits: Limits) -> BootRecord:
    """The record with one bite more for the slot that ran, if it is a good one."""
    if record.last is None:
        return record
    known = record.of(record.last)
    if known.state is not BootState.GOOD:
        return record
    return record.marked(record.last, replace(known, bites=min(known.bites + 1, limits.bites)))


def _spent(record: SlotRecord) -> SlotRecord:
    """The record after a boot: an unknown slot has one try less."""
    if record.state is BootState.UNKNOWN:
        return replace(record, tries_left=record.tries_left - 1)
    return record
