"""The installation as a state machine: events in, actions out, nothing done here.

How to drive it: `step` returns the next state and actions. **Make the state durable, then perform
the actions in order.** An action that asks (`WriteExtent`, `CopyPieces`, `ReadBack`, `CheckHealth`)
stands last and is answered by its event; after actions of which none asks, the event is `Done`;
no actions, or `Reboot`: wait. After every start, and to take up work that waited, `Started`.
What was cut off is done again from the remembered state: any action may be performed twice.

Laws of this module, each an invariant of the tests:

* The running slot is never written. The slot to be written is marked bad before its first byte.
* A slot is switched to only after it was read back whole, and first by tries that run out.
* *Installed* is said only after a confirmed boot. Order after that: confirm, copy the release to
  the spare slot, read that back, raise the security floor. The floor is never raised earlier.
* A release that failed here is not taken again, except by recovery, and a bounded number of times.
* What was begun is finished under the moment of its acceptance. `withdrawn` (newer root or targets
  do not authorise it any more) ends it, unless it was confirmed here before: neither expiry nor
  revocation keeps a device from finishing; from recovery, what was confirmed is installed again.
"""

from dataclasses import replace
from typing import TypeAlias

from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import InstallFault
from firmhold.trust.uptane.version_manifest import Outcome, Verdict
from firmhold.update.actions import (
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
    Event,
    Judged,
    Measured,
    Started,
    Withdrawn,
    Written,
)
from firmhold.update.journal import Accepted, Candidate, Job, Phase, State
from firmhold.update.slots import (
    BAD,
    GOOD,
    LIMITS,
    BootRecord,
    BootState,
    Limits,
    Slot,
    SlotRecord,
    worn_out,
)

Step: TypeAlias = tuple[State, Actions]


def step(state: State, event: Event, limits: Limits = LIMITS) -> Step:
    """Return the state after `event`, and what is to be done. Raises `Refused` at `Begin` only."""
    match event:
        case Started():
            after = _started(state, event, limits)
        case Begin():
            after = _begin(state, event.accepted, limits)
        case Written():
            after = _written(state, event)
        case Measured():
            after = _measured(state, event, limits)
        case Judged():
            after = _judged(state, event)
        case Withdrawn():
            after = _withdrawn(state, event, limits)
        case _:  # Done
            after = _done(state, limits)
    return after


def _started(state: State, event: Started, limits: Limits) -> Step:
    here = replace(state, running=event.running, floor=event.floor)
    if here.job is None:
        return _settle(here, event.record, limits)
    if event.withdrawn and _may_be_withdrawn(here, here.job):
        return _end_withdrawn(here, here.job, limits)
    return _take_up(here, here.job, event.record, limits)


def _take_up(state: State, job: Job, record: BootRecord, limits: Limits) -> Step:
    """Go on with a job after a start: what was cut off is done again."""
    inside = state.running is job.slot
    match state.phase:
        case Phase.WRITING | Phase.CHECKING if not inside:
            known_bad = record.of(job.slot).state is BootState.BAD
            safe: Actions = () if known_bad else (Mark(job.slot, BAD),)
            return state, (*safe, *_next_piece(state, job))
        case Phase.SWITCHING | Phase.TRIAL | Phase.CONFIRMING:
            return _take_up_trial(state, job, record, limits)
        case Phase.REVERTING if inside:
            return state, _back_from(job.slot)
        case Phase.COPYING | Phase.COMPARING | Phase.RAISING if state.running is job.slot.other:
            return state, _resynchronise(state, job)
        case _:
            # Reverted; or an old copy of this state was put back; or what was confirmed is dead.
            return _settle(replace(state, job=None), record, limits)


