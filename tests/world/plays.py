"""Lives of one device that are cut at every durable operation, and how each must end.

A *play* says what a device is offered and how the images behave. `live` boots the device and lets
its own code run until it rests; the rest of this file knows what must be true whenever the power
fails, and at the end.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple

from firmhold.device.confirm import confirm
from firmhold.device.install import Installer, candidate
from firmhold.device.memory import Memory
from firmhold.sim.flash import Fate
from firmhold.sim.machine import Durables, SimMachine, measured, new_device, sim_image
from firmhold.sim.releases import MAIN, sim_component, sim_release
from firmhold.trust.errors import Code, Refused
from firmhold.trust.uptane.version_manifest import Outcome, Verdict
from firmhold.trust.verified import Verified, seal
from firmhold.update.admission import Admission
from firmhold.update.journal import Accepted, Job, Phase, State
from firmhold.update.pieces import PIECE_BYTES, Image
from firmhold.update.release import Release
from firmhold.update.slots import BAD, GOOD, BootRecord, BootState, Slot
from firmhold.update.trial import RollbackPlan
from firmhold.update.version import ReleaseCounter, SecurityCounter

BLOCKS = 8
NOW = datetime(2030, 7, 1, tzinfo=UTC)
MOST_BOOTS = 60


@dataclass(frozen=True, slots=True)
class Version:
    """A release and the bytes of its image."""

    data: bytes
    release: Verified[Release]

    @property
    def image(self) -> Image:
        """Length and root."""
        return measured(self.data)

    @property
    def accepted(self) -> Accepted:
        """As it is remembered."""
        return Accepted(candidate(self.release.value, MAIN), NOW)


def version(
    counter: int, pieces: int, last: int = PIECE_BYTES, security: int | None = None
) -> Version:
    """Release `counter`, whose security counter is the same unless another is given."""
    security = counter if security is None else security
    data = sim_image(f"release {counter}", security, pieces, last)
    release = replace(
        sim_release(),
        counter=ReleaseCounter(counter),
        security_counter=SecurityCounter(security),
        components=(sim_component(MAIN, data),),
        dependencies=(),
        rollback=RollbackPlan(trial_boots=3, confirm_seconds=60, data_kept=True),
    )
    return Version(data, seal(release))


def admitted(version: Version, at: datetime = NOW) -> Verified[Admission]:
    """The release as one that the device may install."""
    return seal(Admission({MAIN: version.release.value}, at))


FACTORY, ONE, TWO = version(0, 2), version(1, 5, last=100), version(2, 8, last=4000)
IMAGES = {each.image: each.data for each in (FACTORY, ONE, TWO)}


class Play(NamedTuple):
    """What happens to a device."""

    begin: Durables
    offered: Version | None
    sick: frozenset[Image]
    hangs: frozenset[Image]
    withdrawn: frozenset[bytes]
    ends: Callable[[SimMachine, State], None]


def switched_on(play: Play, durables: Durables, *, vfat: bool) -> SimMachine:
    """A machine with that on its media, in the world of the play."""
    machine = SimMachine(durables, vfat=vfat)
    machine.source.images |= IMAGES
    machine.health.sick |= play.sick
    machine.warrant.released |= play.withdrawn
    return machine


def live(machine: SimMachine, play: Play) -> State:
    """Let a device boot, work, be offered its release, and go on until it rests."""
    bitten = False
    for _ in range(MOST_BOOTS):
        machine.boot(bitten=bitten)
        bitten = machine.runs() in play.hangs
        if bitten:
            continue
        installer = Installer(machine.ports(), Memory(machine.disk, machine.seal))
        installer.start()
        while installer.awaits is not None:
            confirm(installer, machine.health)
        if not machine.reboot_wanted and play.offered is not None:
            _offer(installer, play.offered)
        if not machine.reboot_wanted:
            return installer.state
    message = f"no rest in {MOST_BOOTS} boots"
    raise AssertionError(message)


def _offer(installer: Installer, offered: Version) -> None:
    try:
        installer.begin(admitted(offered))
    except Refused as error:
        assert error.code is Code.INSTALL_FAILED_BEFORE  # noqa: PT017 - any other is a defect


# ── how plays end ─────────────────────────────────────────────────────────────────────────────────


def both_slots_hold(version: Version) -> Callable[[SimMachine, State], None]:
    """The end of an installation: the release runs, is in both slots, and is the floor."""

    def ends(machine: SimMachine, state: State) -> None:
        counter = version.release.value.security_counter
        assert machine.runs() == version.image
        assert [machine.holds(slot) for slot in Slot] == [version.image] * 2
        assert (machine.record.record.a, machine.record.record.b) == (GOOD, GOOD)
        assert machine.record.record.primary is machine.record.booted
        assert machine.floor.counter == state.floor == counter
        assert (state.phase, state.a, state.b) == (Phase.IDLE, version.accepted, version.accepted)
        assert state.confirmed == version.accepted
        assert state.outcome == Outcome(version.release.value.digest, Verdict.INSTALLED)
        assert state.failures == ()

    return ends


def gone_back(verdict: Verdict, times: int) -> Callable[[SimMachine, State], None]:
    """The end of a release that failed, or was withdrawn: the old one runs, the floor is its."""

    def ends(machine: SimMachine, state: State) -> None:
        assert machine.runs() == ONE.image
        running = machine.record.booted
        assert running is not None
        assert machine.record.record.of(running) == GOOD
        assert machine.record.record.of(running.other) == BAD
        assert machine.record.record.primary is running
        assert machine.floor.counter == 1
        assert state.phase is Phase.IDLE
        assert state.outcome == Outcome(TWO.release.value.digest, verdict)
        assert state.failed(TWO.accepted.release) == times

    return ends


# ── where plays begin ─────────────────────────────────────────────────────────────────────────────

NOBODY: frozenset[Image] = frozenset()
SHIPPED = new_device(FACTORY.data, BLOCKS)


@cache
def with_release_one() -> Durables:
    """A device that was shipped, and has installed release one."""
    play = Play(SHIPPED, ONE, NOBODY, NOBODY, frozenset(), both_slots_hold(ONE))
    machine = switched_on(play, SHIPPED, vfat=False)
    play.ends(machine, live(machine, play))
    return machine.after_cut(Fate.KEPT)


def remembering(durables: Durables, state: State) -> Durables:
    """The same device, which remembers something else."""
    machine = SimMachine(durables)
    Memory(machine.disk, machine.seal).keep(state)
    return machine.after_cut(Fate.KEPT)


@cache
def with_dead_slots() -> Durables:
    """A device that had release one, of whose slots neither boots any more."""
    before = with_release_one()
    nothing = SHIPPED.b
    dead = before._replace(a=nothing, b=nothing, record=BootRecord(Slot.A, BAD, BAD))
    machine = SimMachine(dead)
    state = Memory(machine.disk, machine.seal).state
    return remembering(dead, replace(state, a=None, b=None))


@cache
def half_written() -> Durables:
    """A device with release one that has written half of release two."""
    before = with_release_one()
    machine = SimMachine(before)
    state = Memory(machine.disk, machine.seal).state
    running = state.running
    assert running is not None
    job = Job(TWO.accepted, running.other, done=4)
    writing = replace(state, phase=Phase.WRITING, job=job).holding(running.other, None)
    machine.slots[running.other].write(0, TWO.data[: 4 * PIECE_BYTES])
    machine.slots[running.other].flush()
    machine.record.mark(running.other, BAD)
    return remembering(machine.after_cut(Fate.KEPT), writing)


def on_trial(install: Play) -> Durables:
    """A device with release one whose power failed while release two was on trial."""
    for cut in every_cut(install, install.begin, vfat=False):
        machine = SimMachine(cut.left)
        if Memory(machine.disk, machine.seal).state.phase is Phase.TRIAL:
            return cut.left
    raise AssertionError(Phase.TRIAL)


@cache
def plays() -> dict[str, Play]:
    """All plays, by name."""
    two = frozenset({TWO.image})
    withdrawn = frozenset({TWO.release.value.digest})
    nobody, nothing = NOBODY, frozenset[bytes]()
    one, done = with_release_one(), both_slots_hold(TWO)
    failed = gone_back(Verdict.FAILED, 1)
    install = Play(one, TWO, nobody, nobody, nothing, done)
    back = gone_back(Verdict.WITHDRAWN, 0)
    return {
        "install": install,
        "first": Play(SHIPPED, ONE, nobody, nobody, nothing, both_slots_hold(ONE)),
        "sick": Play(one, TWO, two, nobody, nothing, failed),
        "hang": Play(one, TWO, nobody, two, nothing, failed),
        "withdrawn": Play(half_written(), None, nobody, nobody, withdrawn, back),
        "withdrawn on trial": Play(on_trial(install), None, nobody, nobody, withdrawn, back),
        "recover": Play(with_dead_slots(), None, nobody, nobody, nothing, both_slots_hold(ONE)),
    }


# ── cuts ──────────────────────────────────────────────────────────────────────────────────────────


class Cut(NamedTuple):
    """A power cut, and what it left."""

    operation: int
    fate: Fate
    left: Durables


def every_cut(play: Play, begin: Durables, *, vfat: bool) -> Iterator[Cut]:
    """Let a device live from `begin` to its rest; give every cut that this life could have had."""
    machine = switched_on(play, begin, vfat=vfat)
    cuts: list[Cut] = []
    machine.supply.watch = lambda medium, operation: cuts.extend(
        Cut(machine.supply.operations, fate, machine.after_cut(fate, medium, operation))
        for fate in Fate
    )
    state = live(machine, play)
    play.ends(machine, state)
    yield from cuts


def check_invariants(play: Play, left: Durables, *, vfat: bool) -> None:
    """What must be true of a device whose power has just failed."""
    machine = switched_on(play, left, vfat=vfat)
    before = Memory(machine.disk, machine.seal)
    _invariant_state_is_readable(play, before)
    _invariant_what_is_remembered_is_there(machine, before.state)
    _invariant_floor_is_covered(machine)
    _invariant_something_signed_boots(play, machine)


def _invariant_state_is_readable(play: Play, memory: Memory) -> None:
    begun = Memory(SimMachine(play.begin).disk, SimMachine(play.begin).seal)
    assert begun.state == State() or memory.state != State()
    assert {fault.code for fault in memory.damage} <= {Code.MEMORY_DAMAGED}


def _invariant_what_is_remembered_is_there(machine: SimMachine, state: State) -> None:
    """Whatever is remembered to be in a slot is on its medium: memory is never ahead."""
    for slot in Slot:
        held = state.holds(slot)
        assert held is None or machine.holds(slot) == held.release.image
    job = state.job
    if job is not None:
        image = job.accepted.release.image
        length = min(job.done * PIECE_BYTES, image.length)
        written = machine.slots[job.slot].read_back(0, length)
        assert written == machine.source.images[image][:length]


def _invariant_floor_is_covered(machine: SimMachine) -> None:
    """Both slots have what a raised floor asks for."""
    for slot in Slot:
        record = machine.record.record.of(slot)
        holds = machine.holds(slot)
        if record.state is BootState.GOOD and holds is not None:
            counters = {v.image: v.release.value.security_counter for v in (FACTORY, ONE, TWO)}
            assert counters[holds] >= machine.floor.counter


def _invariant_something_signed_boots(play: Play, machine: SimMachine) -> None:
    """A whole image boots; the recovery system does only where no slot could to begin with."""
    running = machine.boot()
    could = any(
        record.state is BootState.GOOD for record in (play.begin.record.a, play.begin.record.b)
    )
    assert machine.runs() in IMAGES if running is not None else not could
