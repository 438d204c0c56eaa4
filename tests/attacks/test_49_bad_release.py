"""Row 49: a signed release that does not come up, fails its checks, or dies once it is believed."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.world.plays import (
    ONE,
    TWO,
    Version,
    admitted,
    plays,
    switched_on,
    version,
    with_release_one,
)

from firmhold.device.confirm import confirm
from firmhold.device.install import Installer
from firmhold.device.memory import Memory
from firmhold.sim.fleet import SimFleet
from firmhold.sim.machine import SimMachine
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import InstallFault
from firmhold.trust.governance.rollout_act import Action
from firmhold.trust.uptane.version_manifest import Outcome, Verdict
from firmhold.update.journal import Phase, State
from firmhold.update.slots import BootState, Slot

THREE = version(3, 6)
MOST_BOOTS = 200


def dies_at_once(machine: SimMachine) -> bool:
    """Release two hangs before its agent is up."""
    return machine.runs() == TWO.image


def dies_once_believed(machine: SimMachine) -> bool:
    """Release two passes its checks, and hangs at every boot after it was confirmed."""
    running = machine.record.booted
    confirmed = running is not None and machine.record.record.of(running).state is BootState.GOOD
    return confirmed and machine.runs() == TWO.image


def stays_up(_: SimMachine) -> bool:
    """Nothing hangs."""
    return False


class Life:
    """A device on its own: it boots, works, and hears of a release whenever it is up."""

    def __init__(self, hangs: Callable[[SimMachine], bool]) -> None:
        self.machine = switched_on(plays()["install"], with_release_one(), vfat=False)
        self.machine.source.images[THREE.image] = THREE.data
        self.hangs = hangs
        self.entered: list[Slot | None] = []
        """Slots that were booted with release two in them."""
        self.refusals: list[Code] = []

    def goes_on(self, offered: Version, boots: int = MOST_BOOTS) -> State:
        """Boot so many times; a device that is up is offered the release each time."""
        bitten, state = False, State()
        for _ in range(boots):
            running = self.machine.boot(bitten=bitten)
            if self.machine.runs() == TWO.image:
                self.entered.append(running)
            bitten = self.hangs(self.machine)
            if not bitten:
                state = self._works(offered)
        return state

    def _works(self, offered: Version) -> State:
        machine = self.machine
        installer = Installer(machine.ports(), Memory(machine.disk, machine.seal))
        installer.start()
        confirm(installer, machine.health)
        if not machine.reboot_wanted:
            try:
                installer.begin(admitted(offered))
            except Refused as error:
                self.refusals.append(error.code)
        return installer.state


def test_a_release_that_fails_its_checks_is_tried_once() -> None:
    """The device goes back at its first trial boot, says so, and never tries that release again."""
    life = Life(stays_up)
    life.machine.boot()
    assert life.machine.runs() == ONE.image

    life.machine.health.sick.add(TWO.image)
    state = life.goes_on(TWO)

    assert life.machine.boot() is not None
    assert life.machine.runs() == ONE.image
    assert len(life.entered) == 1
    assert state.outcome == Outcome(TWO.release.value.digest, Verdict.FAILED)
    assert set(life.refusals) == {Code.INSTALL_FAILED_BEFORE}
    assert life.machine.floor.counter == 1


def test_a_release_that_hangs_is_tried_as_often_as_it_has_tries() -> None:
    """Watchdog and tries bring the old system back; the old one pays nothing for it."""
    life = Life(dies_at_once)
    life.machine.boot()
    assert life.machine.runs() == ONE.image

    state = life.goes_on(TWO)

    running = life.machine.boot()
    assert running is not None
    assert life.machine.runs() == ONE.image
    assert len(life.entered) == TWO.release.value.rollback.trial_boots
    assert state.outcome == Outcome(TWO.release.value.digest, Verdict.FAILED)
    assert life.machine.record.record.of(running).bites == 0


def test_a_release_that_dies_once_it_is_believed_is_not_tried_for_ever() -> None:
    """Both slots hold it by then: the recovery system comes up, tries it a few times, and waits."""
    life = Life(dies_once_believed)
    life.machine.boot()
    assert life.machine.runs() == ONE.image

    state = life.goes_on(TWO)

    assert life.machine.boot() is None
    assert state.phase is Phase.IDLE
    assert state.failed(TWO.accepted.release) == 3
    assert state.outcome == Outcome(TWO.release.value.digest, Verdict.FAILED)
    tried = len(life.entered)
    life.goes_on(TWO, boots=20)
    assert len(life.entered) == tried

    state = life.goes_on(THREE, boots=5)
    assert life.machine.runs() == THREE.image
    assert [life.machine.holds(slot) for slot in Slot] == [THREE.image] * 2
    assert state.outcome == Outcome(THREE.release.value.digest, Verdict.INSTALLED)


def test_the_next_release_gets_in_after_a_bad_one() -> None:
    """A tombstone is for one release: the one that mends it is installed as any other."""
    life = Life(dies_at_once)
    life.goes_on(TWO, boots=20)
    life.goes_on(THREE, boots=5)
    assert life.machine.runs() == THREE.image
    assert life.machine.floor.counter == 3


def test_the_refusal_names_the_release_and_how_often_it_failed() -> None:
    """Who asks why a release is not installed learns which, and how often it failed here."""
    life = Life(dies_at_once)
    life.goes_on(TWO, boots=20)
    machine = life.machine
    installer = Installer(machine.ports(), Memory(machine.disk, machine.seal))
    installer.start()
    with pytest.raises(Refused) as error:
        installer.begin(admitted(TWO))
    assert error.value.fault == InstallFault(
        code=Code.INSTALL_FAILED_BEFORE,
        release=TWO.release.value.digest.hex(),
        expected="fewer than 1",
        found="1",
    )


def test_a_fleet_halts_for_a_release_that_fails_its_checks(fleet: SimFleet, tmp_path: Path) -> None:
    """Real checks fail on a device: it goes back, says so, and nobody else gets the release."""
    well = tmp_path / "well"
    check = f'health_checks = [{{ argv = ["/usr/bin/test", "-e", "{well}"], kind = "command", '
    check += "deadline_seconds = 5 }]"
    fleet.publish(1, b"one" * 50_000)
    first, second = fleet.device("camera-1"), fleet.device("camera-2")
    fleet.rollout(1)
    for device in (first, second):
        device.live()

    fleet.publish(2, b"two" * 50_000, check)
    fleet.rollout(2)
    with pytest.raises(Refused) as caught:
        first.live()
    assert caught.value.code is Code.INSTALL_FAILED_BEFORE
    fleet.settled()

    assert first.runs(b"one" * 50_000)
    fleet.until(lambda: fleet.told("r2")["halted"] == "by_failures")
    second.live()
    assert second.runs(b"one" * 50_000)
    fleet.tell("r2", Action.RESUME)
    assert first.check()[1] is False
    assert first.runs(b"one" * 50_000)
    well.touch()
    fleet.publish(3, b"three" * 40_000, check)
    fleet.rollout(3)
    for device in (first, second):
        device.live()
        assert device.runs(b"three" * 40_000)
