"""Installing on a machine whose sources, slots and memory fail in their own ways."""

from datetime import timedelta

import pytest
from tests.world.plays import (
    NOW,
    ONE,
    TWO,
    admitted,
    live,
    plays,
    switched_on,
    version,
    with_release_one,
)

from firmhold.device.confirm import confirm
from firmhold.device.install import Installer, candidate
from firmhold.device.memory import Memory
from firmhold.sim.flash import Fate
from firmhold.sim.machine import Durables, SimMachine
from firmhold.sim.releases import MAIN, RADIO
from firmhold.trust.errors import Code, Misuse, Refused, Unavailable
from firmhold.trust.faults import InstallFault
from firmhold.trust.uptane.version_manifest import Outcome, Verdict
from firmhold.trust.verified import seal
from firmhold.update.admission import Admission
from firmhold.update.journal import Phase, State
from firmhold.update.slots import BAD, LIMITS, BootState, Slot

DIGEST = TWO.release.value.digest


def started(machine: SimMachine) -> Installer:
    """The device's code, started on a machine that was booted."""
    installer = Installer(machine.ports(), Memory(machine.disk, machine.seal))
    installer.start()
    return installer


def running_one(durables: Durables | None = None) -> SimMachine:
    """A machine that has booted, with release one unless something else is said."""
    machine = switched_on(plays()["install"], durables or with_release_one(), vfat=False)
    machine.boot()
    return machine


def test_a_candidate_is_what_the_release_says() -> None:
    """Nothing is installed under other numbers than those that were signed."""
    found = candidate(TWO.release.value, MAIN)
    assert (found.digest, found.counter, found.security_counter) == (DIGEST, 2, 2)
    assert (found.trial_boots, found.image) == (3, TWO.image)


def test_a_release_without_the_component_cannot_be_meant() -> None:
    """Whoever asks for the image of a component that the release does not have is told so."""
    with pytest.raises(Misuse) as error:
        candidate(TWO.release.value, RADIO)
    assert error.value.code is Code.MISUSE


def cut_off(machine: SimMachine, piece: int = 0) -> Installer:
    """Release two begun, and the source out of reach from a piece on."""
    machine.source.fails_from = piece
    installer = started(machine)
    with pytest.raises(Unavailable):
        installer.begin(admitted(TWO))
    machine.source.fails_from = None
    machine.source.asked.clear()
    return installer


def test_a_source_that_fails_is_asked_again_for_what_is_missing_only() -> None:
    """What was durable before the network failed is not fetched a second time."""
    machine = running_one()
    assert cut_off(machine, 5).state.phase is Phase.WRITING
    assert started(machine).state.phase is Phase.TRIAL
    assert machine.source.asked == [5, 6, 7]


@pytest.mark.parametrize("pieces", [1, 2, 3, 8, 16])
def test_extents_of_any_length_make_the_image(pieces: int) -> None:
    """However many pieces an extent has, the image in the slot is the signed one."""
    machine = running_one()
    machine.source.pieces = pieces
    started(machine).begin(admitted(TWO))
    running = machine.record.booted
    assert running is not None
    assert machine.holds(running.other) == TWO.image


def test_an_extent_that_begins_before_what_is_missing_is_taken_whole() -> None:
    """After a change of recipe an extent may repeat pieces that are there already."""
    machine = running_one()
    cut_off(machine, 3)
    machine.source.pieces = 4
    assert started(machine).state.phase is Phase.TRIAL
    assert machine.source.asked == [3, 4]
    machine.boot()
    assert machine.runs() == TWO.image


def test_bytes_that_nobody_signed_are_never_booted() -> None:
    """Where the medium has something else than was signed, the slot is not switched to."""
    machine = running_one()
    machine.source.spoils = True
    installer = started(machine)
    installer.begin(admitted(TWO))
    running = machine.record.booted
    assert running is not None
    assert machine.record.record.of(running.other) == BAD
    assert installer.state.outcome == Outcome(DIGEST, Verdict.FAILED)
    assert machine.boot() is running
    assert machine.runs() == ONE.image


def test_a_release_that_runs_is_not_installed_again() -> None:
    """Being told once more to install what runs costs nothing."""
    machine = running_one()
    installer = started(machine)
    operations = machine.supply.operations
    installer.begin(admitted(ONE))
    assert machine.supply.operations == operations
    assert machine.source.asked == []


