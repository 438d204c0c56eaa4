"""A device's process ends at an operation of its disk, anywhere between check-in and rest."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from tests.cuts import Cut, Medium, counted_operations

from firmhold.fleet.gateway import limits
from firmhold.sim.fleet import SimFleet
from firmhold.sim.fleet_device import FleetDevice
from firmhold.trust.errors import FirmholdError
from firmhold.update.journal import Phase

ONE = Random(1).randbytes(140_000)
TWO = ONE[:70_000] + b"second" + ONE[70_000:]
EVERY = int(os.environ.get("FIRMHOLD_EVERY_CUT", "6"))
"""Each so-many-th operation; `make lab-full` takes each."""


@pytest.fixture(name="medium")
def _medium() -> Iterator[Medium]:
    """What of a device's disk is on the medium."""
    medium = Medium()
    yield medium
    medium.close()


@pytest.fixture(name="operations")
def _operations(monkeypatch: pytest.MonkeyPatch, medium: Medium) -> Iterator[list[int]]:
    """Counts what changes the disk, and ends the process where it is told to."""
    with counted_operations(monkeypatch, medium.synced) as counted:
        yield counted


def ended(_: FleetDevice, __: Medium) -> None:
    """A process was killed: the kernel still writes what it had been given."""


def without_power(device: FleetDevice, medium: Medium) -> None:
    """What was not synced is gone, and all that the other half had brought."""
    medium.lose_the_rest()
    shutil.rmtree(device.spool, ignore_errors=True)


NAMES = {ended: "process ended", without_power: "power cut, un-synced writes lost,"}


def life(device: FleetDevice) -> None:
    """Check in, and live until it rests."""
    _, reboot = device.check()
    if reboot:
        device.rest()


def put_back(device: FleetDevice, begin: Path) -> None:
    """Have the device as it was, but for what its other half has brought."""
    shutil.rmtree(device.folder)
    shutil.copytree(begin, device.folder)


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The device asks more often here than any device would."""
    monkeypatch.setattr(limits, "MOST_TURNS", 100_000)


@pytest.mark.slow
@pytest.mark.parametrize("end", [ended, without_power])
def test_an_update_over_the_network_is_finished_wherever_it_was_cut(
    end: Callable[[FleetDevice, Medium], None],
    fleet: SimFleet,
    tmp_path: Path,
    operations: list[int],
    medium: Medium,
    figure: Callable[[str], None],
) -> None:
    """Something whole runs after each cut, and the next cycle ends with the new release."""
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
    for cut in range(1 + (end is ended) % EVERY, total + 1, EVERY):
        put_back(device, begin)
        state = device.state
        medium.begin((device.folder, state, state / "kept", state / "boot", state / "fetch"))
        operations[:] = [0, cut]
        with suppress(Cut):
            life(device)
        operations[1] = 0
        end(device, medium)
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
    figure(f"device on a fleet: {NAMES[end]} in {cuts} of {total} operations, finished each time")
