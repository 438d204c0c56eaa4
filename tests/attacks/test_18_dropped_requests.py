"""Row 18: somebody between device and server drops what they say, all of it or what he likes."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.attacks import stolen as on_a_fleet
from tests.attacks.flashed import ONE, TWO, assert_held, runs

from firmhold.device.ports import Repository
from firmhold.drill.rehearsal import Rehearsal
from firmhold.fleet.director.alarms import MISSED
from firmhold.sim.fleet import SimFleet
from firmhold.sim.stolen_gateway import Bend, StolenGateway, broken_off, not_there
from firmhold.trust.errors import Code, FirmholdError

METADATA = [
    (Repository.DIRECTOR, "timestamp.json"),
    (Repository.DIRECTOR, "snapshot.json"),
    (Repository.DIRECTOR, "targets.json"),
    (Repository.IMAGE, "timestamp.json"),
    (Repository.IMAGE, "snapshot.json"),
    (Repository.IMAGE, "feature.json"),
    (Repository.IMAGE, "security.json"),
]


def test_with_nothing_brought_the_old_firmware_runs_on(device: Rehearsal) -> None:
    """A partition costs a device its updates and nothing else, however long it lasts."""
    device.offer(TWO, 2, security=2)
    before = device.flash()

    for _ in range(20):
        device.wait(86_400)
        silence = replace(device.ask(), repositories={}, targets={}, statement=b"", proof=b"")
        assert device.check_in(silence) is not None
        device.live()
        assert runs(device, ONE)

    assert_held(device, before)


@pytest.mark.parametrize(("repository", "name"), METADATA)
def test_whatever_is_left_out_nothing_is_installed_and_the_next_one_goes_through(
    device: Rehearsal, repository: Repository, name: str
) -> None:
    """Without any one document of the chain there is no release; with it there is, at once."""
    device.offer(TWO, 2, security=2)
    before, whole = device.flash(), device.ask()

    kept = {
        key: data
        for key, data in whole.repositories.items()
        if key[0] is not repository or not key[1].endswith(name)
    }
    code = device.check_in(replace(whole, repositories=kept))
    # A timestamp that is not brought is the old one, of which the answer does not speak.
    withheld = {
        Repository.DIRECTOR: Code.FRESHNESS_OTHER_QUESTION,
        Repository.IMAGE: Code.FRESHNESS_OLD_TIMESTAMP,
    }
    expected = withheld[repository] if name == "timestamp.json" else Code.FETCH_NOT_FOUND
    assert code is expected

    assert_held(device, before)


def test_dropped_payloads_leave_an_installation_that_goes_on(device: Rehearsal) -> None:
    """A download that breaks off is taken up where it was, over reboots too."""
    device.offer(TWO, 2, security=2)
    payloads = dict(device.domain.payloads.files)
    device.domain.payloads.files.clear()

    assert device.check_in() is Code.FETCH_NOT_FOUND
    device.live()
    assert runs(device, ONE)

    device.domain.payloads.files |= payloads
    device.live()
    assert runs(device, TWO)
    assert device.machine.floor.counter == 2


@pytest.mark.parametrize("place", on_a_fleet.PLACES)
@pytest.mark.parametrize("drop", [not_there, broken_off])
def test_a_gateway_that_drops_what_it_likes_keeps_a_device_as_it_is(
    fleet: SimFleet, stolen: StolenGateway, drop: Bend, place: str
) -> None:
    """Any kind of request of a fleet's, denied or broken off: told, and made good afterwards."""
    device = on_a_fleet.ready_for_two(fleet)

    stolen.on(on_a_fleet.PLACES[place], drop)

    for _ in range(3):
        with pytest.raises(FirmholdError):
            device.check()
        device.rest()
        assert device.runs(on_a_fleet.ONE)
    on_a_fleet.assert_held(device, stolen)


def test_a_device_that_is_kept_from_asking_is_missed(fleet: SimFleet) -> None:
    """It falls silent: operators are told, by name, until it asks again."""
    device, other = fleet.device("camera-1"), fleet.device("camera-2")
    for each in (device, other):
        each.check()
    fleet.settled()
    assert silent(fleet) == []

    fleet.clock.advance(timedelta(seconds=(MISSED + 1) * fleet.home.wait + 2))
    other.check()
    fleet.until(lambda: silent(fleet) == ["camera-1"])

    device.check()
    fleet.until(lambda: silent(fleet) == [])


def silent(fleet: SimFleet) -> list[str]:
    """The devices of which operators are told that they do not ask any more."""
    with fleet.operator() as director:
        rows = director.rows("/devices")
    return [str(row["device"]) for row in rows if "silent" in str(row["alarms"])]
