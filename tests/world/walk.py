"""Walks of a real device, seen through the device in the small.

A walk lets chance drive the shipped code (`Installer`, `Memory`, a `SimMachine`, the shipped
limits, images of several pieces in extents of several pieces): starts, releases begun and
withdrawn, sick images, spoilt extents, sources out of reach, bites, memory lost, cuts in any
durable operation. At every boot, after every event and before every durable operation of the
agent, `seen` names the state of the small device that the real one is in. What it forgets, and
`small` forgets of the small device:

* releases are their place in order; counters, digests, moments and lengths have no other meaning;
* a piece of the small device is an extent of the real one (four pieces, or what is left of them);
* patience: tries are all, some or none; bites and failures none, some or enough; which attempt it
  is, as recovery writes the slots in turn and the real device has one turn more;
* what is in a slot that neither runs nor may boot: only the memory speaks of it;
* which slot ran and what the floor was when memory was written (each start replaces them), the
  outcome, and what is pending in the agent: a state is what a cut could leave.
"""

import random
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from typing import NamedTuple

from tests.update.abstraction import (
    ACCEPTED,
    RELEASES,
    Content,
    Hardware,
    Memory,
    World,
    hardware,
    memory,
)
from tests.update.abstraction import LIMITS as SMALL
from tests.world.plays import admitted, version

from firmhold.device import memory as device_memory
from firmhold.device.confirm import confirm
from firmhold.device.install import Installer
from firmhold.sim.desk import PowerCut
from firmhold.sim.flash import Fate
from firmhold.sim.machine import SimMachine, new_device
from firmhold.trust.errors import Refused, Unavailable
from firmhold.update.journal import Accepted, Failure, Job, State
from firmhold.update.slots import LIMITS, Slot, SlotRecord, may_boot

EXTENT = 4
FACTORY = version(12, 2, security=5)
ONE = version(13, 3, security=9)
TWO = version(40, 7, last=700, security=17)
VERSIONS = (FACTORY, ONE, TWO)
FLOORS = tuple(each.release.value.security_counter for each in VERSIONS)
IMAGES = tuple(each.image for each in VERSIONS)
DIGESTS = tuple(each.release.value.digest for each in VERSIONS)


class Sight(NamedTuple):
    """As much of a device as a cut could leave, with nothing that nobody will look at."""

    memory: Memory
    hardware: Hardware


def small(world: World) -> Sight:
    """A state of the small device."""
    return Sight(_remembered(world.mind.memory), _looked_at(world.hardware))


def seen(machine: SimMachine, state: State) -> Sight:
    """The state of the small device that a real one is in."""
    record = machine.record.record
    small_record = replace(record, a=_record(record.a), b=_record(record.b))
    a, b = _content(machine, Slot.A), _content(machine, Slot.B)
    floor = max((n for n, floor in enumerate(FLOORS) if floor <= machine.floor.counter), default=0)
    known = hardware(small_record, a, b, floor, machine.record.booted)
    return Sight(_remembered(memory(_state(state))), _looked_at(known))


@cache
def _remembered(known: Memory) -> Memory:
    state = known.state
    job = replace(state.job, attempts=0) if state.job is not None else None
    return memory(replace(state, running=None, floor=0, job=job))


@cache
def _looked_at(known: Hardware) -> Hardware:
    """The same without what is in a slot that neither runs nor may boot."""
    a, b = (
        known.content(slot)
        if slot is known.running or may_boot(known.record.of(slot), SMALL)
        else None
        for slot in Slot
    )
    return hardware(known.record, a, b, known.floor, known.running)


def _content(machine: SimMachine, slot: Slot) -> Content | None:
    image = machine.holds(slot)
    if image is None:
        return None
    release = RELEASES[IMAGES.index(image)]
    return Content(release, release.image.pieces)


def _record(real: SlotRecord) -> SlotRecord:
    tries = _class(real.tries_left, TWO.release.value.rollback.trial_boots)
    return replace(real, tries_left=tries, bites=_class(real.bites, LIMITS.bites))


def _class(number: int, enough: int) -> int:
    """None, some or enough."""
    return 2 if number >= enough else min(number, 1)


