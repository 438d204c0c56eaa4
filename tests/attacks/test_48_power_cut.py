"""Row 48: the attacker holds the plug."""

from contextlib import suppress

import pytest
from tests.attacks import stolen as on_a_fleet
from tests.cuts import Cut, counted_operations
from tests.world.plays import ONE, TWO, live, plays, switched_on

from firmhold.device.memory import Memory
from firmhold.sim.desk import PowerCut
from firmhold.sim.flash import Fate
from firmhold.sim.fleet import SimFleet
from firmhold.sim.machine import SimMachine
from firmhold.trust.errors import FirmholdError
from firmhold.trust.uptane.version_manifest import Outcome, Verdict
from firmhold.update.journal import State
from firmhold.update.slots import BootState, Slot

INSTALL = plays()["install"]


def operations() -> int:
    """How many durable operations an installation takes."""
    machine = switched_on(INSTALL, INSTALL.begin, vfat=False)
    live(machine, INSTALL)
    return machine.supply.operations


def images(machine: SimMachine) -> list[str]:
    """What is on the flash of both slots: which image, or a part of one."""
    names = {ONE.image: "one", TWO.image: "two"}
    held = [machine.holds(slot) for slot in Slot]
    return [names[image] if image is not None else "part" for image in held]


@pytest.mark.parametrize("fate", Fate)
def test_a_cut_at_any_write_leaves_one_of_two_whole_systems(fate: Fate) -> None:
    """The plug is pulled at each write of an installation: the old system boots, or the new one."""
    for operation in range(1, operations() + 1):
        machine = switched_on(INSTALL, INSTALL.begin, vfat=True)
        assert machine.boot() is not None
        assert machine.runs() == ONE.image

        machine.supply.cut_at(operation, fate)
        with suppress(PowerCut):
            live(machine, INSTALL)
        machine.supply.restore()

        running = machine.boot()
        assert running is not None
        assert images(machine)[list(Slot).index(running)] in ("one", "two")
        assert Memory(machine.disk, machine.seal).state != State()
        live(machine, INSTALL)
        assert images(machine) == ["two", "two"]
        assert machine.floor.counter == 2


def test_pulling_the_plug_in_every_trial_boot_keeps_the_old_system() -> None:
    """Who never lets the new system come up gets the old one back, whole and confirmed."""
    begin = plays()["withdrawn on trial"].begin  # release two is on trial
    machine = switched_on(INSTALL, begin, vfat=False)
    spare = machine.record.record.primary
    assert machine.record.record.of(spare).state is BootState.UNKNOWN

    booted = [machine.boot() for _ in range(5)]

    assert booted[-1] is spare.other
    assert machine.runs() == ONE.image
    state = live(machine, INSTALL)
    assert images(machine)[list(Slot).index(spare.other)] == "one"
    assert machine.record.booted is spare.other
    assert state.outcome == Outcome(TWO.release.value.digest, Verdict.FAILED)
    assert machine.record.record.of(spare).state is BootState.BAD


def test_who_pulls_the_plug_of_a_device_on_a_fleet_gains_nothing(
    fleet: SimFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut off again and again, each time a little later: one of two whole systems, then the new."""
    device = on_a_fleet.ready_for_two(fleet)
    with counted_operations(monkeypatch) as operations:
        for cut in range(3, 120, 9):
            operations[:] = [0, cut]
            with suppress(Cut, FirmholdError):
                device.live()
            operations[1] = 0
            assert device.appliance().enter() is not None
            assert device.runs(on_a_fleet.ONE) or device.runs(on_a_fleet.TWO)
            if device.runs(on_a_fleet.TWO):
                break
        assert cut > 12
    device.rest()
    device.live()
    assert device.runs(on_a_fleet.TWO)