def _take_up_trial(state: State, job: Job, record: BootRecord, limits: Limits) -> Step:
    if state.running is job.slot:
        if state.phase is Phase.CONFIRMING:
            return state, (Mark(job.slot, GOOD),)
        if record.of(job.slot).state is BootState.GOOD:  # no trial: an old state was put back
            return _settle(state, record, limits)
        return replace(state, phase=Phase.TRIAL), (CheckHealth(job.accepted.release.digest),)
    if state.phase is Phase.TRIAL:
        return _take_up_reboot(state, job, record, limits)
    # The switch was cut off before the trial was remembered, or the confirmation was. If the boot
    # chain spent tries all the same, it counts as an attempt: nothing is tried for ever.
    spent = state.phase is Phase.CONFIRMING or _was_tried(record, job)
    again = replace(job, attempts=job.attempts + spent)
    if again.attempts >= limits.attempts:
        return _settle(_failed(state, job), record, limits)
    # Marked bad, so that no second start counts the same attempt; read back once more, because
    # that the slot was whole may have been remembered elsewhere.
    switching = replace(state, phase=Phase.SWITCHING, job=again)
    return switching, (Mark(job.slot, BAD), *_next_piece(switching, again))


def _take_up_reboot(state: State, job: Job, record: BootRecord, limits: Limits) -> Step:
    """A trial, seen from elsewhere: it failed, or the device was not rebooted into it yet.

    Where no try was spent, the agent was restarted before the device went down, or the boot chain
    passed the slot over: the reboot is asked for again, as often as anything is attempted.
    """
    again = replace(job, attempts=job.attempts + 1)
    untried = record.primary is job.slot and record.of(job.slot) == _on_trial(job)
    if untried and again.attempts < limits.attempts:
        return replace(state, job=again), (Reboot(),)
    return _settle(_failed(state, job), record, limits)


def _was_tried(record: BootRecord, job: Job) -> bool:
    """Tell whether the switch was complete, and the slot was booted since."""
    untried = (BAD, _on_trial(job))
    return record.primary is job.slot and record.of(job.slot) not in untried


def _settle(state: State, record: BootRecord, limits: Limits) -> Step:
    """With nothing under way: count who died, judge who is unconfirmed, tidy the boot record."""
    running = state.running
    settled = _with_deaths(replace(state, job=None), record, limits)
    if running is None:
        return _rest(settled, _tidied(running, record, limits), limits)
    own = record.of(running)
    if own.state is BootState.UNKNOWN:
        return replace(settled, phase=Phase.TRIAL), (_judge(settled, running),)
    if own.state is BootState.BAD:  # judged, and the agent ended before the way back was complete
        return replace(settled, phase=Phase.REVERTING), _back_from(running)
    tidied = _tidied(running, record, limits)
    if record.primary is not running:
        tidied = (*tidied, Prefer(running))
    if own.bites:
        tidied = (*tidied, _judge(settled, running))
    return replace(settled, phase=Phase.IDLE), tidied


def _with_deaths(state: State, record: BootRecord, limits: Limits) -> State:
    """Count a failure for what was confirmed and then died again and again, once a release."""
    alive = state.holds(state.running) if state.running is not None else None
    dead = [slot for slot in Slot if worn_out(record.of(slot), limits)]
    releases = {held.release for slot in dead if (held := state.holds(slot)) is not None}
    for release in sorted(releases, key=lambda release: release.digest):
        if alive is None or alive.release != release:
            state = state.with_failure(release)
    for slot in dead:
        state = state.holding(slot, None)  # or a cut before it is marked would count it again
    return state


def _tidied(running: Slot | None, record: BootRecord, limits: Limits) -> Actions:
    """Mark as bad what the boot chain would pass over, or try without anybody waiting for it."""
    return tuple(
        Mark(slot, BAD)
        for slot in Slot
        if slot is not running
        and (record.of(slot).state is BootState.UNKNOWN or worn_out(record.of(slot), limits))
    )


def _judge(state: State, running: Slot) -> CheckHealth:
    held = state.holds(running)
    return CheckHealth(held.release.digest if held is not None else None)


