"""A device in the small: everything that can happen to an installation, one move at a time.

The abstraction, which the exploration walks through completely:

* three releases: the one the device was made with (security counter 0), and two more (counters 1
  and 2, of one piece and of two, two trial boots each);
* a slot holds nothing, or a number of pieces of one release, written by extents of one piece; what
  was written may rot until it is read back (later, a verified boot sees to it);
* extents, marks and the floor are written wholly, not at all, or (a mark) torn, which makes that
  slot's record unreadable;
* memory is replaced wholly or not at all (tests/device cuts the writes that make it so), and may
  be lost altogether;
* patience is `LIMITS` below: two of each, so that "again" and "for the last time" both occur.

The boot chain of this world is naive: it reads the security counter in the first bytes of a slot
and would run half an image if it were told to.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple

from firmhold.trust.errors import Refused
from firmhold.update.actions import (
    Action,
    Actions,
    CheckHealth,
    CopyPieces,
    Mark,
    Prefer,
    RaiseFloor,
    ReadBack,
    Reboot,
    WriteExtent,
)
from firmhold.update.events import (
    Begin,
    Done,
    Event,
    Judged,
    Measured,
    Started,
    Withdrawn,
    Written,
)
from firmhold.update.installation import step
from firmhold.update.journal import Accepted, Candidate, Outcome, State
from firmhold.update.pieces import PIECE_BYTES, Image
from firmhold.update.slots import (
    BAD,
    GOOD,
    UNREADABLE,
    BootRecord,
    Choice,
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


class World(NamedTuple):
    """A device: what is durable, and what runs."""

    memory: Memory
    record: BootRecord
    a: Content | None
    b: Content | None
    floor: int
    running: Slot | None
    started: bool
    """The agent has started since the boot."""
    pending: Actions
    """What is still to be performed; its first action may be cut, or fail."""
    said: Outcome | None = None
    """The outcome that the last step has put on record, if it is a new one."""

    @property
    def state(self) -> State:
        """What the machine remembers."""
        return self.memory.state

    def content(self, slot: Slot) -> Content | None:
        """What is in a slot."""
        return self.a if slot is Slot.A else self.b

    def with_content(self, slot: Slot, content: Content | None) -> "World":
        """The same with something else in a slot."""
        return self._replace(a=content) if slot is Slot.A else self._replace(b=content)


NEW_DEVICE = World(
    memory=memory(State()),
    record=BootRecord(Slot.A, GOOD, BAD, last=Slot.A),
    a=Content(RELEASES[0], 1),
    b=None,
    floor=0,
    running=Slot.A,
    started=False,
    pending=(),
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
    choice = _chosen(world.record, world.a, world.b, world.floor, bitten=bitten)
    asleep = _asleep(world.memory)
    return world._replace(
        memory=asleep,
        record=choice.record,
        running=choice.slot,
        started=False,
        pending=(),
        said=None,
    )


@cache
def _chosen(
    record: BootRecord, a: Content | None, b: Content | None, floor: int, *, bitten: bool
) -> Choice:
    counters = {
        slot: content.release.security_counter if content is not None else None
        for slot, content in ((Slot.A, a), (Slot.B, b))
    }
    return choose(record, counters, floor, bitten=bitten, limits=LIMITS)


@cache
def _asleep(known: Memory) -> Memory:
    """What is remembered, without the two facts that every start replaces."""
    return memory(replace(known.state, running=None, floor=0))


def tell(world: World, event: Event) -> World:
    """Let the machine hear of an event; a refusal changes nothing."""
    after = stepped(world.memory, event)
    if after is None:
        return world
    known, actions, said = after
    return world._replace(memory=known, pending=actions, said=said)


@cache
def stepped(known: Memory, event: Event) -> tuple[Memory, Actions, Outcome | None] | None:
    """What the machine makes of an event: memory, actions, new outcome; None: it refuses."""
    try:
        state, actions = step(known.state, event, LIMITS)
    except Refused:
        return None
    return memory(state), actions, state.outcome


def started(world: World, *, withdrawn: bool = False) -> World:
    """Let the agent start."""
    facts = Started(world.running, world.record, world.floor, withdrawn)
    return tell(world, facts)._replace(started=True)


def performed(world: World) -> World:
    """Take the first of the pending actions as performed; tell, if it was the last."""
    rest = world._replace(pending=world.pending[1:])
    return rest if rest.pending else tell(rest, Done())


def moves(world: World, chances: Chances) -> Iterator[tuple[str, World]]:
    """Everything that can happen next, with its name."""
    yield "cut", boot(world)
    running = world.record.of(world.running) if world.running is not None else None
    if chances.sickness or running is None or running.state is not GOOD.state:
        yield "watchdog", boot(world, bitten=True)
    if chances.amnesia:
        yield "amnesia", boot(world._replace(memory=memory(State())))
    if not world.started:
        yield "start", started(world)
        if chances.withdrawal:
            yield "start withdrawn", started(world, withdrawn=True)
        return
    if world.pending:
        yield from _outcomes(world, world.pending[0], chances)
    if not world.pending or isinstance(world.pending[0], WriteExtent):
        yield "restart", started(world)
        for accepted in ACCEPTED[1:]:
            yield f"begin {accepted.release.counter}", tell(world, Begin(accepted))
            if chances.withdrawal:
                withdrawn = Withdrawn(accepted.release.digest)
                yield f"withdraw {accepted.release.counter}", tell(world, withdrawn)


def _outcomes(world: World, action: Action, chances: Chances) -> Iterator[tuple[str, World]]:
    """What can come of an action."""
    match action:
        case Mark(slot, record):
            marked = world._replace(record=world.record.marked(slot, record))
            yield "mark", performed(marked)
            torn = world.record.marked(slot, UNREADABLE)
            yield "torn mark", boot(world._replace(record=torn))
        case Prefer(slot):
            yield "prefer", performed(world._replace(record=replace(world.record, primary=slot)))
            yield "torn prefer", boot(world._replace(record=replace(world.record, primary=Slot.A)))
        case WriteExtent(slot, what, index) | CopyPieces(slot, what, index):
            yield "write", tell(_with_extent(world, slot, what, index), Written(index + 1))
        case ReadBack(slot, what):
            content = world.content(slot)
            whole = content == Content(what, what.image.pieces)
            yield f"read back {whole}", tell(world, Measured(whole))
            if whole and chances.sickness and not may_boot(world.record.of(slot), LIMITS):
                rotten = world.with_content(slot, Content(what, 0))
                yield "read back rotten", tell(rotten, Measured(whole=False))
        case CheckHealth():
            yield "healthy", tell(world._replace(pending=()), Judged(healthy=True))
            yield "unhealthy", tell(world._replace(pending=()), Judged(healthy=False))
        case RaiseFloor(to):
            yield "raise", performed(world._replace(floor=max(world.floor, to)))
        case Reboot():
            yield "reboot", boot(world)


def _with_extent(world: World, slot: Slot, what: Candidate, index: int) -> World:
    """The world after an extent was written, or copied from what runs."""
    content = world.content(slot)
    fits = index == 0 or content == Content(what, index)
    return world.with_content(slot, Content(what, index + 1 if fits else 0))


def lucky(world: World) -> World | None:
    """The next world if nothing goes wrong from now on; None: the device is at rest."""
    if not world.started:
        return started(world)
    if not world.pending:
        return None
    _, after = next(_outcomes(world, world.pending[0], Chances()))
    return after._replace(said=None)
