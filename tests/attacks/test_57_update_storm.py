"""Row 57: a release that fails everywhere is sent to everybody."""

from contextlib import suppress
from random import Random

from firmhold.device.check import Ended
from firmhold.sim.fleet import SimFleet
from firmhold.sim.fleet_device import FleetDevice
from firmhold.trust.errors import Refused

BAD = Random(9).randbytes(100_000)
FAILS = 'health_checks = [{ kind = "command", deadline_seconds = 5, argv = ["/bin/false"] }]'


def took(camera: FleetDevice) -> bool:
    """Whether a device takes what is meant for it; whatever comes of it, it reports."""
    ended, reboot = camera.check()
    if reboot:
        camera.rest()
        with suppress(Refused):  # it has failed here, and is still meant
            camera.check()
    return ended is Ended.INSTALLING


def test_a_release_that_fails_stops_in_its_first_wave(fleet: SimFleet) -> None:
    """Devices of the first wave go back by themselves; the others are never told of it."""
    fleet.publish(1, BAD, more=FAILS)
    cameras = [fleet.device(f"camera-{number}") for number in range(6)]
    fleet.rollout(1, waves="34,100")

    begun = [camera for camera in cameras if took(camera)]
    fleet.until(lambda: fleet.told("r1")["halted"] == "by_failures")
    others = [camera for camera in cameras if camera not in begun]

    assert 0 < len(begun) < len(cameras)
    assert [camera.live() for camera in others] == [Ended.UNCHANGED] * len(others)
    assert not any(camera.runs(BAD) for camera in cameras)
    assert fleet.open_waves("r1") == 1
    assert [camera.live() for camera in begun] == [Ended.UNCHANGED] * len(begun)
