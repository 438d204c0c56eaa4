"""Slots on real block devices: written, read back, and the one that runs never opened to write."""

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from tests.path.test_processes import ran

from firmhold.sim.fleet import SimFleet
from firmhold.sim.fleet_device import FleetDevice
from firmhold.trust.errors import Code
from firmhold.update.slots import Slot

ONE = Random(1).randbytes(200_000)
TWO = ONE[:70_000] + b"second" + ONE[70_000:]
BYTES = 1 << 20

pytestmark = pytest.mark.slow


def done(*words: str) -> str:
    """Run a program of the system's."""
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603


@pytest.fixture(name="loops")
def _loops(tmp_path: Path) -> Iterator[dict[Slot, str]]:
    """A loop device for each slot of a device to be; its node lies where the slot is."""
    assert os.geteuid() == 0, "block devices can be made by root only"
    made = {}
    (tmp_path / "camera-1").mkdir()
    for slot in Slot:
        backing = tmp_path / f"{slot}.img"
        backing.write_bytes(bytes(BYTES))
        made[slot] = done("losetup", "--find", "--show", str(backing))
        number = Path(made[slot]).stat().st_rdev
        os.mknod(tmp_path / "camera-1" / f"slot-{slot}", stat.S_IFBLK | 0o600, number)
    yield made
    for loop in made.values():
        done("losetup", "--detach", loop)


def written(device: FleetDevice) -> None:
    """Install what is meant, while the kernel lets nobody write where the system runs."""
    checked = ran(device, "check", "--fetch", str(device.fetch_socket))
    assert (checked.returncode, checked.stderr) == (0, "")


def test_block_devices_are_slots(fleet: SimFleet, loops: dict[Slot, str], tmp_path: Path) -> None:
    """Two updates there and back, each with the device that runs protected from all writing."""
    fleet.publish(1, ONE)
    device = fleet.device("camera-1")
    fleet.rollout(1)
    done("blockdev", "--setro", loops[Slot.A])
    written(device)
    done("blockdev", "--setrw", loops[Slot.A])
    device.rest()
    device.live()
    assert device.runs(ONE)
    assert (tmp_path / "b.img").read_bytes()[: len(ONE)] == ONE
    fleet.publish(2, TWO)
    fleet.rollout(2)
    done("blockdev", "--setro", loops[Slot.B])
    written(device)
    done("blockdev", "--setrw", loops[Slot.B])
    device.rest()
    assert device.runs(TWO)
    assert (tmp_path / "a.img").read_bytes()[: len(TWO)] == TWO


def test_a_block_device_that_cannot_be_written_is_told(
    fleet: SimFleet, loops: dict[Slot, str]
) -> None:
    """A spare slot that is read-only: the process ends in words, and what runs goes on."""
    fleet.publish(1, ONE)
    device = fleet.device("camera-1")
    fleet.rollout(1)
    done("blockdev", "--setro", loops[Slot.B])
    checked = ran(device, "check", "--fetch", str(device.fetch_socket))
    assert checked.returncode == 1
    assert Code.STORE_IO in checked.stderr
    assert str(device.slot(Slot.B)) in checked.stderr
    assert device.appliance().boot.running() is Slot.A
    done("blockdev", "--setrw", loops[Slot.B])
    device.live()
    device.rest()
    assert device.runs(ONE)
