"""The time floor: never back within an epoch, never far ahead by one word, never for ever."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmhold.sim.clock import BEGIN
from firmhold.trust.device_id import DeviceId
from firmhold.trust.errors import Code, Damaged, Fault, Refused
from firmhold.trust.faults import Absent, Malformed, VersionMismatch
from firmhold.trust.freshness.statement import Question, SignedTime
from firmhold.trust.freshness.time_floor import (
    CLOCK_ERROR,
    MAX_BYTES,
    TimeFloor,
    Uptime,
    WitnessedTime,
)
from firmhold.trust.settings.trust_settings import PermittedJump
from firmhold.trust.tuf.roles import Root
from firmhold.trust.tuf.root_fields import FRESHNESS_FIELD, FreshnessEpoch, RootFields
from firmhold.trust.verified import Verified, seal

DAY = 86_400
PERMITTED = PermittedJump(per_boot=10 * DAY, total=25 * DAY)
YEAR_1970 = datetime(1970, 1, 1, tzinfo=UTC)
YEAR_2100 = datetime(2100, 1, 1, tzinfo=UTC)
LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
QUESTION = Question(DeviceId("camera-7"), bytes(32), 1, bytes(32))
START = Uptime("boot 1", 100)


def day(number: float) -> datetime:
    """The moment so many days after the world began."""
    return BEGIN + timedelta(days=number)


def said(moment: datetime, epoch: int = 1) -> Verified[SignedTime]:
    """A verified statement that it is `moment`."""
    later = min(moment, LAST - timedelta(hours=1)) + timedelta(hours=1)
    return seal(SignedTime(QUESTION, moment, later, epoch, 1, bytes(32), None))


def witnessed(moment: datetime) -> Verified[WitnessedTime]:
    """A verified word of a witness that it is `moment`."""
    return seal(WitnessedTime("witness.example", moment))


def up(seconds: float, boot: str = "boot 1") -> Uptime:
    """So many seconds after START, or after another boot."""
    return Uptime(boot, int(seconds) + (START.seconds if boot == START.boot else 0))


def refused(act: Callable[[], object]) -> Fault:
    """The fault with which `act` is refused."""
    with pytest.raises(Refused) as error:
        act()
    return error.value.fault


@pytest.fixture(scope="session")
def root_of(root: Verified[Root]) -> Callable[..., Verified[Root]]:
    """A root with an epoch that begins on a day, or without any."""

    def make(epoch: int, not_before: datetime) -> Verified[Root]:
        freshness = FreshnessEpoch(epoch, not_before) if epoch else None
        return seal(replace(root.value, fields=RootFields(freshness=freshness)))

    return make


RootOf = Callable[[int, datetime], Verified[Root]]


@pytest.fixture(name="floor")
def _floor(root_of: RootOf) -> TimeFloor:
    """A device of epoch 1 that knows its root and nothing else."""
    return TimeFloor.begin(root_of(1, BEGIN), START)


def test_a_new_device_begins_where_its_root_does(floor: TimeFloor) -> None:
    """Epoch and time come from the root; nothing was jumped, nothing is in doubt."""
    assert floor == TimeFloor(1, BEGIN, "boot 1", 100)
    assert floor.now(START) == BEGIN
    assert not floor.recovery


def test_a_root_without_an_epoch_begins_no_floor(root_of: RootOf) -> None:
    """A device cannot begin to count from nowhere."""
    assert refused(lambda: TimeFloor.begin(root_of(0, BEGIN), START)) == Absent(
        code=Code.FRESHNESS_NO_FLOOR, name=FRESHNESS_FIELD, listed_in="root"
    )


@pytest.mark.parametrize(
    ("seconds", "counted"),
    [(0, 0), (1, 0), (1000, 999), (1001, 999), (10 * DAY, 10 * DAY - 864), (-50, 0)],
    ids=["none", "one", "a thousand", "one more", "days", "a clock that went back"],
)
def test_time_goes_on_as_it_is_counted_less_the_clocks_own_error(
    floor: TimeFloor, seconds: int, counted: int
) -> None:
    """The device's own time is never ahead of the true one, however fast its clock runs."""
    assert floor.now(up(seconds)) == BEGIN + timedelta(seconds=counted)
    assert floor.advanced(up(seconds)).now(up(seconds)) == floor.now(up(seconds))


