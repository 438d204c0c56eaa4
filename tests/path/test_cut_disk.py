"""A device's process ends at an operation of its disk, anywhere between check-in and rest."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from firmhold.device.adapters import block, disk, files
from firmhold.fleet.gateway import limits
from firmhold.sim.fleet import SimFleet
from firmhold.sim.fleet_device import FleetDevice
from firmhold.trust.errors import FirmholdError
from firmhold.update.journal import Phase

ONE = Random(1).randbytes(140_000)
TWO = ONE[:70_000] + b"second" + ONE[70_000:]
EVERY = int(os.environ.get("FIRMHOLD_EVERY_CUT", "4"))
"""Each so-many-th operation; `make lab-full` takes each."""


class Cut(BaseException):
    """The process ended here; nothing that runs in it may go on."""


@pytest.fixture(name="operations")
def _operations(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Counts what changes the disk; the second number says where it ends (0: nowhere).

    The half with the network is another process; here it is a thread, and is left alone.
    """
    counted, own = [0, 0], threading.get_ident()

    def counting(real: Callable[..., object]) -> Callable[..., object]:
        def counted_one(*arguments: object) -> object:
            if threading.get_ident() == own:
                counted[0] += 1
                if counted[0] == counted[1]:
                    raise Cut
            return real(*arguments)

        return counted_one

    for module in (files, block):
        monkeypatch.setattr(module, "write_all", counting(disk.write_all))
    monkeypatch.setattr(files, "sync_folder", counting(disk.sync_folder))
    monkeypatch.setattr(os, "fsync", counting(os.fsync))
    monkeypatch.setattr(Path, "rename", counting(Path.rename))
    yield counted
    counted[1] = 0


def life(device: FleetDevice) -> None:
    """Check in, and live until it rests."""
    _, reboot = device.check()
    if reboot:
        device.rest()


def put_back(device: FleetDevice, begin: Path) -> None:
    """Have the device as it was, but for what its other half has brought."""
    shutil.rmtree(device.folder)
    shutil.copytree(begin, device.folder)


@pytest.mark.slow
def test_an_update_over_the_network_is_finished_wherever_it_was_cut(
    fleet: SimFleet,
    tmp_path: Path,
    operations: list[int],
    figure: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Something whole runs after each cut, and the next cycle ends with the new release."""
    monkeypatch.setattr(limits, "MOST_TURNS", 100_000)  # it asks more often than any device would
    fleet.publish(1, ONE)
    device = fleet.device("camera-1")
    fleet.rollout(1)
    device.live()
    fleet.publish(2, TWO)
    fleet.rollout(2)
    begin = tmp_path / "begin"
    shutil.copytree(device.folder, begin)
    operations[:] = [0, 0]
    life(device)
    total, cuts = operations[0], 0
    assert total > 60
    for cut in range(1, total + 1, EVERY):
        put_back(device, begin)
        operations[:] = [0, cut]
        with suppress(Cut):
            life(device)
        operations[1] = 0
        cuts += 1
        assert device.appliance().enter() is not None
        assert device.runs(ONE) or device.runs(TWO)
        device.rest()
        with suppress(FirmholdError):
            life(device)
        device.rest()
        life(device)
        assert device.runs(TWO), cut
        assert device.appliance().memory.state.phase is Phase.IDLE
    figure(
        f"device on a fleet: ended in {cuts} of {total} operations of the disk, finished each time"
    )
