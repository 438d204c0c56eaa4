"""A device's process ends at an operation of its disk, anywhere between check-in and rest."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from tests.cuts import Cut, counted_operations

from firmhold.fleet.gateway import limits
from firmhold.sim.fleet import SimFleet
from firmhold.sim.fleet_device import FleetDevice
from firmhold.trust.errors import FirmholdError
from firmhold.update.journal import Phase

ONE = Random(1).randbytes(140_000)
TWO = ONE[:70_000] + b"second" + ONE[70_000:]
EVERY = int(os.environ.get("FIRMHOLD_EVERY_CUT", "4"))
"""Each so-many-th operation; `make lab-full` takes each."""


@pytest.fixture(name="operations")
def _operations(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Counts what changes the disk, and ends the process where it is told to."""
    with counted_operations(monkeypatch) as counted:
        yield counted


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
