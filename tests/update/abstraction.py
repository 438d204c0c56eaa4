"""A device in the small: everything that can happen to an installation, one move at a time.

The abstraction, which the exploration walks through completely:

* three releases: the one the device was made with (security counter 0), and two more (counters 1
  and 2, of one piece and of two, two trial boots each);
* a slot holds nothing, or a number of pieces of one release, written by extents of one piece; what
  was written may rot until it is read back (later, a verified boot sees to it);
* extents, marks and the floor are written wholly, not at all, or torn, which makes a slot's record
  unreadable and spoils an extent; the power may fail, and the agent may end and start anew, between
  a write and the moment in which the machine hears of it;
* memory is replaced wholly or not at all (tests/device cuts the writes that make it so), and may
  be lost altogether;
* patience is `LIMITS` below: two of each, so that "again" and "for the last time" both occur.

The boot chain of this world is naive: it reads the security counter in the first bytes of a slot
and would run half an image if it were told to.

A world has two halves: what is durable beside the memory (`Hardware`), and the agent (`Mind`).
Equal halves are one object, so worlds are compared by identity, and what follows from one half is
computed once for it; nothing is dropped by this, as two worlds are one exactly if all their parts
are equal. The only equivalence is that of `memory`, over what `step` never reads.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple, TypeAlias

from firmhold.trust.errors import Refused
from firmhold.trust.uptane.version_manifest import Outcome
from firmhold.update.actions import (
    Action,
    CheckHealth,
    CopyPieces,
    Mark,
    Prefer,
    RaiseFloor,
    ReadBack,
    Reboot,
    WriteExtent,
)
from firmhold.update.events import Begin, Done, Event, Judged, Measured, Started, Withdrawn, Written
from firmhold.update.installation import step
from firmhold.update.journal import Accepted, Candidate, State
from firmhold.update.pieces import PIECE_BYTES, Image
from firmhold.update.slots import (
    BAD,
    GOOD,
    UNREADABLE,
    BootRecord,
    Limits,
    Slot,
    choose,
    may_boot,
)

LIMITS = Limits(bites=2, attempts=2, failures=2)
MOMENT = datetime(2030, 1, 1, tzinfo=UTC)


def candidate(number: int, pieces: int) -> Candidate:
    """Release `number`, whose image has so many pieces."""
    digest = bytes([number]) * 32
    return Candidate(digest, number, number, 2, Image(pieces * PIECE_BYTES, digest))


RELEASES = (candidate(0, 1), candidate(1, 1), candidate(2, 2))
ACCEPTED = tuple(Accepted(each, MOMENT) for each in RELEASES)


@dataclass(frozen=True, slots=True)
class Content:
    """What really is in a slot: the first `pieces` pieces of a release; none: all is spoilt."""

    release: Candidate
    pieces: int

    @property
    def whole(self) -> bool:
        """Every piece is there."""
        return self.pieces == self.release.image.pieces


@dataclass(frozen=True, eq=False, slots=True)
class Memory:
    """A remembered state; equal states are one object (see `memory`), which makes this fast."""

    state: State


@cache
def memory(state: State) -> Memory:
    """The one object for a state, up to what the machine never looks at.

    The outcome is for reports; in which order releases failed matters beyond `MOST_FAILURES` only.
    """
    failures = tuple(sorted(state.failures, key=lambda failure: failure.release))
    seen = replace(state, outcome=None, failures=failures)
    return Memory(state) if seen == state else memory(seen)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the last action came to, durable already, of which the machine has not heard yet."""

    event: Event


