"""The whole path: release, rollout, check-in, install, boot, report, and the next wave."""

from random import Random

from tests.databases import ON_BOTH

from firmhold.device.check import Ended
from firmhold.sim.fleet import SimFleet

ONE = Random(1).randbytes(200_000)
TWO = ONE[:70_000] + b"second" + ONE[70_000:]

pytestmark = ON_BOTH


def test_releases_reach_devices_wave_by_wave(fleet: SimFleet) -> None:
    """A device of the second wave waits until those of the first have reported the release."""
    fleet.publish(1, ONE)
    cameras = [fleet.device(f"camera-{number}", number) for number in (1, 2, 3)]
    fleet.rollout(1, waves="34,100")
    first = [camera.check()[0] for camera in cameras]
    assert set(first) == {Ended.INSTALLING, Ended.UNCHANGED}
    for camera in cameras:
        camera.rest()
        camera.check()
    fleet.until(lambda: fleet.open_waves("r1") == 2)
    for camera in cameras:
        camera.live()
        assert camera.runs(ONE)
    fleet.publish(2, TWO)
    fleet.rollout(2)
    for camera in cameras:
        assert camera.live() is Ended.INSTALLING
        assert camera.runs(TWO)
    fleet.until(lambda: fleet.confirmed("r2") == 3)