def test_a_device_at_rest_writes_nothing_when_it_boots() -> None:
    """Switching a confirmed device off and on wears nothing out, however often."""
    machine = running_one()
    started(machine)
    machine.supply.operations = 0
    for _ in range(10):
        machine.boot()
        assert confirm(started(machine), machine.health) == ()
    assert machine.supply.operations == 0
    assert machine.health.asked == []


def test_an_installation_is_judged_as_of_the_moment_of_its_acceptance() -> None:
    """What was accepted in time is finished years later: nobody asks about today."""
    machine = running_one()
    machine.source.fails_from = 0
    with pytest.raises(Unavailable):
        started(machine).begin(admitted(TWO, NOW + timedelta(microseconds=700)))
    machine.boot()
    machine.source.fails_from = None
    started(machine)
    assert machine.warrant.asked == [TWO.accepted]
    assert machine.reboot_wanted


def test_a_withdrawal_ends_what_is_under_way_and_nothing_else() -> None:
    """News about another release changes nothing; news about this one ends it."""
    machine = running_one()
    installer = cut_off(machine)
    before = installer.state
    installer.withdraw(ONE.release.value.digest)
    assert installer.state == before
    installer.withdraw(DIGEST)
    ended = installer.state
    assert ended.outcome == Outcome(DIGEST, Verdict.WITHDRAWN)
    assert ended.job is None
    installer.begin(admitted(TWO))
    assert machine.reboot_wanted


def test_a_second_release_waits_while_one_is_on_trial() -> None:
    """What is being tried is not overtaken."""
    machine = running_one()
    installer = started(machine)
    installer.begin(admitted(TWO))
    machine.boot()
    with pytest.raises(Refused) as error:
        started(machine).begin(admitted(ONE))
    assert error.value.fault == InstallFault(
        code=Code.INSTALL_BUSY,
        release=ONE.release.value.digest.hex(),
        expected="idle",
        found="trial",
    )


def test_memory_that_is_older_than_the_floor_is_forgotten() -> None:
    """A memory put back from before the last raise of the floor is told, and not believed."""
    before = with_release_one()
    play = plays()["install"]
    machine = switched_on(play, before, vfat=False)
    live(machine, play)
    after = machine.after_cut(Fate.KEPT)
    assert after.floor > before.floor
    machine = running_one(after._replace(disk=before.disk))
    memory = Memory(machine.disk, machine.seal)
    Installer(machine.ports(), memory).start()
    assert [fault.code for fault in memory.damage] == [Code.MEMORY_STALE]
    assert memory.state == State(running=machine.record.booted, floor=2)


def test_a_device_that_has_forgotten_everything_judges_what_runs() -> None:
    """An unconfirmed system whose release nobody remembers is judged all the same."""
    machine = running_one()
    started(machine).begin(admitted(TWO))
    left = machine.after_cut(Fate.KEPT)._replace(disk=frozenset())
    for sick in (False, True):
        machine = running_one(left)
        machine.health.sick |= {TWO.image} if sick else set()
        installer = started(machine)
        assert confirm(installer, machine.health) == (("alive",) if sick else ())
        assert machine.health.asked == [None]
        running = machine.record.booted
        assert running is not None
        state = machine.record.record.of(running).state
        assert state is (BootState.BAD if sick else BootState.GOOD)
        assert machine.reboot_wanted is sick
        machine.boot()
        assert machine.runs() == (ONE.image if sick else TWO.image)


def test_a_spare_slot_that_takes_nothing_leaves_the_floor_where_it_is() -> None:
    """A confirmed release whose copy never reads back whole is confirmed, without a new floor."""
    machine = running_one()
    started(machine).begin(admitted(TWO))
    running = machine.boot()
    assert running is not None
    installer = started(machine)
    machine.slots[running.other].dead = True
    confirm(installer, machine.health)
    assert installer.state.outcome == Outcome(DIGEST, Verdict.INSTALLED)
    assert installer.state.phase is Phase.IDLE
    assert installer.state.holds(running.other) is None
    assert machine.floor.counter == 1
    assert machine.record.record.of(running.other) == BAD


def test_recovery_writes_the_other_slot_where_one_is_dead() -> None:
    """A device whose first slot takes nothing any more recovers into the second one."""
    play = plays()["recover"]
    machine = switched_on(play, play.begin, vfat=False)
    machine.slots[Slot.A].dead = True
    state = live(machine, play)
    assert machine.record.booted is Slot.B
    assert machine.runs() == ONE.image
    assert state.confirmed == ONE.accepted


