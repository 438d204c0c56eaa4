"""The schedule of a release: devices take their turns, and nobody can push one forward."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmhold.trust.device_id import DeviceId
from firmhold.trust.encoding import JsonValue
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Malformed, TooEarly
from firmhold.trust.shape import Shape
from firmhold.update.schedule import (
    BUCKETS,
    LATEST_START,
    MAX_WAVE_SECONDS,
    MAX_WAVES,
    Schedule,
    Wave,
    bucket_of,
    due,
    read_schedule,
    require_due,
    starts_at,
)

SHAPE = Shape(Code.UPDATE_MANIFEST_SHAPE)
START = datetime(2030, 6, 1, tzinfo=UTC)
RELEASE = hashlib.sha256(b"a manifest").digest()
WAVES = (Wave(0, 100), Wave(3600, 2500), Wave(86_400, BUCKETS))
SCHEDULE = Schedule(START, WAVES)
DEVICES = [DeviceId(f"device-{number}") for number in range(2000)]


def in_wave(number: int) -> DeviceId:
    """A device of the first, second or third wave."""
    bounds = [0, *(wave.buckets for wave in WAVES)]
    return next(
        device
        for device in DEVICES
        if bounds[number] <= bucket_of(device, RELEASE) < bounds[number + 1]
    )


def test_the_bucket_of_a_device_is_what_the_format_says() -> None:
    """Anybody can work out when a device's turn is."""
    data = b"firmhold schedule 1\x00" + RELEASE + b"device-1"
    expected = int.from_bytes(hashlib.sha256(data).digest()[:8], "big") % 10_000
    assert bucket_of(DeviceId("device-1"), RELEASE) == expected


