"""Which slot the boot chain chooses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmhold.update.slots import (
    BAD,
    GOOD,
    UNREADABLE,
    BootRecord,
    BootState,
    Choice,
    Limits,
    Slot,
    SlotRecord,
    choose,
    may_boot,
    worn_out,
)

ANY = {Slot.A: 5, Slot.B: 5}
TRIAL = SlotRecord(BootState.UNKNOWN, tries_left=2)
LAST_TRY = SlotRecord(BootState.UNKNOWN, tries_left=1)
WORN = SlotRecord(BootState.GOOD, bites=3)

CHOICES = {
    "the primary slot, if it is good": (Slot.B, GOOD, GOOD, Slot.B),
    "the primary slot, on trial": (Slot.B, GOOD, TRIAL, Slot.B),
    "the other one after the last try": (Slot.B, GOOD, UNREADABLE, Slot.A),
    "the other one, if the primary is bad": (Slot.B, GOOD, BAD, Slot.A),
    "the other one, if the primary is worn out": (Slot.A, WORN, GOOD, Slot.B),
    "the other one's last try before recovery": (Slot.A, BAD, LAST_TRY, Slot.B),
    "recovery, if both are bad": (Slot.A, BAD, BAD, None),
    "recovery rather than a guess": (Slot.A, UNREADABLE, UNREADABLE, None),
    "recovery, if both are worn out": (Slot.A, WORN, WORN, None),
}

records = st.builds(
    SlotRecord, st.sampled_from(BootState), st.integers(0, 3), bites=st.integers(0, 3)
)
boot_records = st.builds(
    BootRecord, st.sampled_from(Slot), records, records, st.sampled_from([None, *Slot])
)
counters = st.fixed_dictionaries({slot: st.none() | st.integers(0, 3) for slot in Slot})


@pytest.mark.parametrize(("primary", "a", "b", "chosen"), CHOICES.values(), ids=CHOICES)
def test_the_boot_chain_takes(
    primary: Slot, a: SlotRecord, b: SlotRecord, chosen: Slot | None
) -> None:
    """Primary first, then the other slot, then recovery; never a slot that may not boot."""
    assert choose(BootRecord(primary, a, b), ANY, 0).slot is chosen


@given(st.sampled_from(Slot), records, records, st.integers(1, 100))
def test_a_confirmed_slot_never_burns_tries(
    primary: Slot, a: SlotRecord, b: SlotRecord, boots: int
) -> None:
    """However often a device is switched off and on, a good slot stays what it is."""
    record = BootRecord(primary, a, b).marked(primary, GOOD)
    record = choose(record, ANY, 0).record
    for _ in range(boots):
        assert choose(record, ANY, 0) == Choice(primary, record)


def test_a_trial_ends_after_its_tries() -> None:
    """An unconfirmed system that never gets confirmed boots as often as it has tries."""
    record = BootRecord(Slot.B, GOOD, TRIAL)
    booted = []
    for _ in range(4):
        choice = choose(record, ANY, 0)
        booted.append(choice.slot)
        record = choice.record
    assert booted == [Slot.B, Slot.B, Slot.A, Slot.A]
    assert record.b == UNREADABLE


@given(record=boot_records, found=counters, floor=st.integers(0, 3), bitten=st.booleans())
def test_nothing_below_the_floor_boots(
    *, record: BootRecord, found: dict[Slot, int | None], floor: int, bitten: bool
) -> None:
    """What is chosen was signed, reaches the floor, and was allowed to boot."""
    choice = choose(record, found, floor, bitten=bitten)
    if choice.slot is not None:
        counter = found[choice.slot]
        assert counter is not None
        assert counter >= floor
        assert may_boot(record.of(choice.slot))
    assert choice.record.last is choice.slot


@given(boot_records)
def test_the_slot_that_is_not_chosen_keeps_its_record(record: BootRecord) -> None:
    """A boot costs nobody but the slot that boots."""
    choice = choose(record, ANY, 0)
    passed_over = [slot for slot in Slot if slot is not choice.slot]
    assert [choice.record.of(slot) for slot in passed_over] == [
        record.of(slot) for slot in passed_over
    ]


def test_a_good_slot_that_keeps_ending_in_the_watchdog_is_passed_over() -> None:
    """A system that was confirmed and then dies for ever does not keep the device from booting."""
    record = BootRecord(Slot.B, GOOD, GOOD, last=Slot.B)
    booted = []
    for _ in range(3):
        choice = choose(record, ANY, 0, bitten=True)
        booted.append(choice.slot)
        record = choice.record
    assert booted == [Slot.B, Slot.B, Slot.A]
    assert worn_out(record.b)
    assert record.a == GOOD


@pytest.mark.parametrize("last", [None, Slot.B], ids=["recovery", "a slot on trial"])
def test_a_watchdog_reset_is_charged_to_nobody_else(last: Slot | None) -> None:
    """Where recovery or a trial ended in the watchdog, no good slot pays for it."""
    record = BootRecord(Slot.A, GOOD, TRIAL, last=last)
    assert choose(record, ANY, 0, bitten=True).record == BootRecord(Slot.A, GOOD, TRIAL, Slot.A)


def test_bites_stop_at_their_limit() -> None:
    """A count that nobody reads any more does not grow for ever."""
    record = BootRecord(Slot.A, GOOD, GOOD, last=Slot.A)
    for _ in range(5):
        record = choose(record, {Slot.A: 0, Slot.B: None}, 0, bitten=True, limits=Limits()).record
        record = BootRecord(record.primary, record.a, record.b, last=Slot.A)
    assert record.a.bites == Limits().bites


def test_a_slot_has_one_other() -> None:
    """Each slot is the other one's other."""
    assert [slot.other.other for slot in Slot] == [Slot.A, Slot.B]
    assert Slot.A.other is Slot.B


def test_what_is_at_the_floor_boots() -> None:
    """The floor is the least that runs, not the first that does not."""
    record = BootRecord(Slot.A, GOOD, BAD)
    assert choose(record, {Slot.A: 5, Slot.B: None}, 5).slot is Slot.A
    assert choose(record, {Slot.A: 4, Slot.B: None}, 5).slot is None


def test_patience_is_the_devices_own() -> None:
    """A device with less patience passes a slot over sooner."""
    record = BootRecord(Slot.A, SlotRecord(BootState.GOOD, bites=1), GOOD)
    assert choose(record, ANY, 0, limits=Limits(bites=1)).slot is Slot.B
    assert choose(record, ANY, 0, limits=Limits(bites=2)).slot is Slot.A


def test_only_a_good_slot_is_worn_out() -> None:
    """Bites mean nothing for a slot that is bad or on trial."""
    assert worn_out(SlotRecord(BootState.GOOD, bites=3))
    for state in (BootState.BAD, BootState.UNKNOWN):
        assert not worn_out(SlotRecord(state, tries_left=1, bites=3))
