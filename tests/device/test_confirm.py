"""The judgement of the system that runs."""

from tests.world.plays import ONE, TWO, admitted, plays, switched_on, with_release_one

from firmhold.device.confirm import confirm
from firmhold.device.install import Installer
from firmhold.device.memory import Memory
from firmhold.sim.machine import SimMachine
from firmhold.trust.uptane.version_manifest import Outcome, Verdict
from firmhold.update.journal import Phase
from firmhold.update.slots import BAD, GOOD, BootState


def started(machine: SimMachine) -> Installer:
    """The device's code after a boot."""
    machine.boot()
    installer = Installer(machine.ports(), Memory(machine.disk, machine.seal))
    installer.start()
    return installer


def on_trial() -> tuple[SimMachine, Installer]:
    """A machine that has booted release two for the first time."""
    machine = switched_on(plays()["install"], with_release_one(), vfat=False)
    started(machine).begin(admitted(TWO))
    return machine, started(machine)


def test_nothing_is_judged_that_was_judged_before() -> None:
    """A confirmed system runs no checks for its confirmation again."""
    machine, installer = on_trial()
    assert confirm(installer, machine.health) == ()
    assert confirm(installer, machine.health) == ()
    assert machine.health.asked == [TWO.release.value.digest]


def test_a_system_is_good_only_after_its_checks() -> None:
    """Booting alone confirms nothing, and nothing is called installed before."""
    machine, installer = on_trial()
    running = machine.record.booted
    assert running is not None
    assert machine.record.record.of(running).state is BootState.UNKNOWN
    assert installer.state.outcome == Outcome(ONE.release.value.digest, Verdict.INSTALLED)
    assert machine.floor.counter == 1
    confirm(installer, machine.health)
    assert machine.record.record.of(running) == GOOD
    assert installer.state.outcome == Outcome(TWO.release.value.digest, Verdict.INSTALLED)
    assert machine.floor.counter == 2


def test_a_sick_system_is_left_at_once() -> None:
    """The checks that failed are named, the slot is bad, and the old one boots."""
    machine, installer = on_trial()
    machine.health.sick.add(TWO.image)
    running = machine.record.booted
    assert running is not None
    assert confirm(installer, machine.health) == ("alive",)
    assert machine.record.record.of(running) == BAD
    assert machine.record.record.primary is running.other
    assert machine.reboot_wanted
    assert installer.state.phase is Phase.REVERTING
    assert machine.boot() is running.other
    assert machine.runs() == ONE.image