def test_devices_are_spread_over_the_buckets() -> None:
    """A wave of a share of the buckets is about that share of the fleet."""
    tenths = Counter(bucket_of(device, RELEASE) * 10 // BUCKETS for device in DEVICES)
    assert set(tenths) == set(range(10))
    assert all(150 < devices < 250 for devices in tenths.values())


def test_another_release_goes_to_other_devices_first() -> None:
    """It is not always the same devices that try what is new."""
    other = hashlib.sha256(b"the next manifest").digest()
    moved = [d for d in DEVICES if bucket_of(d, RELEASE) != bucket_of(d, other)]
    assert len(moved) > 1990


@pytest.mark.parametrize("number", range(3))
def test_a_device_waits_for_its_wave_and_no_longer(number: int) -> None:
    """From the second on at which its wave begins a device may install, and never before."""
    device, begins = in_wave(number), START + timedelta(seconds=WAVES[number].after_seconds)
    early = begins - timedelta(seconds=1)
    assert starts_at(SCHEDULE, device, RELEASE) == begins
    assert due(SCHEDULE, device, RELEASE, begins)
    assert not due(SCHEDULE, device, RELEASE, early)
    require_due(SCHEDULE, device, RELEASE, begins)
    with pytest.raises(Refused) as error:
        require_due(SCHEDULE, device, RELEASE, early)
    assert error.value.fault == TooEarly(
        code=Code.UPDATE_NOT_DUE, what=f"release {RELEASE.hex()}", begins=begins, now=early
    )


def test_a_wave_ends_below_its_bound() -> None:
    """A device whose bucket is the bound of a wave is in the next one."""
    bucket = bucket_of(DEVICES[0], RELEASE)
    at_bound = Schedule(START, (Wave(0, bucket), Wave(60, BUCKETS)))
    below = Schedule(START, (Wave(0, bucket + 1), Wave(60, BUCKETS)))
    assert starts_at(at_bound, DEVICES[0], RELEASE) == START + timedelta(seconds=60)
    assert starts_at(below, DEVICES[0], RELEASE) == START


@given(
    name=st.text(),
    waves=st.lists(
        st.tuples(st.integers(0, MAX_WAVE_SECONDS), st.integers(1, BUCKETS - 1)), max_size=5
    ),
    times=st.lists(st.integers(0, 2 * MAX_WAVE_SECONDS), min_size=2),
)
def test_once_due_is_always_due(name: str, waves: list[tuple[int, int]], times: list[int]) -> None:
    """Whatever the waves, time only ever opens a release to more devices, in the end to all."""
    seconds = sorted({after for after, _ in waves})
    bounds = sorted({bound for _, bound in waves})
    rising = [Wave(*wave) for wave in zip(seconds, bounds, strict=False)]
    last = seconds[-1] + 1 if seconds else 0
    schedule = Schedule(START, (*rising, Wave(last, BUCKETS)))
    device = DeviceId(name)
    seen = [due(schedule, device, RELEASE, START + timedelta(seconds=at)) for at in sorted(times)]
    assert seen == sorted(seen)
    assert due(schedule, device, RELEASE, START + timedelta(seconds=last))


def test_a_schedule_reads_back_as_it_was_written() -> None:
    """Date and waves survive, and stand where the document says."""
    value = SCHEDULE.to_json()
    assert value["earliest_start"] == "2030-06-01T00:00:00Z"
    assert read_schedule(SHAPE, value, "schedule") == SCHEDULE


def test_the_longest_schedule_has_an_end() -> None:
    """Even the last wave of the latest schedule begins at a moment that exists."""
    value = Schedule(LATEST_START, (Wave(MAX_WAVE_SECONDS, BUCKETS),)).to_json()
    schedule = read_schedule(SHAPE, value, "schedule")
    assert starts_at(schedule, DEVICES[0], RELEASE) > LATEST_START


def waves(*pairs: tuple[int, int]) -> JsonValue:
    """Waves as a manifest bears them."""
    return [{"after_seconds": after, "buckets": buckets} for after, buckets in pairs]


BENT: Mapping[str, tuple[str, JsonValue, str]] = {
    "no date": ("earliest_start", "tomorrow", "s.earliest_start"),
    "a date too late": ("earliest_start", "9000-01-01T00:00:01Z", "s.earliest_start"),
    "no list": ("waves", {}, "s.waves"),
    "too many": (
        "waves",
        waves(*((n, n + 1) for n in range(MAX_WAVES)), (9999, BUCKETS)),
        "s.waves",
    ),
    "none": ("waves", [], "s.waves"),
    "not all": ("waves", waves((0, BUCKETS - 1)), "s.waves"),
    "more than all": ("waves", waves((0, BUCKETS + 1)), "s.waves[0].buckets"),
    "nobody": ("waves", waves((0, 0), (1, BUCKETS)), "s.waves[0].buckets"),
    "before the start": ("waves", waves((-1, BUCKETS)), "s.waves[0].after_seconds"),
    "too long": ("waves", waves((MAX_WAVE_SECONDS + 1, BUCKETS)), "s.waves[0].after_seconds"),
    "back in time": ("waves", waves((9, 1), (5, BUCKETS)), "s.waves"),
    "at one time": ("waves", waves((9, 1), (9, BUCKETS)), "s.waves"),
    "smaller": ("waves", waves((0, 9), (1, 5), (2, BUCKETS)), "s.waves"),
    "as large": ("waves", waves((0, BUCKETS), (1, BUCKETS)), "s.waves"),
    "something else": ("waves", [{"after_seconds": 0, "buckets": BUCKETS, "x": 1}], "s.waves[0].x"),
}


@pytest.mark.parametrize(("member", "value", "where"), BENT.values(), ids=BENT)
def test_what_is_no_schedule_is_refused(member: str, value: JsonValue, where: str) -> None:
    """Waves follow each other, grow, and leave no device out for ever."""
    bent = {**SCHEDULE.to_json(), member: value}
    with pytest.raises(Refused) as error:
        read_schedule(SHAPE, bent, "s")
    assert isinstance(error.value.fault, Malformed)
    assert (error.value.code, error.value.fault.where) == (Code.UPDATE_MANIFEST_SHAPE, where)
