"""What the device remembers of its installations, in bytes."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from firmhold.trust.encoding import canonical_json, parse_json
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Malformed
from firmhold.trust.uptane.version_manifest import Outcome, Verdict
from firmhold.update.journal import (
    FORMAT,
    MAX_BYTES,
    MOST_FAILURES,
    Accepted,
    Candidate,
    Failure,
    Job,
    Phase,
    State,
    parse_state,
)
from firmhold.update.pieces import PIECE_BYTES, Image
from firmhold.update.slots import Slot

MOMENT = datetime(2030, 1, 1, tzinfo=UTC)


def candidate(number: int) -> Candidate:
    """Release `number`, of three pieces."""
    digest = number.to_bytes(32, "big")
    return Candidate(digest, number, number, 3, Image(3 * PIECE_BYTES, digest))


ACCEPTED = Accepted(candidate(1), MOMENT)
FULL = State(
    phase=Phase.COPYING,
    running=Slot.B,
    floor=1,
    job=Job(ACCEPTED, Slot.A, done=3, attempts=2),
    a=Accepted(candidate(2), MOMENT),
    b=ACCEPTED,
    confirmed=ACCEPTED,
    failures=(Failure(candidate(2).digest, 2),),
    outcome=Outcome(candidate(1).digest, Verdict.INSTALLED),
)

STATES = {
    "new": State(),
    "full": FULL,
    "unknown system on trial": State(phase=Phase.TRIAL, running=Slot.A),
    "failed": replace(State(), outcome=Outcome(candidate(1).digest, Verdict.FAILED)),
}


def spoilt(*path: str | int, value: object) -> bytes:
    """The full state with another value at one place; a member that is `...` is left out."""
    document: Any = parse_json(FULL.to_bytes(), max_bytes=MAX_BYTES)
    inner = document
    for name in path[:-1]:
        inner = inner[name]
    if value is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return canonical_json(document)


MALFORMED = {
    "another format": (spoilt("format", value=FORMAT + 1), "state.format"),
    "a member missing": (spoilt("floor", value=...), "state.floor"),
    "a member too many": (spoilt("flag", value=True), "state.flag"),
    "no such phase": (spoilt("phase", value="asleep"), "state.phase"),
    "a phase that is no text": (spoilt("phase", value=3), "state.phase"),
    "no such slot": (spoilt("running", value="c"), "state.running"),
    "a floor below zero": (spoilt("floor", value=-1), "state.floor"),
    "an image of no length": (spoilt("job", "accepted", "length", value=0), "accepted.length"),
    "no trial boots": (spoilt("a", "trial_boots", value=0), "state.a.trial_boots"),
    "a short root": (spoilt("b", "root", value="00"), "state.b.root"),
    "a date that is none": (spoilt("confirmed", "at", value="soon"), "state.confirmed.at"),
    "more done than there is": (spoilt("job", "done", value=4), "state.job.done"),
    "no failure counted": (spoilt("failures", 0, "times", value=0), "state.failures[0].times"),
    "no such verdict": (spoilt("outcome", "verdict", value="fine"), "state.outcome.verdict"),
    "a phase without its job": (spoilt("job", value=None), "state.job"),
    "a job at rest": (spoilt("phase", value="idle"), "state.job"),
    "copying what was not confirmed": (spoilt("confirmed", value=None), "state.job"),
    "two tombstones for one release": (
        spoilt("failures", value=[{"release": "00" * 32, "times": n} for n in (1, 2)]),
        "state.failures",
    ),
    "another spelling": (FULL.to_bytes() + b"\n", "state"),
}


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_what_is_remembered_is_what_was(state: State) -> None:
    """A state comes back from its bytes as it was."""
    assert parse_state(state.to_bytes()) == state


@pytest.mark.parametrize(("data", "where"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_memory_is_refused(data: bytes, where: str) -> None:
    """Bytes that no device has written are no memory, and it is said where they fail."""
    with pytest.raises(Refused) as error:
        parse_state(data)
    assert isinstance(error.value.fault, Malformed)
    assert error.value.code is Code.MEMORY_SHAPE
    assert error.value.fault.where.endswith(where)


def test_a_memory_beyond_all_bounds_is_refused_unread() -> None:
    """Nobody makes a device read a huge memory."""
    with pytest.raises(Refused) as error:
        parse_state(b" " * (MAX_BYTES + 1))
    assert error.value.code is Code.ENCODING_TOO_LARGE


def test_the_fullest_memory_can_be_read_again() -> None:
    """However much has failed on a device, its memory stays within its bound."""
    state = FULL
    for number in range(MOST_FAILURES + 5):
        state = state.with_failure(candidate(number))
    assert parse_state(state.to_bytes()) == state
    assert len(state.failures) == MOST_FAILURES


def test_failures_are_counted_a_release_and_the_oldest_is_forgotten_first() -> None:
    """A release that fails again is counted once more, and stays among the newest."""
    state = State()
    for number in (1, 2, 1):
        state = state.with_failure(candidate(number))
    assert [state.failed(candidate(number)) for number in (1, 2, 3)] == [2, 1, 0]
    assert [failure.release for failure in state.failures] == [
        candidate(2).digest,
        candidate(1).digest,
    ]
    assert state.outcome == Outcome(candidate(1).digest, Verdict.FAILED)


def test_what_a_slot_holds_is_remembered_for_that_slot() -> None:
    """Nobody takes what is in one slot for what is in the other."""
    one, two = Accepted(candidate(1), MOMENT), Accepted(candidate(2), MOMENT)
    state = State().holding(Slot.A, one).holding(Slot.B, two)
    assert (state.a, state.b) == (one, two)
    assert (state.holds(Slot.A), state.holds(Slot.B)) == (one, two)
    assert state.holding(Slot.A, None) == replace(state, a=None)
    assert state.holding(Slot.B, None) == replace(state, b=None)


@pytest.mark.parametrize(
    ("phase", "job", "floor", "predates"),
    [
        (Phase.IDLE, None, 2, False),
        (Phase.IDLE, None, 3, True),
        (Phase.RAISING, 3, 3, False),
        (Phase.RAISING, 3, 4, True),
        (Phase.RAISING, 1, 2, False),
        (Phase.RAISING, 1, 3, True),
        (Phase.COPYING, 3, 3, True),
    ],
)
def test_a_memory_from_before_the_floor_was_raised_is_told(
    phase: Phase, job: int | None, floor: int, *, predates: bool
) -> None:
    """What was remembered under a lower floor was put back; raising names the new one itself."""
    work = None if job is None else Job(Accepted(candidate(job), MOMENT), Slot.A, 3)
    state = State(phase=phase, floor=2, job=work, a=ACCEPTED)
    assert state.predates(floor) is predates


def test_a_device_that_remembers_nothing_is_not_too_old() -> None:
    """A new memory knows no floor, and nobody has put it back."""
    assert not State().predates(9)


@pytest.mark.parametrize(
    ("path", "least"),
    [(("job", "accepted", "trial_boots"), 1), (("job", "accepted", "length"), 1)],
)
def test_the_least_that_can_be_remembered_is_read(path: tuple[str, ...], least: int) -> None:
    """A release of one byte, and one trial boot, are releases."""
    members: Any = parse_json(FULL.to_bytes(), max_bytes=MAX_BYTES)
    for place in ("job", "confirmed", "b"):
        at = members[place]["accepted"] if place == "job" else members[place]
        at[path[-1]] = least
    members["job"]["done"] = 1
    assert parse_state(canonical_json(members)).job is not None