def test_a_boot_counts_from_its_own_beginning(floor: TimeFloor) -> None:
    """After a reboot time goes on from what was stored; what was not stored is lost."""
    assert floor.now(up(5000, "boot 2")) == BEGIN + timedelta(seconds=4995)
    later = floor.advanced(up(5000, "boot 2"))
    assert (later.boot, later.at) == ("boot 2", 5000)
    soon = later.advanced(up(5, "boot 3"))
    assert (soon.boot, soon.at) == ("boot 3", 5)


def test_a_clock_that_went_back_within_a_boot_counts_nothing_twice(floor: TimeFloor) -> None:
    """Seconds that a clock counts again, up to where it had been, are no news."""
    reached = floor.advanced(up(5000))
    back = reached.advanced(up(50))
    assert (back.at, back.now(up(5000))) == (reached.at, reached.floor)


@pytest.mark.parametrize("moment", [YEAR_1970, day(-1), BEGIN], ids=["1970", "yesterday", "now"])
def test_a_signed_time_of_the_past_moves_nothing(floor: TimeFloor, moment: datetime) -> None:
    """An older word than the newest one heard is no news."""
    assert floor.heard(said(moment), START, PERMITTED) == floor


def test_a_signed_time_that_was_counted_is_no_jump(floor: TimeFloor) -> None:
    """What the device counted itself, the error of its clock included, costs no allowance."""
    week = up(7 * DAY)
    floor = floor.heard(said(day(7)), week, PERMITTED)
    assert floor == TimeFloor(1, day(7), "boot 1", week.seconds)


def test_a_signed_time_ahead_is_believed_within_the_allowance_of_a_boot(floor: TimeFloor) -> None:
    """The device was off for a while: that much it may be told."""
    floor = floor.heard(said(day(10)), START, PERMITTED)
    assert floor == TimeFloor(1, day(10), "boot 1", 100, 10 * DAY, 10 * DAY)
    assert not floor.recovery


def test_a_jump_beyond_the_allowance_moves_nothing_and_is_doubted(floor: TimeFloor) -> None:
    """One second too far: the time stays, and the device goes on as recovery class."""
    far = day(10) + timedelta(seconds=1)
    doubting = floor.heard(said(far), START, PERMITTED)
    assert doubting == replace(floor, doubted=far)
    assert doubting.recovery


@pytest.mark.parametrize("moment", [YEAR_2100, LAST], ids=["2100", "the last"])
def test_no_stolen_key_brings_the_end_of_time(floor: TimeFloor, moment: datetime) -> None:
    """A freshness key alone does not make everything expired."""
    doubting = floor.heard(said(moment), START, PERMITTED)
    assert (doubting.floor, doubting.doubted) == (BEGIN, moment)


def test_many_small_jumps_of_a_boot_are_one(floor: TimeFloor) -> None:
    """Ten days are believed, however they are cut; the next hour is not."""
    for hour in range(1, 241):
        floor = floor.heard(said(day(hour / 24)), START, PERMITTED)
    assert (floor.floor, floor.recovery) == (day(10), False)
    floor = floor.heard(said(day(10 + 1 / 24)), START, PERMITTED)
    assert (floor.floor, floor.recovery) == (day(10), True)


def test_reboots_buy_time_up_to_a_bound(floor: TimeFloor) -> None:
    """Each boot may have been a long time coming, but not all of them for ever."""
    for boot in (1, 2):
        floor = floor.heard(said(day(10 * boot)), up(0, f"boot {boot}"), PERMITTED)
    assert (floor.floor, floor.jumped, floor.jumped_in_all) == (day(20), 10 * DAY, 20 * DAY)
    third = floor.heard(said(day(25)), up(0, "boot 3"), PERMITTED)
    assert (third.floor, third.jumped, third.recovery) == (day(25), 5 * DAY, False)
    fourth = third.heard(said(day(26)), up(0, "boot 4"), PERMITTED)
    assert (fourth.floor, fourth.recovery) == (day(25), True)


def test_doubt_outlives_reboots_and_honest_words(floor: TimeFloor) -> None:
    """Neither a reboot nor the same key ends a doubt; time goes on meanwhile."""
    floor = floor.heard(said(YEAR_2100), START, PERMITTED)
    floor = TimeFloor.parse(floor.to_bytes())
    floor = floor.heard(said(day(3)), up(0, "boot 2"), PERMITTED)
    assert (floor.floor, floor.doubted) == (day(3), YEAR_2100)
    floor = floor.heard(said(day(40)), up(0, "boot 3"), PERMITTED)
    assert (floor.floor, floor.doubted) == (day(3), YEAR_2100)


