"""Row 54: a copy of a device with all its keys."""

import shutil

import pytest
from sqlalchemy import func, select

from firmhold.device.check import Ended
from firmhold.fleet.ca.issue import State
from firmhold.fleet.tables import DEVICES, REPORTS
from firmhold.sim.fleet import SimFleet
from firmhold.sim.fleet_device import FleetDevice
from firmhold.storage.sql import open_for_reading, used
from firmhold.trust.errors import Code, Unavailable


def copied(fleet: SimFleet, device: FleetDevice) -> FleetDevice:
    """The copy: every file of the state, keys included."""
    copy = fleet.new_device("copy")
    shutil.copytree(device.state, copy.state)
    return copy


def counters(fleet: SimFleet) -> tuple[int, int]:
    """How many reports came in, and the counter of the last one that was taken."""
    with used(open_for_reading(fleet.home.database)) as database, database.connect() as connection:
        came = connection.execute(select(func.count()).select_from(REPORTS)).scalar_one()
        return came, connection.execute(select(DEVICES.c.counter)).scalar_one()


def test_two_that_count_apart_do_not_both_report(fleet: SimFleet) -> None:
    """The counter of a device goes up once: what the other one reports is refused."""
    device = fleet.device("camera-1")
    copy = copied(fleet, device)
    device.check()
    fleet.until(lambda: counters(fleet) == (1, 1))

    copy.check()
    fleet.restart("director")  # it has gone round at least once

    assert counters(fleet) == (2, 1)


def test_a_stolen_device_is_shut_out_with_its_copies(fleet: SimFleet) -> None:
    """Revoked: neither gets anything any more, by its certificate or by its own key."""
    device, other = fleet.device("camera-1"), fleet.device("camera-2")
    copy = copied(fleet, device)

    with fleet.operator("ca") as ca:
        ca.post("/devices/camera-1/state", {"state": State.REVOKED.value})

    for each in (device, copy):
        with pytest.raises(Unavailable) as caught:
            each.check()
        assert caught.value.code is Code.FETCH_REFUSED
    assert other.check()[0] is Ended.UNCHANGED