def test_only_what_was_admitted_is_taken() -> None:
    """The signature of `begin` asks for a set that was judged as a whole, on this device, now."""
    hints = Installer.begin.__annotations__
    name = f"{Admission.__module__}.{Admission.__name__}"
    assert str(hints["admission"]).endswith(f"Verified[{name}]")


def test_an_image_that_no_slot_can_hold_is_refused_before_anything_is_written() -> None:
    """The spare slot is not given up for what would not fit into it."""
    release = version(3, 9).release.value
    machine = running_one()
    before = machine.after_cut(Fate.KEPT)
    with pytest.raises(Refused) as error:
        started(machine).begin(seal(Admission({MAIN: release}, NOW)))
    assert error.value.fault == InstallFault(
        code=Code.INSTALL_TOO_LARGE,
        release=release.digest.hex(),
        expected="at most 524288 bytes",
        found=str(9 * 65_536),
    )
    after = machine.after_cut(Fate.KEPT)
    assert (after.a, after.b, after.record, after.floor) == (
        before.a,
        before.b,
        before.record,
        before.floor,
    )


def test_a_set_of_several_components_is_refused_whole() -> None:
    """What this agent cannot switch at one stroke it does not begin by halves."""
    release = TWO.release.value
    admission = seal(Admission({MAIN: release, RADIO: release}, NOW))
    machine = running_one()
    installer = started(machine)
    with pytest.raises(Refused) as error:
        installer.begin(admission)
    assert error.value.fault == InstallFault(
        code=Code.INSTALL_SEVERAL, release=DIGEST.hex(), expected="one component", found="2"
    )
    assert installer.state.phase is Phase.IDLE
    assert machine.source.asked == []


def test_a_forgotten_system_that_failed_goes_back_though_its_agent_ended() -> None:
    """A system that nobody remembers and that was marked bad writes nothing; it leaves."""
    machine = running_one()
    failed = machine.record.booted
    assert failed is not None
    machine.record.mark(failed, BAD)
    Memory(machine.disk, machine.seal).keep(State(phase=Phase.REVERTING, running=failed))
    installer = started(machine)
    assert machine.reboot_wanted
    assert machine.record.record.primary is failed.other
    with pytest.raises(Refused) as error:
        installer.begin(admitted(TWO))
    assert error.value.code is Code.INSTALL_BUSY


def test_an_agent_that_restarts_before_the_reboot_asks_for_it_again() -> None:
    """A release that was switched to and never booted has not failed."""
    machine = running_one()
    started(machine).begin(admitted(TWO))
    assert machine.reboot_wanted
    machine.reboot_wanted = False

    again = started(machine)
    assert machine.reboot_wanted
    assert again.state.failures == ()
    live(machine, plays()["install"])
    assert machine.runs() == TWO.image


def test_a_reboot_that_never_leads_into_the_slot_is_not_asked_for_for_ever() -> None:
    """A boot chain that passes a slot over has said no: after some attempts the release failed."""
    machine = running_one()
    started(machine).begin(admitted(TWO))
    for _ in range(LIMITS.attempts - 1):
        assert started(machine).state.failures == ()
    assert started(machine).state.failed(candidate(TWO.release.value, MAIN)) == 1


def test_an_installer_that_was_not_started_takes_nothing() -> None:
    """Which slot runs is asked of the boot chain, not of what is remembered."""
    machine = running_one()
    installer = Installer(machine.ports(), Memory(machine.disk, machine.seal))
    before = machine.after_cut(Fate.KEPT)
    with pytest.raises(Misuse):
        installer.begin(admitted(TWO))
    with pytest.raises(Misuse):
        installer.withdraw(DIGEST)
    assert machine.after_cut(Fate.KEPT) == before


def test_nobody_judges_a_system_that_was_given_up() -> None:
    """A release that is withdrawn on trial is not confirmed by a late judgement."""
    machine = running_one()
    started(machine).begin(admitted(TWO))
    machine.boot()
    installer = started(machine)
    installer.withdraw(DIGEST)
    assert confirm(installer, machine.health) == ()
    assert machine.health.asked == []
    machine.boot()
    assert machine.runs() == ONE.image