Pending: TypeAlias = tuple[Action | Answer, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Hardware:
    """What is durable beside the memory, and what was booted; equal ones are one object."""

    record: BootRecord
    a: Content | None
    b: Content | None
    floor: int
    running: Slot | None

    def content(self, slot: Slot) -> Content | None:
        """What is in a slot."""
        return self.a if slot is Slot.A else self.b


hardware = cache(Hardware)
"""The one object for a hardware."""


@dataclass(frozen=True, eq=False, slots=True)
class Mind:
    """The agent: what it remembers, and what it is about to do; equal ones are one object."""

    memory: Memory
    started: bool
    """The agent has started since the boot."""
    pending: Pending
    """What is still to be performed; its first action may be cut, or fail."""


mind = cache(Mind)
"""The one object for a mind."""


class World(NamedTuple):
    """A device: what is durable, and what runs."""

    hardware: Hardware
    mind: Mind
    said: Outcome | None = None
    """The outcome that the last step has put on record, if it is a new one."""

    @property
    def state(self) -> State:
        """What the machine remembers."""
        return self.mind.memory.state

    @property
    def pending(self) -> Pending:
        """What is still to be performed."""
        return self.mind.pending

    @property
    def record(self) -> BootRecord:
        """What the boot chain keeps."""
        return self.hardware.record

    @property
    def floor(self) -> int:
        """The security floor."""
        return self.hardware.floor

    @property
    def running(self) -> Slot | None:
        """What was booted."""
        return self.hardware.running

    def content(self, slot: Slot) -> Content | None:
        """What is in a slot."""
        return self.hardware.content(slot)


NEW_DEVICE = World(
    hardware(BootRecord(Slot.A, GOOD, BAD, last=Slot.A), Content(RELEASES[0], 1), None, 0, Slot.A),
    mind(memory(State()), False, ()),  # noqa: FBT003 - as cached
)


@dataclass(frozen=True, slots=True)
class Chances:
    """What may happen in an exploration beyond power cuts and good luck."""

    sickness: bool = True
    """A confirmed system may end in the watchdog; a written slot may read back wrongly."""
    amnesia: bool = True
    """Memory may be lost."""
    withdrawal: bool = True


def boot(world: World, *, bitten: bool = False) -> World:
    """Start the device by the rule of the boot chain."""
    return World(booted(world.hardware, bitten), _asleep(world.mind.memory))


@cache
def booted(before: Hardware, bitten: bool = False) -> Hardware:  # noqa: FBT001, FBT002 - as cached
    """The hardware after a start."""
    counters = {
        slot: content.release.security_counter if content is not None else None
        for slot, content in ((Slot.A, before.a), (Slot.B, before.b))
    }
    choice = choose(before.record, counters, before.floor, bitten=bitten, limits=LIMITS)
    return hardware(choice.record, before.a, before.b, before.floor, choice.slot)


@cache
def _asleep(known: Memory) -> Mind:
    """What is remembered, without the two facts that every start replaces."""
    return mind(memory(replace(known.state, running=None, floor=0)), False, ())  # noqa: FBT003


FORGOTTEN = _asleep(memory(State()))


def tell(world: World, event: Event) -> World:
    """Let the machine hear of an event; a refusal changes nothing."""
    after = stepped(world.mind.memory, event)
    return world if after is None else World(world.hardware, *after)


@cache
def stepped(known: Memory, event: Event) -> tuple[Mind, Outcome | None] | None:
    """What the machine makes of an event: the agent, and a new outcome; None: it refuses."""
    try:
        state, actions = step(known.state, event, LIMITS)
    except Refused:
        return None
    return mind(memory(state), True, actions), state.outcome  # noqa: FBT003


def started(world: World, *, withdrawn: bool = False) -> World:
    """Let the agent start."""
    return World(world.hardware, *_start(world.hardware, world.mind.memory, withdrawn))


@cache
def _start(known: Hardware, remembered: Memory, withdrawn: bool) -> tuple[Mind, Outcome | None]:  # noqa: FBT001
    after = stepped(remembered, Started(known.running, known.record, known.floor, withdrawn))
    assert after is not None
    return after


@cache
def _heard(known: Memory) -> tuple[tuple[str, bool, tuple[Mind, Outcome | None] | None], ...]:
    """What comes of every word from outside: its name, whether it withdraws, what follows."""
    return tuple(
        (name, withdraws, stepped(known, event))
        for accepted in ACCEPTED[1:]
        for name, withdraws, event in (
            (f"begin {accepted.release.counter}", False, Begin(accepted)),
            (f"withdraw {accepted.release.counter}", True, Withdrawn(accepted.release.digest)),
        )
    )


def moves(world: World, chances: Chances) -> Iterator[tuple[str, World]]:
    """Everything that can happen next, with its name."""
    known, agent, _ = world
    yield from _strokes(known, agent.memory, chances)
    if not agent.started:
        yield "start", started(world)
        if chances.withdrawal:
            yield "start withdrawn", started(world, withdrawn=True)
        return
    if agent.pending:
        for name, after, next_mind, said in _performed(known, agent, chances):
            yield name, World(after, next_mind, said)
    yield "restart", started(world)
    if chances.withdrawal and agent.memory.state.job is not None:
        yield "restart withdrawn", started(world, withdrawn=True)
    if not agent.pending or isinstance(agent.pending[0], WriteExtent | CheckHealth):
        for name, withdraws, heard in _heard(agent.memory):
            if chances.withdrawal or not withdraws:
                yield name, world if heard is None else World(known, *heard)


@cache
def _strokes(
    known: Hardware, remembered: Memory, chances: Chances
) -> tuple[tuple[str, World], ...]:
    """What can happen at any time: each ends in a boot."""
    asleep = _asleep(remembered)
    strokes = [("cut", World(booted(known), asleep))]
    if chances.sickness or not _runs_good(known):
        strokes.append(("watchdog", World(booted(known, True), asleep)))  # noqa: FBT003 - as cached
    if chances.amnesia:
        strokes.append(("amnesia", World(booted(known), FORGOTTEN)))
    return tuple(strokes)


@cache
def _runs_good(known: Hardware) -> bool:
    return known.running is not None and known.record.of(known.running).state is GOOD.state


Came: TypeAlias = tuple[str, Hardware, Mind, Outcome | None]


@cache
def _performed(known: Hardware, agent: Mind, chances: Chances) -> tuple[Came, ...]:
    first = agent.pending[0]
    world = World(known, agent)
    return tuple((name, *after) for name, after in _outcomes(world, first, chances))


def _outcomes(
    world: World, action: Action | Answer, chances: Chances
) -> Iterator[tuple[str, World]]:
    """What can come of an action."""
    record = world.record
    match action:
        case Answer(event):
            yield "answer", tell(world, event)
        case Mark(slot, marked):
            yield "mark", _after(_with_record(world, record.marked(slot, marked)))
            torn = record.marked(slot, UNREADABLE)
            yield "torn mark", boot(_with_record(world, torn))
        case Prefer(slot):
            yield "prefer", _after(_with_record(world, replace(record, primary=slot)))
            yield "torn prefer", boot(_with_record(world, replace(record, primary=Slot.A)))
        case WriteExtent(slot, what, index) | CopyPieces(slot, what, index):
            written = _with_extent(world, slot, what, index)
            yield "write", _after(written, Written(index + 1))
            yield "torn write", boot(_with_content(world, slot, Content(what, 0)))
        case ReadBack(slot, what):
            whole = world.content(slot) == Content(what, what.image.pieces)
            yield f"read back {whole}", tell(world, Measured(whole))
            if whole and chances.sickness and not may_boot(record.of(slot), LIMITS):
                rotten = _with_content(world, slot, Content(what, 0))
                yield "read back rotten", tell(rotten, Measured(whole=False))
        case CheckHealth():
            yield "healthy", tell(world, Judged(healthy=True))
            yield "unhealthy", tell(world, Judged(healthy=False))
        case RaiseFloor(to):
            known = world.hardware
            floor = max(known.floor, to)
            raised = hardware(known.record, known.a, known.b, floor, known.running)
            yield "raise", _after(World(raised, world.mind))
        case Reboot():
            yield "reboot", boot(world)


def _after(world: World, answer: Event | None = None) -> World:
    """Take the first of the pending actions as performed; after the last, there is an answer."""
    agent = world.mind
    rest = agent.pending[1:] or (Answer(answer or Done()),)
    return World(world.hardware, mind(agent.memory, agent.started, rest))


def _with_record(world: World, record: BootRecord) -> World:
    """The same with another boot record."""
    known = world.hardware
    return World(hardware(record, known.a, known.b, known.floor, known.running), world.mind)


def _with_content(world: World, slot: Slot, content: Content) -> World:
    """The same with something else in a slot."""
    known = world.hardware
    a, b = (content, known.b) if slot is Slot.A else (known.a, content)
    return World(hardware(known.record, a, b, known.floor, known.running), world.mind)


def _with_extent(world: World, slot: Slot, what: Candidate, index: int) -> World:
    """The world after an extent was written, or copied from what runs."""
    content = world.content(slot)
    before = content.pieces if content is not None and content.release == what else 0
    return _with_content(world, slot, Content(what, index + 1 if before >= index else 0))


def lucky(world: World) -> World | None:
    """The next world if nothing goes wrong from now on; None: the device is at rest."""
    if not world.mind.started:
        return started(world)._replace(said=None)
    if not world.pending:
        return None
    _, after, agent, _ = _performed(world.hardware, world.mind, Chances())[0]
    return World(after, agent)