def test_a_later_epoch_resets_the_time_back_too(floor: TimeFloor, root_of: RootOf) -> None:
    """A new root ends the theft: time, jumps and doubt begin anew, where it says."""
    floor = floor.heard(said(day(9)), START, PERMITTED)
    floor = floor.heard(said(YEAR_2100), START, PERMITTED)
    assert floor.under(root_of(2, day(1)), up(50), PERMITTED) == TimeFloor(2, day(1), "boot 1", 150)


def test_an_epoch_below_the_known_one_is_refused(floor: TimeFloor, root_of: RootOf) -> None:
    """A root of before cannot bring back the keys of before."""
    later = floor.under(root_of(2, day(1)), START, PERMITTED)
    assert refused(lambda: later.under(root_of(1, BEGIN), START, PERMITTED)) == VersionMismatch(
        code=Code.FRESHNESS_ROOT_EPOCH, role="root", expected=2, found=1
    )


@pytest.mark.parametrize("epoch", [1, 3], ids=["before", "to come"])
def test_a_signed_time_of_another_epoch_is_refused(
    floor: TimeFloor, root_of: RootOf, epoch: int
) -> None:
    """The floor of an epoch is raised by keys of that epoch."""
    floor = floor.under(root_of(2, day(1)), START, PERMITTED)
    assert refused(lambda: floor.heard(said(day(2), epoch), START, PERMITTED)) == VersionMismatch(
        code=Code.FRESHNESS_FLOOR_EPOCH, role="freshness", expected=2, found=epoch
    )


def test_a_root_that_is_silent_changes_nothing(floor: TimeFloor, root_of: RootOf) -> None:
    """No word about the time is no word."""
    assert floor.under(root_of(0, BEGIN), up(9999), PERMITTED) is floor


def test_a_root_of_the_same_epoch_raises_the_floor(floor: TimeFloor, root_of: RootOf) -> None:
    """A quorum of root holders says that it is later: no allowance is asked."""
    floor = floor.heard(said(day(8)), START, PERMITTED)
    assert floor.under(root_of(1, day(400)), START, PERMITTED) == TimeFloor(
        1, day(400), "boot 1", 100
    )


def test_a_root_accounts_for_the_jumps_before_it(floor: TimeFloor, root_of: RootOf) -> None:
    """What lies before the root's date was jumped rightly; the rest stays to be shown."""
    floor = floor.heard(said(day(8)), START, PERMITTED)
    floor = floor.under(root_of(1, day(6)), START, PERMITTED)
    assert (floor.floor, floor.jumped, floor.jumped_in_all) == (day(8), 2 * DAY, 2 * DAY)


def test_an_old_root_accounts_for_nothing(floor: TimeFloor, root_of: RootOf) -> None:
    """The root that the device began with is no second word."""
    floor = floor.heard(said(day(8)), START, PERMITTED)
    floor = floor.heard(said(day(12)), START, PERMITTED)
    assert floor.under(root_of(1, BEGIN), up(50, "boot 2"), PERMITTED) is floor
    assert floor.recovery


@pytest.mark.parametrize(("seconds", "doubting"), [(0, True), (1, False)], ids=["none", "news"])
def test_only_news_ends_a_doubt(
    floor: TimeFloor, root_of: RootOf, seconds: int, *, doubting: bool
) -> None:
    """A root that says no more than the device knows accounts for its jumps, not for the doubt."""
    floor = floor.heard(said(day(8)), START, PERMITTED)
    floor = floor.heard(said(day(12)), START, PERMITTED)
    root = root_of(1, day(8) + timedelta(seconds=seconds))
    floor = floor.under(root, START, PERMITTED)
    assert (floor.jumped_in_all, floor.recovery) == (0, doubting)


def test_a_doubted_time_that_has_passed_is_confirmed_by_its_own_moment(
    floor: TimeFloor, root_of: RootOf
) -> None:
    """When the device's own clock has passed the doubted time, a root of that moment ends it."""
    floor = floor.heard(said(day(12)), START, PERMITTED)
    later = up(13 * DAY)
    assert floor.advanced(later).recovery
    assert not floor.under(root_of(1, day(12)), later, PERMITTED).recovery


CONFIRMATIONS = {
    "the doubted time itself": (30, 30, True),
    "beyond it": (31, 31, True),
    "close before it": (20, 20, True),
    "not close enough": (19, 19, False),
    "behind the device": (-1, 0, False),
}


