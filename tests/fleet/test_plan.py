"""A rollout opens wave by wave, counts what was confirmed, and halts by itself."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.trust.governance.test_rollout_act import ACT, NOW

from firmhold.fleet.director.plan import Halt, Plan, Standing, plan
from firmhold.trust.device_id import DeviceId
from firmhold.trust.governance.rollout_act import MOST_BUCKETS, Action, RolloutAct, Wave
from firmhold.trust.verified import Verified, seal
from firmhold.update.schedule import bucket_of

HOUR = timedelta(hours=1)
WAVES = (Wave(1000, 3600, 90, 10), Wave(5000, 7200, 50, 10), Wave(MOST_BUCKETS, 0, 0, 10))
START = seal(replace(ACT, waves=WAVES))
HALT = seal(replace(ACT, sequence=2, action=Action.HALT))
RESUME = seal(replace(ACT, sequence=3, action=Action.RESUME))
FLEET = [DeviceId(f"device-{number}") for number in range(400)]
Fleet = dict[DeviceId, Standing]


def wave(number: int) -> set[DeviceId]:
    """The devices of a wave, those before it included."""
    return {each for each in FLEET if bucket_of(each, ACT.sha256) < WAVES[number - 1].buckets}


def fleet(**standings: Sequence[DeviceId] | set[DeviceId]) -> Fleet:
    """Everybody waits, but for some."""
    known = dict.fromkeys(FLEET, Standing.WAITING)
    for name, devices in standings.items():
        known |= dict.fromkeys(devices, Standing(name))
    return known


def test_a_rollout_begins_with_its_first_wave() -> None:
    """Whoever is not in it is not meant yet."""
    assert plan([START], fleet(), (), NOW) == Plan(1, frozenset(wave(1)), None, (NOW,))


def test_the_next_wave_waits_for_time_and_for_devices() -> None:
    """Neither a long wait nor quick reports alone open it."""
    done = fleet(confirmed=wave(1))
    assert plan([START], done, (NOW,), NOW + HOUR - timedelta(seconds=1)).open_waves == 1
    assert plan([START], fleet(), (NOW,), NOW + 100 * HOUR).open_waves == 1
    after = plan([START], done, (NOW,), NOW + HOUR)
    assert (after.open_waves, after.opened) == (2, (NOW, NOW + HOUR))
    assert after.devices == wave(2)


def test_no_two_waves_open_at_once() -> None:
    """However much is confirmed: each wave is open for its own time."""
    everybody = fleet(confirmed=FLEET)
    first = plan([START], everybody, (NOW,), NOW + 100 * HOUR)
    assert first.open_waves == 2
    second = plan([START], everybody, first.opened, NOW + 101 * HOUR)
    assert second.open_waves == 2
    third = plan([START], everybody, first.opened, NOW + 102 * HOUR)
    assert third.open_waves == 3
    assert plan([START], everybody, third.opened, NOW + 9999 * HOUR).open_waves == 3


def test_the_share_that_must_confirm_is_of_the_whole_wave() -> None:
    """Silent devices are not confirmed ones."""
    members = sorted(wave(1))
    need = -(-len(members) * 90 // 100)
    later = NOW + HOUR
    assert plan([START], fleet(confirmed=members[: need - 1]), (NOW,), later).open_waves == 1
    assert plan([START], fleet(confirmed=members[:need]), (NOW,), later).open_waves == 2


def test_too_many_failures_halt_a_rollout() -> None:
    """A fifth of a wave fails: nobody else is sent there, and who has it keeps it."""
    members = sorted(wave(1))
    failed, good = members[: len(members) // 5], members[len(members) // 5 : len(members) // 2]
    halted = plan([START], fleet(failed=failed, confirmed=good), (NOW,), NOW + HOUR)
    assert halted.halted is Halt.BY_FAILURES
    assert halted.devices == set(good)
    assert halted.opened == (NOW,)


def test_as_many_failures_as_are_borne_do_not_halt() -> None:
    """The bound is inside the bound."""
    members = sorted(wave(1))
    some = fleet(failed=members[:1], confirmed=members[1:10])
    assert plan([START], some, (NOW,), NOW).halted is None
    more = fleet(failed=members[:1], confirmed=members[1:9])
    assert plan([START], more, (NOW,), NOW).halted is Halt.BY_FAILURES


def test_an_operator_halts_and_lets_go_on() -> None:
    """A halt takes the release from those who wait, until the same operator's next word."""
    members = sorted(wave(1))
    known = fleet(confirmed=members[:3])
    halted = plan([START, HALT], known, (NOW,), NOW + HOUR)
    assert (halted.halted, halted.devices) == (Halt.BY_OPERATOR, frozenset(members[:3]))
    assert plan([START, HALT, RESUME], known, (NOW,), NOW + HOUR).devices == wave(1)


def test_an_operator_goes_on_knowing_of_failures_and_new_ones_halt_again() -> None:
    """What had failed when he resumed is forgiven; what fails afterwards is not."""
    members = sorted(wave(1))
    known, forgiven = fleet(failed=members[:9]), frozenset(members[:9])
    acts = [START, HALT, RESUME]
    assert plan(acts, known, (NOW,), NOW).halted is Halt.BY_FAILURES
    resumed = plan(acts, known, (NOW,), NOW, forgiven)
    assert resumed.halted is None
    assert resumed.devices == frozenset(wave(1) - forgiven)
    worse = fleet(failed=members[:12])
    assert plan(acts, worse, (NOW,), NOW, forgiven).halted is Halt.BY_FAILURES


def test_a_device_that_failed_is_not_sent_there_again() -> None:
    """What failed on a device is not meant for it any more."""
    members = sorted(wave(1))
    known = fleet(failed=members[:1], confirmed=members[1:])
    assert members[0] not in plan([START], known, (NOW,), NOW).devices


standings = st.fixed_dictionaries({each: st.sampled_from(Standing) for each in FLEET[:60]})


@given(standings, st.lists(st.integers(0, 500), max_size=12))
def test_waves_open_in_order_and_nobody_is_meant_before_his(known: Fleet, hours: list[int]) -> None:
    """Whatever devices say and whenever it is asked: waves are never skipped or taken back."""
    acts: list[Verified[RolloutAct]] = [START]
    last = plan(acts, known, (), NOW)
    for hour in sorted(hours):
        now = plan(acts, known, last.opened, NOW + hour * HOUR)
        assert 0 <= now.open_waves - last.open_waves <= 1
        bound = WAVES[now.open_waves - 1].buckets
        early = {each for each in now.devices if bucket_of(each, ACT.sha256) >= bound}
        assert all(known[each] is Standing.CONFIRMED for each in early)
        last = now


@pytest.mark.parametrize("size", [0, 1])
def test_an_empty_fleet_is_planned_too(size: int) -> None:
    """Nobody to wait for: waves open by time alone."""
    known = dict.fromkeys(FLEET[:size], Standing.CONFIRMED)
    assert plan([START], known, (NOW,), NOW + HOUR).open_waves == 2
