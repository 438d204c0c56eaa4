"""Row 34: the image in the slot changes between the check and the boot."""

from collections.abc import Callable
from contextlib import suppress
from random import Random

import pytest

from firmhold.device.adapters.block import SlotFile
from firmhold.device.check import Ended
from firmhold.device.measure import Found, measured
from firmhold.sim.fleet import SimFleet
from firmhold.sim.fleet_device import FleetDevice
from firmhold.trust.errors import FirmholdError
from firmhold.update.slots import BAD, Slot

ONE = Random(1).randbytes(200_000)
Flush = Callable[[SlotFile], None]


def flip(device: FleetDevice) -> None:
    """Flip a bit of each slot, as a racing process would."""
    for place in device.folder.glob("slot-*"):
        data = bytearray(place.read_bytes())
        data[70_000] ^= 1
        place.write_bytes(data)


def test_what_changes_while_it_is_written_is_not_booted(
    fleet: SimFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each extent is changed behind the writer's back: what is read back decides."""
    fleet.publish(1, ONE)
    device = fleet.device("camera-1")
    fleet.rollout(1)
    before = device.appliance().boot.running()
    honest: Flush = SlotFile.flush

    def raced(slot: SlotFile) -> None:
        honest(slot)
        flip(device)

    with monkeypatch.context() as patched:
        patched.setattr(SlotFile, "flush", raced)
        with suppress(FirmholdError):
            assert device.check() == (Ended.INSTALLING, False)
    device.rest()

    assert device.appliance().boot.running() is before
    assert device.appliance().boot.read().of(Slot.B) == BAD


def test_what_changes_after_the_boot_is_found_by_measuring(fleet: SimFleet) -> None:
    """A confirmed slot that is changed later is told by `verify`; nothing here stops its boot."""
    fleet.publish(1, ONE)
    device = fleet.device("camera-1")
    fleet.rollout(1)
    device.live()
    appliance = device.appliance()
    state = appliance.memory.state
    assert {each.found for each in measured(state, appliance.slots)} == {Found.SAME}

    flip(device)

    assert {each.found for each in measured(state, appliance.slots)} == {Found.OTHER}