def _state(real: State) -> State:
    failures = (
        Failure(RELEASES[DIGESTS.index(each.release)].digest, _class(each.times, LIMITS.failures))
        for each in real.failures
    )
    return State(
        phase=real.phase,
        job=_job(real.job) if real.job is not None else None,
        a=_accepted(real.a),
        b=_accepted(real.b),
        confirmed=_accepted(real.confirmed),
        failures=tuple(failures),
    )


def _job(real: Job) -> Job:
    number = DIGESTS.index(real.accepted.release.digest)
    return Job(ACCEPTED[number], real.slot, done=-(-real.done // EXTENT))


def _accepted(real: Accepted | None) -> Accepted | None:
    return None if real is None else ACCEPTED[DIGESTS.index(real.release.digest)]


@dataclass(slots=True)
class Walk:
    """One walk; the same seed is the same walk."""

    seed: int
    chance: random.Random = field(init=False)
    machine: SimMachine = field(init=False)
    installer: Installer = field(init=False)
    started: bool = False
    """The agent has started since the boot."""
    told: list[str] = field(default_factory=list)
    """What happened, in order."""
    sights: dict[Sight, int] = field(default_factory=dict)
    """What was seen, and how many events had happened when it was seen first."""
    phases: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Switch on a new device."""
        self.chance = random.Random(self.seed)
        self.machine = machine = SimMachine(new_device(FACTORY.data))
        machine.source.images = dict(zip(IMAGES, (each.data for each in VERSIONS), strict=True))
        machine.source.pieces = EXTENT
        machine.supply.watch = lambda *_: self.look()
        self.boot()

    def look(self) -> None:
        """See where the device is."""
        state = self.installer.state
        self.phases.add(state.phase)
        self.sights.setdefault(seen(self.machine, state), len(self.told))

    def boot(self, *, bitten: bool = False) -> None:
        """Start the device, and its agent later."""
        self.machine.supply.restore()
        self.machine.supply.watch = None  # what the boot chain counts is counted at one stroke
        self.machine.boot(bitten=bitten)
        self._agent()
        self.machine.supply.watch = lambda *_: self.look()
        self.look()

    def _agent(self) -> None:
        machine, self.started = self.machine, False
        self.installer = Installer(
            machine.ports(), device_memory.Memory(machine.disk, machine.seal)
        )

    def go(self, steps: int) -> None:
        """Let so many things happen."""
        for _ in range(steps):
            self._fortune()
            try:
                self._event()
            except PowerCut:
                self.told.append("cut")
                self.boot()
            self.machine.supply.restore()
            self.look()

    def _fortune(self) -> None:
        """Decide how lucky the next event is."""
        chance, machine = self.chance, self.machine
        machine.source.spoils = chance.random() < 0.1
        machine.source.fails_from = chance.choice((None, None, None, None, 0, EXTENT))
        machine.health.sick = {each for each in IMAGES if chance.random() < 0.15}
        machine.warrant.released = {each for each in DIGESTS if chance.random() < 0.05}
        if chance.random() < 0.3:
            operation, fate = chance.randrange(1, 30), chance.choice(list(Fate))
            self.told.append(f"cut at {operation} {fate}")
            machine.supply.cut_at(operation, fate)

    def _event(self) -> None:
        """Let one thing happen; after a wish to reboot, nothing but a start or an end."""
        names = ["start"] * 6 + ["boot", "bite", "bite", "amnesia"]
        if self.started and not self.machine.reboot_wanted:
            names += ["judge"] * 8 + ["begin 1", "begin 2"] * 3 + ["withdraw 1", "withdraw 2"]
        name = self.chance.choice(names)
        self.told.append(name)
        with suppress(Refused, Unavailable):
            self._happens(name)

    def _happens(self, name: str) -> None:
        verb, _, number = name.partition(" ")
        match verb:
            case "start":
                self._agent()
                self.started = True
                self.installer.start()
            case "judge":
                confirm(self.installer, self.machine.health)
            case "begin":
                self.installer.begin(admitted(VERSIONS[int(number)]))
            case "withdraw":
                self.installer.withdraw(DIGESTS[int(number)])
            case "amnesia":
                self.machine.disk.hold(frozenset())
                self.boot()
            case _:
                self.boot(bitten=verb == "bite")


def replay(seed: int, steps: int) -> Walk:
    """Walk a walk again."""
    walk = Walk(seed)
    walk.go(steps)
    return walk
