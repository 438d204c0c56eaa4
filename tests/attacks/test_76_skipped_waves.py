"""Row 76: a stolen Director pushes a signed but bad release to everybody at once."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests.attacks.flashed import TWO, assert_held

from firmhold.drill.rehearsal import DEVICE as FLASHED
from firmhold.drill.rehearsal import Rehearsal
from firmhold.sim.fleet import SimFleet
from firmhold.sim.releases import START, sim_release
from firmhold.trust.device_id import DeviceId
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import TooEarly
from firmhold.trust.shape import written_date
from firmhold.update.release import Release, parse_release
from firmhold.update.schedule import BUCKETS, Schedule, Wave, bucket_of, due, require_due, starts_at

FLEET = [DeviceId(f"device-{number}") for number in range(3000)]
IMAGE = b"image" * 30_000
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
PLAN = Schedule(START, (Wave(0, 100), Wave(86_400, 1000), Wave(7 * 86_400, BUCKETS)))
RELEASE = parse_release(replace(sim_release(), schedule=PLAN).to_bytes())
"""1 % at once, 10 % after a day, all after a week, by the authority's word."""


def pushed(release: Release, now: datetime) -> list[DeviceId]:
    """The devices that install when the Director names the release to all of them at once."""
    digest = release.digest
    return [device for device in FLEET if due(release.schedule, device, digest, now)]


SHARES: Mapping[str, tuple[timedelta, float, float]] = {
    "before the start": (-HOUR, 0, 0),
    "in the first wave": (HOUR, 0.005, 0.015),
    "in the second": (DAY + HOUR, 0.08, 0.12),
    "when all may": (WEEK, 1, 1),
}


@pytest.mark.parametrize(("since", "least", "most"), SHARES.values(), ids=SHARES)
def test_a_director_cannot_skip_the_waves(since: timedelta, least: float, most: float) -> None:
    """The plan says 1 %, the Director says 100 %: the devices of one wave install, no others."""
    assert least <= len(pushed(RELEASE, START + since)) / len(FLEET) <= most


def test_the_waiting_device_says_when_its_turn_is() -> None:
    """A device that does not obey the Director yet is no silent device."""
    early = pushed(RELEASE, START + DAY)
    device = next(device for device in FLEET if device not in early)
    require_due(PLAN, device, RELEASE.digest, START + WEEK)

    with pytest.raises(Refused) as error:
        require_due(PLAN, device, RELEASE.digest, START + DAY)
    assert error.value.fault == TooEarly(
        code=Code.UPDATE_NOT_DUE,
        what=f"release {RELEASE.digest.hex()}",
        begins=START + WEEK,
        now=START + DAY,
    )

    require_due(PLAN, device, RELEASE.digest, START + WEEK)


def test_asking_again_does_not_move_a_device_forward() -> None:
    """Whatever the Director repeats, a device's turn stands in the release itself."""
    first = pushed(RELEASE, START + HOUR)
    assert pushed(RELEASE, START + HOUR) == first
    assert set(first) <= set(pushed(RELEASE, START + DAY))


def test_the_attacker_cannot_choose_who_goes_first() -> None:
    """The schedule is within what the digest covers: to bend it is to offer another release."""
    hasty = replace(RELEASE, schedule=Schedule(START, (Wave(0, BUCKETS),)))
    assert hasty.digest != RELEASE.digest
    digest, other = RELEASE.digest, hasty.digest
    turns = [starts_at(PLAN, device, digest) for device in FLEET]
    others = [starts_at(PLAN, device, other) for device in FLEET]
    assert turns != others


def test_a_device_on_flash_waits_for_its_wave(device: Rehearsal) -> None:
    """Tomorrow's release stays off the flash today, however often the Director names it."""
    tomorrow = device.domain.clock.now() + DAY
    made = device.domain.made(TWO, 2, security=2)
    later = replace(made, schedule=Schedule(tomorrow, (Wave(0, BUCKETS),)))
    device.domain.write_counter(2)
    device.domain.name(later)
    device.domain.publish("feature", "security")
    device.domain.assign(FLASHED, device.domain.path(2))
    before = device.flash()

    for _ in range(3):
        assert device.check_in() is Code.UPDATE_NOT_DUE
        device.wait(3600)

    device.wait(2 * 86_400)
    assert device.flash() == before
    assert_held(device, before)


def two_of_each_half(release: bytes) -> tuple[list[DeviceId], list[DeviceId]]:
    """Names of two devices whose wave is the first one, and of two that wait."""
    halves: tuple[list[DeviceId], list[DeviceId]] = ([], [])
    for device in FLEET:
        halves[bucket_of(device, release) >= 5000].append(device)
    return halves[0][:2], halves[1][:2]


def test_a_device_on_a_fleet_waits_for_its_wave(fleet: SimFleet) -> None:
    """The operator opens everything at once; the devices whose wave has not come refuse."""
    now = fleet.clock.now()
    begin = now.replace(microsecond=0) - HOUR
    waves = "[{ after_seconds = 0, buckets = 5000 }, { after_seconds = 86400, buckets = 10000 }]"
    schedule = f'schedule = {{ earliest_start = "{written_date(begin)}", waves = {waves} }}'
    fleet.publish(1, IMAGE, more=schedule)
    fleet.heard("feature/camera/1.json")
    with fleet.operator() as director:
        found = director.read("/releases", {"path": "feature/camera/1.json"})
    digest = bytes.fromhex(str(found["sha256"]))
    first, last = two_of_each_half(digest)
    taken, waiting = ([fleet.device(name) for name in names] for names in (first, last))
    fleet.rollout(1)

    for camera in taken:
        camera.live()
    for camera in waiting:
        with pytest.raises(Refused) as caught:
            camera.live()
        assert caught.value.code is Code.UPDATE_NOT_DUE

    assert all(camera.runs(IMAGE) for camera in taken)
    assert not any(camera.runs(IMAGE) for camera in waiting)
    fleet.clock.advance(DAY)
    fleet.vendor.publish()
    fleet.restart("gateway")
    for camera in waiting:
        camera.live()
        assert camera.runs(IMAGE)