def _rest(state: State, actions: Actions, limits: Limits) -> Step:
    """End what was under way; the recovery system does not rest while it knows what to install."""
    idle = replace(state, phase=Phase.IDLE, job=None)
    known = state.confirmed
    if state.running is not None or known is None or _refusal(idle, known.release, limits):
        return idle, actions
    after, writing = _write(idle, Job(known, Slot.A))
    return after, (*actions, *writing)


def _begin(state: State, accepted: Accepted, limits: Limits) -> Step:
    release = accepted.release
    held = state.holds(state.running) if state.running is not None else None
    under_way = state.job.accepted.release if state.job is not None else None
    if release == under_way or (held is not None and held.release == release):
        return state, ()
    fault = _refusal(state, release, limits)
    if fault is not None:
        raise Refused(fault)
    if state.job is not None:
        slot = state.job.slot
    else:
        slot = state.running.other if state.running is not None else Slot.A
    return _write(state, Job(replace(accepted, at=accepted.at.replace(microsecond=0)), slot))


def _refusal(state: State, release: Candidate, limits: Limits) -> InstallFault | None:
    """Say why a release must not be begun, if so."""
    name = release.digest.hex()
    if state.phase not in (Phase.IDLE, Phase.WRITING, Phase.CHECKING):
        return InstallFault(
            code=Code.INSTALL_BUSY, release=name, expected=Phase.IDLE, found=state.phase
        )
    if release.security_counter < state.floor:
        return InstallFault(
            code=Code.INSTALL_BELOW_FLOOR,
            release=name,
            expected=str(state.floor),
            found=str(release.security_counter),
        )
    most = 1 if state.running is not None else limits.failures
    times = state.failed(release)
    if times >= most:
        return InstallFault(
            code=Code.INSTALL_FAILED_BEFORE,
            release=name,
            expected=f"fewer than {most}",
            found=str(times),
        )
    return None


def _write(state: State, job: Job) -> Step:
    """Begin to write a job's release: from now on nobody knows what the slot holds."""
    writing = replace(state, phase=Phase.WRITING, job=job).holding(job.slot, None)
    return writing, (Mark(job.slot, BAD), *_next_piece(writing, job))


def _next_piece(state: State, job: Job) -> Actions:
    release = job.accepted.release
    if state.phase is Phase.WRITING:
        return (WriteExtent(job.slot, release, job.done),)
    if state.phase is Phase.COPYING:
        return (CopyPieces(job.slot, release, job.done),)
    return (ReadBack(job.slot, release),)


_AFTER_THE_LAST = {Phase.WRITING: Phase.CHECKING, Phase.COPYING: Phase.COMPARING}


def _written(state: State, event: Written) -> Step:
    job = state.job
    if job is None or state.phase not in _AFTER_THE_LAST or event.pieces <= job.done:
        return state, ()
    last = job.accepted.release.image.pieces
    job = replace(job, done=min(event.pieces, last))
    complete = job.done == last
    phase = _AFTER_THE_LAST[state.phase] if complete else state.phase
    after = replace(state, phase=phase, job=job)
    return after, _next_piece(after, job)


_READ_BACK = (Phase.CHECKING, Phase.SWITCHING, Phase.COMPARING)


def _measured(state: State, event: Measured, limits: Limits) -> Step:
    job = state.job
    if job is None or state.phase not in _READ_BACK:
        return state, ()
    if not event.whole:
        return _spoilt(state, job, limits)
    held = state.holding(job.slot, job.accepted)
    if state.phase is Phase.COMPARING:
        raising = replace(held, phase=Phase.RAISING)
        return raising, _resynchronise(raising, job)
    trial = Mark(job.slot, _on_trial(job))
    return replace(held, phase=Phase.SWITCHING), (trial, Prefer(job.slot))


def _spoilt(state: State, job: Job, limits: Limits) -> Step:
    """What was written is not what is there: write it anew, a bounded number of times."""
    again = replace(job, done=0, attempts=job.attempts + 1)
    if again.attempts < limits.attempts:
        if state.phase is Phase.COMPARING:
            return _copy(state, again)
        # In recovery neither slot boots: if one medium is dead, the other may not be.
        slot = job.slot.other if state.running is None else job.slot
        return _write(state, replace(again, slot=slot))
    if state.phase is Phase.COMPARING:
        # The release runs and is confirmed; without a whole spare slot the floor stays.
        return _rest(state, (), limits)
    return _rest(_failed(state, job), (), limits)


