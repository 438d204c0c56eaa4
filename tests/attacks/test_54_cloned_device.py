"""Row 54: a copy of a device with all its keys."""

import shutil
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from firmhold.device.check import Ended
from firmhold.device.online import Online
from firmhold.fleet.ca import issue
from firmhold.fleet.ca.issue import State
from firmhold.fleet.director.alarms import Alarm
from firmhold.fleet.tables import DEVICES, REPORTS
from firmhold.sim.caller import Caller, Shown
from firmhold.sim.fleet import SimFleet
from firmhold.sim.fleet_device import FleetDevice
from firmhold.storage.sql import open_for_reading, used
from firmhold.trust.errors import Code, Unavailable
from firmhold.trust.tuf.schema import a_list


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


def alarms(fleet: SimFleet) -> list[str]:
    """What operators are told of the one device."""
    with fleet.operator() as director:
        (row,) = director.rows("/devices")
        return [str(alarm) for alarm in a_list(row["alarms"], "alarms", 9)]


def test_two_that_count_apart_do_not_both_report(fleet: SimFleet) -> None:
    """The counter of a device goes up once: what the other one reports is refused, and told."""
    device = fleet.device("camera-1")
    device.check()
    copy = copied(fleet, device)
    fleet.publish(1, b"one" * 50_000)
    fleet.rollout(1)
    device.live()
    fleet.until(lambda: fleet.confirmed("r1") == 1)
    came, counter = counters(fleet)
    assert alarms(fleet) == []

    copy.live()
    fleet.settled()

    assert counters(fleet)[0] > came
    assert counters(fleet)[1] == counter
    assert Alarm.NUMBER_TWICE in alarms(fleet)


def test_a_copy_that_begins_to_count_anew_is_told_too(fleet: SimFleet) -> None:
    """Whichever of the two is ahead, the other one's next report is refused, and told."""
    device = fleet.device("camera-1")
    device.check()
    copy = copied(fleet, device)
    for place in (copy.state / "kept").glob("reports*"):
        place.unlink()
    fleet.clock.advance(timedelta(minutes=1))
    copy.check()
    fleet.settled()

    fleet.publish(1, b"one" * 50_000)
    fleet.rollout(1)
    device.live()
    fleet.settled()

    assert Alarm.NUMBER_TWICE in alarms(fleet)


def test_a_device_that_was_copied_gets_nothing_new_until_somebody_has_looked(
    fleet: SimFleet,
) -> None:
    """Neither of the two gets a feature release; acknowledged, the device goes on."""
    device = fleet.device("camera-1")
    device.check()
    copy = copied(fleet, device)
    fleet.publish(1, b"one" * 50_000)
    fleet.rollout(1)
    for each in (device, copy):
        each.live()
    fleet.until(lambda: Alarm.NUMBER_TWICE in alarms(fleet))

    fleet.publish(2, b"two" * 50_000)
    fleet.rollout(2)
    for each in (device, copy):
        assert each.live() is Ended.UNCHANGED
    assert device.runs(b"one" * 50_000)

    with fleet.operator() as director:
        director.post("/devices/camera-1/acknowledge", {})
    fleet.until(lambda: device.live() is Ended.INSTALLING)
    assert device.runs(b"two" * 50_000)


@pytest.mark.parametrize("lost", ["reports*", "[rt]*", "*"])
def test_a_device_that_lost_its_memory_is_no_copy_and_reports_on(
    fleet: SimFleet, lost: str
) -> None:
    """Its first number is the time: above all that it had given out, so nobody is alarmed."""
    device = fleet.device("camera-1")
    device.check()
    fleet.until(lambda: counters(fleet)[1] > 0)
    before = counters(fleet)[1]
    fleet.clock.advance(timedelta(minutes=1))
    device.check()
    for place in (device.state / "kept").glob(lost):
        place.unlink()

    device.check()
    fleet.settled()

    assert counters(fleet)[1] > before + 1
    assert alarms(fleet) == []


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


def credential(device: FleetDevice, folder: Path) -> Shown:
    """The TLS certificate and its key, stolen; the signing key is in a TPM, or well kept."""
    folder.mkdir()
    place = folder / "client.pem"
    place.write_bytes((device.state / "fetch" / "client.pem").read_bytes())
    return Shown(place, place)


def recover(device: FleetDevice) -> None:
    """The device gets another certificate by its signing key."""
    with closing(Online(device.state, device.fetch_socket)) as online:
        online.recover()


def asks(fleet: SimFleet, shown: Shown) -> int:
    """The status that somebody with a credential gets."""
    with Caller(fleet.home.device_port, shown) as caller:
        return caller.ask("GET", "/v1/director/timestamp.json")[0]


def test_a_copied_credential_ends_with_the_next_one_and_is_told(
    fleet: SimFleet, tmp_path: Path
) -> None:
    """Who has no signing key gets no other certificate: he is out, and seen as who he is."""
    device = fleet.device("camera-1")
    device.check()
    stolen = credential(device, tmp_path / "stolen")
    assert asks(fleet, stolen) == 200

    recover(device)
    assert asks(fleet, stolen) == 200  # the answer might have been lost: not yet
    fleet.clock.advance(timedelta(hours=2))
    for _ in range(4):
        assert asks(fleet, stolen) == 403

    device.check()
    fleet.until(lambda: Alarm.CREDENTIAL_TWICE in alarms(fleet))
    fleet.publish(1, b"one" * 50_000)
    fleet.rollout(1)
    device.live()
    device.rest()
    assert device.runs(b"one" * 50_000)  # the honest one is kept from nothing


def test_a_device_that_was_restored_is_not_taken_for_a_copy(
    fleet: SimFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It shows its old certificate once, gets another by its own key, and goes on in full."""
    monkeypatch.setattr(issue, "OVERLAP", timedelta(0))
    device = fleet.device("camera-1")
    device.check()
    backup = (device.state / "fetch" / "client.pem").read_bytes()
    recover(device)
    device.check()

    (device.state / "fetch" / "client.pem").write_bytes(backup)
    fleet.publish(1, b"one" * 50_000)
    fleet.rollout(1)
    device.live()
    device.rest()
    assert device.runs(b"one" * 50_000)
    fleet.settled()
    assert alarms(fleet) == []
