"""Row 74: a stolen freshness key signs a time at which everything is expired, for ever."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.attacks import stolen as on_a_fleet
from tests.attacks.timed_device import TimedDevice, TimedVendor

from firmhold.sim.fleet import SimFleet
from firmhold.trust.errors import Code, Refused, Unavailable
from firmhold.trust.faults import Expired, VersionMismatch
from firmhold.trust.tuf.root_fields import FreshnessEpoch

DAY = timedelta(days=1)
YEAR_2100 = datetime(2100, 1, 1, tzinfo=UTC)
TOTAL_DAYS = 90
"""How far one key may move the time at most, by the settings of the vendor."""


@pytest.fixture(name="vendor")
def _vendor(tmp_path: Path) -> TimedVendor:
    """A vendor with one release."""
    return TimedVendor(tmp_path)


@pytest.fixture(name="device")
def _device(vendor: TimedVendor) -> TimedDevice:
    """A device that has checked in once, an hour after the vendor's release."""
    device = TimedDevice(vendor)
    device.wait(3600)
    assert device.check_in() is None
    assert device.now == vendor.clock.now()
    return device


def in_doubt(device: TimedDevice) -> bool:
    """Whether the flash says that the device is of the recovery class."""
    return device.floor.recovery


def rotate(vendor: TimedVendor) -> None:
    """The vendor signs a root that ends the epoch of the stolen key, at the true time."""
    vendor.sign_root(FreshnessEpoch(2, vendor.clock.now()))
    vendor.release()


def test_the_year_2100_is_not_believed_and_nothing_expires(device: TimedDevice) -> None:
    """A jump of seventy years moves nothing: the device goes on in doubt, and stays up to date."""
    before = device.floor
    device.vendor.release()

    assert device.check_in(device.vendor.server(), YEAR_2100) is None

    device.boot()
    assert device.floor.doubted == YEAR_2100
    assert device.floor.floor == before.floor
    assert device.flash["timestamp"] == device.vendor.repository.published["timestamp"]


def test_a_thief_without_end_of_patience_reaches_the_bound_and_no_further(
    device: TimedDevice,
) -> None:
    """Small jumps and reboots add up to what the settings permit, and then to a doubt."""
    begin, thief = device.floor.floor, device.vendor.server()
    for _ in range(40):
        device.boot()
        for _ in range(10):
            device.check_in(thief, device.now + 4 * DAY)
    device.boot()
    assert device.floor.recovery
    assert device.floor.floor - begin <= timedelta(days=TOTAL_DAYS)


def lost(device: TimedDevice) -> None:
    """The thief moves the time two months ahead, so that honest metadata look expired."""
    for _ in range(2):
        device.boot()
        device.check_in(device.vendor.server(), device.now + 30 * DAY)


def doubting(device: TimedDevice) -> None:
    """The thief signs the year 2100."""
    device.check_in(device.vendor.server(), YEAR_2100)


@pytest.mark.parametrize("attack", [lost, doubting], ids=["two months", "2100"])
def test_a_new_root_ends_the_theft_and_the_fleet_comes_back(
    device: TimedDevice, attack: Callable[[TimedDevice], None]
) -> None:
    """The reset is applied before any date is judged: the device hears the true time again."""
    attack(device)
    device.boot()
    assert device.check_in() is not None or device.floor.recovery

    rotate(device.vendor)
    assert device.check_in(device.vendor.server(2)) is None

    device.boot()
    device.wait(60)
    assert not device.floor.recovery
    assert device.floor.epoch == 2
    assert device.check_in(device.vendor.server(2)) is None
    assert device.now == device.vendor.clock.now()
    published = device.vendor.repository.published
    assert device.flash["root"] == published["root"]
    assert device.flash["timestamp"] == published["timestamp"]


def test_the_time_that_was_stolen_shows_as_freeze_until_then(device: TimedDevice) -> None:
    """A device two months ahead refuses what it holds for expired, and keeps what it has."""
    lost(device)
    kept = dict(device.flash)
    assert device.check_in(device.vendor.server(), device.now) is Code.TUF_FREEZE_TIMESTAMP
    assert isinstance(device.failure and device.failure.fault, Expired)
    device.boot()
    assert device.flash == {**kept, "floor": device.flash["floor"]}


def test_the_stolen_key_is_worth_nothing_in_the_next_epoch(device: TimedDevice) -> None:
    """After the rotation the thief's statements are of an epoch that is over."""
    rotate(device.vendor)
    assert device.check_in(device.vendor.server(2)) is None
    kept = dict(device.flash)

    assert device.check_in(device.vendor.server(1), YEAR_2100) is Code.FRESHNESS_EPOCH
    assert device.failure is not None
    assert device.failure.fault == VersionMismatch(
        code=Code.FRESHNESS_EPOCH, role="freshness", expected=2, found=1
    )
    disguised = device.vendor.server(1)
    disguised.epoch = 2
    assert device.check_in(disguised, YEAR_2100) is Code.FRESHNESS_SIGNATURES

    device.boot()
    assert device.flash == kept


def test_no_root_brings_the_stolen_epoch_back(device: TimedDevice) -> None:
    """A root that names an epoch of before is refused, whoever signed it, and the new one stays."""
    rotate(device.vendor)
    assert device.check_in(device.vendor.server(2)) is None
    kept = dict(device.flash)

    device.vendor.sign_root(FreshnessEpoch(1, device.vendor.clock.now()))
    assert device.check_in(device.vendor.server(1)) is Code.TUF_FRESHNESS_EPOCH

    device.boot()
    assert device.flash == kept


def test_a_root_confirms_the_time_of_a_device_that_was_long_away(device: TimedDevice) -> None:
    """A year in a drawer is a jump too: the next root ends the doubt, without a new epoch."""
    device.vendor.clock.advance(364 * DAY)
    device.vendor.release()
    device.boot()
    assert device.check_in() is None
    assert in_doubt(device)

    device.vendor.sign_root(FreshnessEpoch(1, device.vendor.clock.now()))
    assert device.check_in() is None

    device.boot()
    assert not in_doubt(device)
    assert device.floor.epoch == 1
    assert device.now == device.vendor.clock.now()


def test_a_fleet_server_that_says_2100_moves_no_device(fleet: SimFleet) -> None:
    """Its freshness key signs a time at which everything is over: refused, and forgotten."""
    device = on_a_fleet.ready_for_two(fleet)
    by = YEAR_2100 - fleet.clock.now()

    fleet.clock.advance(by)
    for _ in range(3):
        with pytest.raises((Refused, Unavailable)):
            device.check()
        device.rest()
        assert device.runs(on_a_fleet.ONE)

    fleet.clock.advance(-by)
    fleet.restart("gateway")

    def is_back() -> bool:
        device.live()
        device.rest()
        return device.runs(on_a_fleet.TWO)

    fleet.until(is_back)  # the director has to make a round first