@pytest.mark.parametrize("case", CONFIRMATIONS)
def test_a_root_confirms_a_doubted_time_that_it_comes_close_to(
    floor: TimeFloor, root_of: RootOf, case: str
) -> None:
    """A second signed time ends the doubt when what is left is within the allowance of a boot."""
    second, after, confirmed = CONFIRMATIONS[case]
    floor = floor.heard(said(day(30)), START, PERMITTED)
    floor = floor.under(root_of(1, day(second)), START, PERMITTED)
    assert floor.recovery != confirmed
    assert floor.floor == day(after)


@pytest.mark.parametrize("case", CONFIRMATIONS)
def test_a_witness_confirms_no_more_than_what_was_doubted(floor: TimeFloor, case: str) -> None:
    """The earlier of both words is believed."""
    second, after, confirmed = CONFIRMATIONS[case]
    floor = floor.heard(said(day(30)), START, PERMITTED)
    floor = floor.confirmed(witnessed(day(second)), START, PERMITTED)
    assert floor.recovery != confirmed
    assert floor.floor == min(day(after), day(30))


def test_a_witness_alone_moves_nothing(floor: TimeFloor) -> None:
    """Without a doubt there is nothing to confirm."""
    assert floor.confirmed(witnessed(YEAR_2100), START, PERMITTED) is floor


def test_a_device_that_was_long_away_comes_back(floor: TimeFloor, root_of: RootOf) -> None:
    """Two years in a warehouse: the next root brings it near, and the statement is believed."""
    floor = floor.heard(said(day(735)), up(60, "boot 2"), PERMITTED)
    assert floor.recovery
    floor = floor.under(root_of(1, day(730)), up(70, "boot 2"), PERMITTED)
    floor = floor.heard(said(day(735)), up(80, "boot 2"), PERMITTED)
    assert (floor.floor, floor.recovery) == (day(735), False)


def test_time_ends_with_the_calendar(root_of: RootOf) -> None:
    """At the last moment that can be written the device goes on, and falls over nothing."""
    floor = TimeFloor.begin(root_of(1, LAST), START)
    assert floor.now(up(2**62)) == LAST
    assert floor.advanced(up(2**62)).heard(said(LAST), up(2**62), PERMITTED).floor == LAST


moments = st.integers(-100 * DAY, 400 * DAY).map(lambda s: BEGIN + timedelta(seconds=s))
floors = st.builds(
    TimeFloor,
    epoch=st.integers(1, 2**63 - 1),
    floor=moments,
    boot=st.text("ab-0", min_size=1, max_size=36),
    at=st.integers(0, 2**63 - 1),
    jumped=st.integers(0, 2**63 - 1),
    jumped_in_all=st.integers(0, 2**63 - 1),
    doubted=st.none() | moments,
)


@given(floors)
def test_a_floor_that_was_stored_is_read_back(floor: TimeFloor) -> None:
    """The device remembers what it knew, doubt included."""
    assert TimeFloor.parse(floor.to_bytes()) == floor


DAMAGE: dict[str, tuple[dict[str, Any], str]] = {
    "format": ({"format": 2}, "floor.format"),
    "epoch": ({"epoch": 0}, "floor.epoch"),
    "floor": ({"floor": "now"}, "floor.floor"),
    "boot": ({"boot": ""}, "floor.boot"),
    "at": ({"at": -1}, "floor.at"),
    "jumped": ({"jumped": -1}, "floor.jumped"),
    "jumped in all": ({"jumped_in_all": 1.5}, ""),
    "doubted": ({"doubted": 7}, "floor.doubted"),
    "more": ({"clock": 7}, "floor.clock"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_stored_floor_that_cannot_be_read_is_damaged(floor: TimeFloor, case: str) -> None:
    """The device's own state is not refused but broken, and nothing is guessed of it."""
    change, where = DAMAGE[case]
    bent = json.dumps({**json.loads(floor.to_bytes()), **change}).encode()
    with pytest.raises(Damaged) as error:
        TimeFloor.parse(bent)
    fault = error.value.fault
    assert isinstance(fault, Malformed)
    if where:
        assert (fault.code, fault.where) == (Code.FRESHNESS_FLOOR_SHAPE, where)


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 64, b" " * (MAX_BYTES + 1)], ids=["0", "nul", "long"]
)
def test_a_stored_floor_of_no_content_is_damaged(data: bytes) -> None:
    """A file of size 0 after a power cut is damage, not a refusal."""
    with pytest.raises(Damaged):
        TimeFloor.parse(data)


