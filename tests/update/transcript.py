"""Writes down what the installation machine answers, state by state and event by event.

    python -m tests.update.transcript > tests/transcripts/installation.txt

A change of the machine is then read as a change of that text. States are those of every phase with
a job in slot b, seen from each slot and from the recovery system, for the first time and the last,
with and without a confirmed release; what changes nothing and asks for nothing is left out.
"""

import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from tests.update.abstraction import ACCEPTED, LIMITS

from firmhold.trust.errors import Refused
from firmhold.update.actions import Action, CheckHealth, Mark, Prefer, RaiseFloor, Reboot
from firmhold.update.events import Begin, Done, Event, Judged, Measured, Started, Withdrawn, Written
from firmhold.update.installation import step
from firmhold.update.journal import AFTER_CONFIRM, Accepted, Failure, Job, Phase, State
from firmhold.update.slots import BAD, GOOD, BootRecord, BootState, Slot, SlotRecord

FACTORY, ONE, TWO = ACCEPTED
TRIAL = SlotRecord(BootState.UNKNOWN, tries_left=2)
TRIED = SlotRecord(BootState.UNKNOWN, tries_left=1)
WORN = SlotRecord(BootState.GOOD, bites=2)
BITTEN = SlotRecord(BootState.GOOD, bites=1)
RECORDS = {
    "a good, b bad": BootRecord(Slot.A, GOOD, BAD),
    "a good, b on trial": BootRecord(Slot.B, GOOD, TRIAL),
    "a good, b tried": BootRecord(Slot.B, GOOD, TRIED),
    "a good, b tried, a first": BootRecord(Slot.A, GOOD, TRIED),
    "both good": BootRecord(Slot.B, GOOD, GOOD),
    "a bitten, b worn": BootRecord(Slot.A, BITTEN, WORN),
    "both bad": BootRecord(Slot.A, BAD, BAD),
}
RUNNING = {"a": Slot.A, "b": Slot.B, "recovery": None}


def transcript() -> Iterator[str]:
    """Every line of it."""
    for told, state in states():
        yield f"== {told}"
        for name, event in events(state):
            answer = _answer(state, event)
            if answer:
                yield f"{name}: {answer}"


def states() -> Iterator[tuple[str, State]]:
    """States of every phase, each with words for it."""
    for phase, (where, running) in product(Phase, RUNNING.items()):
        for attempts, confirmed in product((0, LIMITS.attempts - 1), (None, ONE, TWO)):
            if phase in AFTER_CONFIRM and confirmed is not TWO:
                continue
            job = None if phase is Phase.IDLE else Job(TWO, Slot.B, 1, attempts)
            if job is None and attempts:
                continue
            state = State(phase, running, 1, job, a=ONE, b=TWO, confirmed=confirmed)
            known = "nothing" if confirmed is None else f"release {confirmed.release.counter}"
            told = f"{phase}, runs {where}, attempts {attempts}, confirmed {known}"
            yield told, state
            if phase is Phase.IDLE:
                yield f"{told}, 2 failed once", replace(state, failures=(_failed(TWO, 1),))
                yield f"{told}, 1 failed for good", replace(state, failures=(_failed(ONE, 2),))
    yield "trial of something unknown, runs a", State(Phase.TRIAL, Slot.A)
    yield "confirming something unknown, runs a", State(Phase.CONFIRMING, Slot.A)
    yield "reverting something unknown, runs a", State(Phase.REVERTING, Slot.A)


def events(state: State) -> Iterator[tuple[str, Event]]:
    """Everything that can be said to a state, with words for it."""
    yield "done", Done()
    for healthy in (True, False):
        yield f"judged {healthy}", Judged(healthy)
    for whole in (True, False):
        yield f"measured {whole}", Measured(whole)
    for pieces in (1, 2, 9):
        yield f"written {pieces}", Written(pieces)
    for each in ACCEPTED:
        yield f"begin {each.release.counter}", Begin(each)
        yield f"withdraw {each.release.counter}", Withdrawn(each.release.digest)
    for (told, record), withdrawn in product(RECORDS.items(), (False, True)):
        words = f"start, {told}{', withdrawn' if withdrawn else ''}"
        yield words, Started(state.running, record, state.floor, withdrawn)


def _answer(state: State, event: Event) -> str:
    try:
        after, actions = step(state, event, LIMITS)
    except Refused as error:
        return f"refused {error.fault}".replace(error.fault.__dict__.get("release", ""), "…")
    words = [*_changes(state, after), *(_told(action) for action in actions)]
    return "; ".join(words)


def _changes(before: State, after: State) -> Iterator[str]:
    if after.phase is not before.phase:
        yield f"now {after.phase}"
    if after.job != before.job:
        job = after.job
        yield (
            "no job"
            if job is None
            else (
                f"job {job.accepted.release.counter} in {job.slot}, done {job.done}, "
                f"attempts {job.attempts}"
            )
        )
    for name in ("running", "floor"):
        if getattr(after, name) != getattr(before, name):
            yield f"{name} {getattr(after, name)}"
    for name in ("a", "b", "confirmed"):
        if getattr(after, name) != getattr(before, name):
            yield f"{name} {_held(getattr(after, name))}"
    if after.failures != before.failures:
        yield "failures " + " ".join(f"{each.release[0]}x{each.times}" for each in after.failures)
    if after.outcome is not None and after.outcome != before.outcome:
        yield f"outcome {after.outcome.release[0]} {after.outcome.verdict}"


def _held(accepted: Accepted | None) -> str:
    return "nothing" if accepted is None else f"holds {accepted.release.counter}"


def _told(action: Action) -> str:
    match action:
        case Mark(slot, record):
            return f"mark {slot} {record.state} {record.tries_left} {record.bites}"
        case Prefer(slot):
            return f"prefer {slot}"
        case RaiseFloor(to):
            return f"raise floor to {to}"
        case Reboot():
            return "reboot"
        case CheckHealth(release):
            return f"check health of {'anything' if release is None else release[0]}"
        case _:
            name = type(action).__name__
            first = getattr(action, "first", "")
            return f"{name} {action.release.counter} in {action.slot} {first}".rstrip()


def _failed(accepted: Accepted, times: int) -> Failure:
    return Failure(accepted.release.digest, times)


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in transcript())
