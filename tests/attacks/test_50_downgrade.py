"""Row 50: the attacker makes the new system fail, to get the old one with its hole back."""

import pytest
from tests.attacks import stolen as on_a_fleet
from tests.world.plays import BLOCKS, ONE, TWO, admitted, live, plays, switched_on

from firmhold.device.confirm import confirm
from firmhold.device.install import Installer
from firmhold.device.memory import Memory
from firmhold.sim.flash import Fate
from firmhold.sim.fleet import SimFleet
from firmhold.sim.machine import SimMachine, blocks_of
from firmhold.sim.stolen_gateway import StolenGateway
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import InstallFault
from firmhold.update.slots import BAD, GOOD, BootRecord, Slot

INSTALL = plays()["install"]


@pytest.fixture
def patched() -> SimMachine:
    """A device that has installed release two, which mends release one."""
    machine = switched_on(INSTALL, INSTALL.begin, vfat=False)
    live(machine, INSTALL)
    assert machine.floor.counter == 2
    return machine


def started(machine: SimMachine) -> Installer:
    """The device's code after a boot."""
    installer = Installer(machine.ports(), Memory(machine.disk, machine.seal))
    installer.start()
    return installer


def test_killing_the_health_checks_of_a_confirmed_system_brings_nothing_back(
    patched: SimMachine,
) -> None:
    """Checks judge a trial; who makes them fail later gets no reboot into another slot."""
    running = patched.boot()
    patched.health.sick.add(TWO.image)
    installer = started(patched)
    assert confirm(installer, patched.health) == ()
    installer.judge(healthy=False)
    assert not patched.reboot_wanted
    assert patched.boot() is running
    assert patched.runs() == TWO.image


def test_watchdog_resets_lead_to_the_same_release_in_the_other_slot(patched: SimMachine) -> None:
    """Who resets the running system again and again gets the spare slot, which is as new."""
    running = patched.boot()
    assert running is not None
    booted = [patched.boot(bitten=True) for _ in range(3)]
    assert booted[-1] is running.other
    assert patched.runs() == TWO.image


@pytest.mark.parametrize("slot", Slot)
def test_an_old_system_written_into_a_slot_does_not_boot(patched: SimMachine, slot: Slot) -> None:
    """Even a whole, genuine old image that the record calls good is below the floor."""
    left = patched.after_cut(Fate.KEPT)
    old = blocks_of(ONE.data, BLOCKS)
    forged = {Slot.A: left._replace(a=old), Slot.B: left._replace(b=old)}[slot]
    records = {Slot.A: (GOOD, BAD), Slot.B: (BAD, GOOD)}[slot]

    machine = switched_on(INSTALL, forged._replace(record=BootRecord(slot, *records)), vfat=False)

    assert machine.boot() is None
    live(machine, INSTALL._replace(offered=None))
    assert machine.runs() == TWO.image
    assert [machine.holds(each) for each in Slot] == [TWO.image] * 2


def test_an_old_release_is_not_installed_again(patched: SimMachine) -> None:
    """A release below the floor is refused before a byte of it is fetched."""
    patched.boot()
    installer = started(patched)
    patched.source.asked.clear()
    with pytest.raises(Refused) as error:
        installer.begin(admitted(ONE))
    assert error.value.fault == InstallFault(
        code=Code.INSTALL_BELOW_FLOOR,
        release=ONE.release.value.digest.hex(),
        expected="2",
        found="1",
    )
    assert patched.source.asked == []


def test_a_failing_trial_goes_back_to_the_last_good_system_only() -> None:
    """Before the floor was raised, the way back is the confirmed release, and its floor."""
    machine = switched_on(INSTALL, INSTALL.begin, vfat=False)
    machine.health.sick.add(TWO.image)
    live(machine, INSTALL)
    assert machine.runs() == ONE.image
    assert machine.floor.counter == 1 == ONE.release.value.security_counter


def test_an_operator_whose_key_was_stolen_brings_no_old_release_back(
    fleet: SimFleet, stolen: StolenGateway
) -> None:
    """A signed act names release 1 again: a device on release 2 refuses it, and says so."""
    device = on_a_fleet.ready_for_two(fleet)
    device.live()
    assert device.runs(on_a_fleet.TWO)
    stolen.asked.clear()

    fleet.rollout(1, name="back")

    for _ in range(2):
        with pytest.raises(Refused) as caught:
            device.check()
        assert caught.value.code is Code.UPTANE_RELEASE_COUNTER
        device.rest()
        assert device.runs(on_a_fleet.TWO)
    assert not [path for path in stolen.asked if "payloads" in path]