@dataclass(frozen=True)
class Event:
    """Something that happens to a device: what, and a number of seconds that says how much."""

    kind: str
    seconds: int


EVENTS = st.lists(
    st.builds(
        Event,
        st.sampled_from(["wait", "store", "boot", "statement", "root", "witness", "reread"]),
        st.integers(0, 60 * DAY) | st.integers(0, 4000),
    ),
    max_size=40,
)


@dataclass
class Life:
    """A device that lives through events, beside a book that counts what it may believe."""

    floor: TimeFloor
    root_of: RootOf
    boots: int = 1
    seconds: int = 0
    accounted: datetime = BEGIN
    """The latest moment that roots and witnesses stand for, and what was counted since."""
    accounted_in_boot: datetime = BEGIN

    @property
    def uptime(self) -> Uptime:
        """How long this boot is up."""
        return up(self.seconds, f"boot {self.boots}")

    def happen(self, event: Event) -> None:
        """Let one thing happen; times that people sign are ahead of the floor by the number."""
        ahead = self.floor.now(self.uptime) + timedelta(seconds=event.seconds - 30 * DAY)
        if event.kind == "wait":
            self.seconds += event.seconds
            self.accounted += timedelta(seconds=event.seconds)
            self.accounted_in_boot += timedelta(seconds=event.seconds)
        elif event.kind == "boot":
            self.boots, self.seconds = self.boots + 1, 0
            self.accounted_in_boot = self.floor.floor
        elif event.kind == "store":
            self.floor = self.floor.advanced(self.uptime)
        elif event.kind == "reread":
            self.floor = TimeFloor.parse(self.floor.to_bytes())
        elif event.kind == "statement":
            self.floor = self.floor.heard(said(ahead), self.uptime, PERMITTED)
        else:
            self._second_word(event.kind, ahead)

    def _second_word(self, kind: str, moment: datetime) -> None:
        doubted = self.floor.doubted
        if kind == "root":
            root = self.root_of(1, moment)
            self.floor = self.floor.under(root, self.uptime, PERMITTED)
        else:
            self.floor = self.floor.confirmed(witnessed(moment), self.uptime, PERMITTED)
            moment = self.accounted if doubted is None else min(moment, doubted)
        self.accounted = max(self.accounted, moment)
        self.accounted_in_boot = max(self.accounted_in_boot, moment)


@given(EVENTS)
def test_the_floor_never_goes_back_within_an_epoch(root_of: RootOf, events: list[Event]) -> None:
    """Whatever is said, stored, waited and rebooted: what was once the least stays the least."""
    life = Life(TimeFloor.begin(root_of(1, BEGIN), START), root_of)
    for event in events:
        floor, now, boots = life.floor.floor, life.floor.now(life.uptime), life.boots
        life.happen(event)
        assert life.floor.floor >= floor
        if life.boots == boots:
            assert life.floor.now(life.uptime) >= now


@given(EVENTS)
def test_jumps_cannot_be_laundered(root_of: RootOf, events: list[Event]) -> None:
    """By no number of small jumps, reboots or old roots does one key's word exceed the bounds."""
    life = Life(TimeFloor.begin(root_of(1, BEGIN), START), root_of)
    for event in events:
        life.happen(event)
        now = life.floor.now(life.uptime)
        assert now <= life.accounted + timedelta(seconds=PERMITTED.total)
        assert now <= life.accounted_in_boot + timedelta(seconds=PERMITTED.per_boot)


@given(EVENTS)
def test_only_a_second_word_ends_a_doubt(root_of: RootOf, events: list[Event]) -> None:
    """Waiting, storing, rebooting and the freshness key itself leave a doubting device in doubt."""
    life = Life(TimeFloor.begin(root_of(1, BEGIN), START), root_of)
    for event in events:
        doubting = life.floor.recovery
        life.happen(event)
        if doubting and event.kind not in {"root", "witness"}:
            assert life.floor.recovery


def test_the_error_of_a_clock_never_adds_up(floor: TimeFloor) -> None:
    """However often the floor is stored, the device's time stays behind the true one."""
    for minute in range(1, 2001):
        floor = floor.advanced(up(60 * minute))
    assert BEGIN < floor.now(up(60 * 2000)) <= BEGIN + timedelta(seconds=60 * 2000)
    assert CLOCK_ERROR == 1000