def _judged(state: State, event: Judged) -> Step:
    if state.running is None or (state.job is not None and state.job.slot is not state.running):
        return state, ()  # not the system that waits for a judgement
    if state.phase is Phase.TRIAL:
        if event.healthy:
            return replace(state, phase=Phase.CONFIRMING), (Mark(state.running, GOOD),)
        failed = state if state.job is None else _failed(state, state.job)
        return replace(failed, phase=Phase.REVERTING), _back_from(state.running)
    if state.phase is Phase.IDLE and event.healthy:
        return state, (Mark(state.running, GOOD),)  # forget the bites
    return state, ()


def _withdrawn(state: State, event: Withdrawn, limits: Limits) -> Step:
    job = state.job
    meant = job is not None and job.accepted.release.digest == event.release
    if job is None or not meant or not _may_be_withdrawn(state, job):
        return state, ()
    return _end_withdrawn(state, job, limits)


def _may_be_withdrawn(state: State, job: Job) -> bool:
    """Not what was confirmed here, not what has failed, not where an old state was put back."""
    put_back = state.running is job.slot and state.phase in (Phase.WRITING, Phase.CHECKING)
    return job.accepted != state.confirmed and not put_back and state.phase is not Phase.REVERTING


def _end_withdrawn(state: State, job: Job, limits: Limits) -> Step:
    outcome = Outcome(job.accepted.release.digest, Verdict.WITHDRAWN)
    ended = replace(state, outcome=outcome)
    if state.running is job.slot:
        return replace(ended, phase=Phase.REVERTING), _back_from(job.slot)
    back: Actions = () if state.running is None else (Prefer(state.running),)
    return _rest(ended, (Mark(job.slot, BAD), *back), limits)


def _done(state: State, limits: Limits) -> Step:
    match state.phase:
        case Phase.SWITCHING:
            after: Step = replace(state, phase=Phase.TRIAL), (Reboot(),)
        case Phase.REVERTING:
            after = state, (Reboot(),)
        case Phase.CONFIRMING:
            after = _confirmed(state)
        case Phase.RAISING:
            after = _raised(state, limits)
        case _:
            after = state, ()
    return after


def _confirmed(state: State) -> Step:
    """The boot chain has it that the running slot is good: now it may be said, and copied."""
    job = state.job
    if job is None:
        return replace(state, phase=Phase.IDLE), ()
    outcome = Outcome(job.accepted.release.digest, Verdict.INSTALLED)
    confirmed = replace(state, confirmed=job.accepted, outcome=outcome)
    return _copy(confirmed, Job(job.accepted, job.slot.other))


def _copy(state: State, job: Job) -> Step:
    copying = replace(state, phase=Phase.COPYING, job=job).holding(job.slot, None)
    return copying, _resynchronise(copying, job)


def _resynchronise(state: State, job: Job) -> Actions:
    release = job.accepted.release
    if state.phase is Phase.RAISING:
        return Mark(job.slot, GOOD), RaiseFloor(release.security_counter)
    return Mark(job.slot, BAD), *_next_piece(state, job)


def _raised(state: State, limits: Limits) -> Step:
    job = state.job
    counter = job.accepted.release.security_counter if job is not None else 0
    return _rest(replace(state, floor=max(state.floor, counter)), (), limits)


def _failed(state: State, job: Job) -> State:
    return state.with_failure(job.accepted.release)


def _on_trial(job: Job) -> SlotRecord:
    return SlotRecord(BootState.UNKNOWN, tries_left=job.accepted.release.trial_boots)


def _back_from(slot: Slot) -> Actions:
    return Mark(slot, BAD), Prefer(slot.other)
