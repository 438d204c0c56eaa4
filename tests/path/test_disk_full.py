"""A disk that is really full: in the spool, in the state, in a slot, at whatever point."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
from tests.path.test_processes import ran

from firmhold.device.check import Ended
from firmhold.sim.fleet import SimFleet
from firmhold.sim.fleet_device import FleetDevice
from firmhold.trust.errors import Code, FirmholdError
from firmhold.update.slots import Slot

ONE = Random(1).randbytes(200_000)
TWO = ONE[:70_000] + b"second" + ONE[70_000:]
DISK, PAGE = 4 << 20, 4096
STEPS = (0, 1, 2, 3, 4, 5, 6, 8, 12, 16, 24, 32, 48, 64)
"""Pages that are left, from none to more than an update needs beside its image."""

pytestmark = pytest.mark.slow


@contextmanager
def disk(place: Path, size: int) -> Iterator[None]:
    """Have a disk of its own at a folder."""
    assert os.geteuid() == 0, "a disk can be put in its place by root only"
    place.mkdir(parents=True, exist_ok=True)
    line = ["mount", "-t", "tmpfs", "-o", f"size={size}", "small", str(place)]
    subprocess.run(line, check=True)  # noqa: S603
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)  # noqa: S603, S607


def fill(place: Path, pages: int) -> None:
    """Leave so many pages of room on a disk."""
    filler = place / "filler"
    found = os.statvfs(place)
    with filler.open("wb") as file:
        file.write(bytes(max(0, found.f_bavail * found.f_bsize - pages * PAGE)))


@pytest.fixture(name="device")
def _device(fleet: SimFleet, tmp_path: Path) -> Iterator[FleetDevice]:
    """A device on a small disk, which runs release 1 and is meant to run release 2."""
    with disk(tmp_path / "camera-1", DISK):
        fleet.publish(1, ONE)
        device = fleet.device("camera-1")
        fleet.rollout(1)
        assert device.live() is Ended.INSTALLING
        fleet.publish(2, TWO)
        fleet.rollout(2)
        yield device


def tried(device: FleetDevice) -> Code | None:
    """Check in and boot, as far as it goes; return the code with which it ended, if it failed."""
    try:
        device.live()
    except FirmholdError as error:
        return error.code
    return None


def test_a_disk_that_is_full_at_any_point_costs_nothing(
    device: FleetDevice, figure: Callable[[str], None]
) -> None:
    """With each amount of room it is told or done; what runs is whole; with room it ends well."""
    ends: list[Code | None] = []
    for pages in STEPS:
        fill(device.folder, pages)
        ends.append(tried(device))
        assert device.runs(ONE) or device.runs(TWO)
        (device.folder / "filler").unlink()
        device.rest()
        assert device.runs(ONE) or device.runs(TWO)
        if ends[-1] is None:
            break
    told = {Code.STORE_IO, Code.FETCH_DISK_FULL}
    assert set(ends[:-1]) <= told
    assert ends[0] in told
    device.live()
    device.rest()
    assert device.runs(TWO)
    figure(f"disk full with {len(ends) - 1} amounts of room, told each time")


def test_a_slot_that_has_no_room_is_told_and_the_other_one_runs_on(
    fleet: SimFleet, tmp_path: Path
) -> None:
    """The file of a slot has holes, and the disk cannot fill them: the process ends in words."""
    folder = tmp_path / "camera-1"
    with disk(folder, DISK), disk(folder / "state", DISK):
        fleet.publish(1, ONE)
        device = fleet.device("camera-1", slot_bytes=DISK // 4)
        fleet.rollout(1)
        assert device.live() is Ended.INSTALLING
        fleet.publish(2, TWO)
        fleet.rollout(2)
        spare = device.slot(Slot.A)
        assert device.appliance().boot.running() is Slot.B
        spare.write_bytes(b"")
        os.truncate(spare, DISK // 4)
        fill(folder, 20)
        done = ran(device, "check", "--fetch", str(device.fetch_socket))
        assert done.returncode == 1
        assert Code.STORE_IO in done.stderr
        assert str(spare) in done.stderr
        device.rest()
        assert device.runs(ONE)
        (folder / "filler").unlink()
        device.live()
        device.rest()
        assert device.runs(TWO)
