"""What a device remembers of its installations, and the one form of it in bytes.

Values only; what happens to them is `firmhold.update.installation`. They come from verified
documents once, and are durable from then on, because an installation must be able to finish when
those documents have expired: `Accepted` keeps the moment at which the release was accepted.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum, unique

from firmhold.trust.encoding import JsonObject, JsonValue, canonical_json, parse_json
from firmhold.trust.errors import Code
from firmhold.trust.shape import Shape, written_date
from firmhold.trust.uptane.version_manifest import Outcome, Verdict
from firmhold.update.pieces import Image
from firmhold.update.slots import Slot

FORMAT = 1
MAX_BYTES = 65_536
MOST_FAILURES = 64
"""Releases whose failure is remembered; the oldest is forgotten when another joins."""

_SHAPE = Shape(Code.MEMORY_SHAPE)


@unique
class Phase(StrEnum):
    """How far an installation has come; what the phase says is still to be done."""

    IDLE = "idle"
    WRITING = "writing"
    CHECKING = "checking"
    SWITCHING = "switching"
    TRIAL = "trial"
    CONFIRMING = "confirming"
    COPYING = "copying"
    COMPARING = "comparing"
    RAISING = "raising"
    REVERTING = "reverting"


@dataclass(frozen=True, slots=True)
class Candidate:
    """As much of a release as installing it needs."""

    digest: bytes
    """SHA-256 of the release manifest: which release it is."""
    counter: int
    """Release counter."""
    security_counter: int
    trial_boots: int
    """Boots in which it may become good; then the device goes back."""
    image: Image


@dataclass(frozen=True, slots=True)
class Accepted:
    """A release that was verified, and when: it is finished under that moment, not under today."""

    release: Candidate
    at: datetime


@dataclass(frozen=True, slots=True)
class Job:
    """A release on its way into a slot."""

    accepted: Accepted
    slot: Slot
    done: int = 0
    """Pieces that are durable in the slot, from the first on."""
    attempts: int = 0
    """Times that it had to be begun anew."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A tombstone: a release that failed here, and how often."""

    release: bytes
    times: int


@dataclass(frozen=True, slots=True)
class State:
    """All that is remembered."""

    phase: Phase = Phase.IDLE
    running: Slot | None = None
    """The slot that ran when this was remembered (None: the recovery system)."""
    floor: int = 0
    """The security floor of the hardware when this was remembered."""
    job: Job | None = None
    """None: nothing is under way, or what runs unconfirmed has been forgotten."""
    a: Accepted | None = None
    """What slot a holds, read back whole; None: nobody knows."""
    b: Accepted | None = None
    confirmed: Accepted | None = None
    """The last release that was confirmed here."""
    failures: tuple[Failure, ...] = ()
    outcome: Outcome | None = None

    def holds(self, slot: Slot) -> Accepted | None:
        """What a slot holds, read back whole; None: nobody knows."""
        return self.a if slot is Slot.A else self.b

    def holding(self, slot: Slot, accepted: Accepted | None) -> "State":
        """The same with something else in `slot`."""
        return replace(self, a=accepted) if slot is Slot.A else replace(self, b=accepted)

    def failed(self, release: Candidate) -> int:
        """How often a release failed here."""
        return next((f.times for f in self.failures if f.release == release.digest), 0)

    def with_failure(self, release: Candidate) -> "State":
        """The same after a release has failed once more, which is also the outcome."""
        others = [failure for failure in self.failures if failure.release != release.digest]
        newest = Failure(release.digest, self.failed(release) + 1)
        failures = (*others, newest)[-MOST_FAILURES:]
        return replace(self, failures=failures, outcome=Outcome(release.digest, Verdict.FAILED))

    def predates(self, floor: int) -> bool:
        """Tell whether this was remembered before the floor of the hardware was raised.

        Only the machine raises it, and what it remembers while it does names the new floor. Where
        nothing is remembered, nothing is too old.
        """
        known = self.floor
        if self.phase is Phase.RAISING and self.job is not None:
            known = max(known, self.job.accepted.release.security_counter)
        return known < floor and self != State()

    def to_bytes(self) -> bytes:
        """The one form of this state in bytes."""
        return canonical_json(
            {
                "format": FORMAT,
                "phase": self.phase.value,
                "running": self.running.value if self.running is not None else None,
                "floor": self.floor,
                "job": _written_job(self.job),
                "a": _written_accepted(self.a),
                "b": _written_accepted(self.b),
                "confirmed": _written_accepted(self.confirmed),
                "failures": [
                    {"release": failure.release.hex(), "times": failure.times}
                    for failure in self.failures
                ],
                "outcome": _written_outcome(self.outcome),
            }
        )


WITHOUT_JOB = (Phase.IDLE, Phase.TRIAL, Phase.CONFIRMING, Phase.REVERTING)
"""Phases that need no job: a system may have to be judged though nobody knows what it is."""

AFTER_CONFIRM = (Phase.COPYING, Phase.COMPARING, Phase.RAISING)
"""Phases in which the spare slot is brought to what was confirmed in the other one."""


def parse_state(data: bytes) -> State:
    """Read what `State.to_bytes` wrote, in that form and no other. Raises `Refused`."""
    value = parse_json(data, max_bytes=MAX_BYTES)
    names = ("format", "phase", "running", "floor", "job", "a", "b", "confirmed")
    members = _SHAPE.members(value, "state", (*names, "failures", "outcome"))
    _SHAPE.a_number(members["format"], "state.format", FORMAT, FORMAT)
    state = State(
        phase=Phase(_one_of(Phase, members["phase"], "state.phase")),
        running=_slot_or_none(members["running"], "state.running"),
        floor=_SHAPE.a_number(members["floor"], "state.floor"),
        job=_job(members["job"], "state.job"),
        a=_accepted_or_none(members["a"], "state.a"),
        b=_accepted_or_none(members["b"], "state.b"),
        confirmed=_accepted_or_none(members["confirmed"], "state.confirmed"),
        failures=_SHAPE.a_list(members["failures"], "state.failures", MOST_FAILURES, _failure),
        outcome=_outcome(members["outcome"], "state.outcome"),
    )
    _check_together(state)
    if state.to_bytes() != data:
        raise _SHAPE.refusal("state", "the canonical form")
    return state


def _check_together(state: State) -> None:
    """Refuse what no installation can have come to."""
    job = state.job
    if job is None and state.phase not in WITHOUT_JOB:
        raise _SHAPE.refusal("state.job", f"a job in phase {state.phase}")
    if job is not None and state.phase is Phase.IDLE:
        raise _SHAPE.refusal("state.job", "none in phase idle")
    if job is not None and state.phase in AFTER_CONFIRM and job.accepted != state.confirmed:
        raise _SHAPE.refusal("state.job", f"what was confirmed, in phase {state.phase}")
    if job is not None and job.done > job.accepted.release.image.pieces:
        raise _SHAPE.refusal("state.job.done", "no more than there are pieces")
    if len({failure.release for failure in state.failures}) != len(state.failures):
        raise _SHAPE.refusal("state.failures", "each release once")


def _one_of(kind: type[StrEnum], value: JsonValue, where: str) -> str:
    known = [member.value for member in kind]
    if value not in known or not isinstance(value, str):
        raise _SHAPE.refusal(where, f"one of {known}")
    return value


def _slot_or_none(value: JsonValue, where: str) -> Slot | None:
    return None if value is None else Slot(_one_of(Slot, value, where))


def _accepted_or_none(value: JsonValue, where: str) -> Accepted | None:
    return None if value is None else _accepted(value, where)


def _accepted(value: JsonValue, where: str) -> Accepted:
    names = ("digest", "counter", "security_counter", "trial_boots", "length", "root", "at")
    members = _SHAPE.members(value, where, names)
    release = Candidate(
        digest=_SHAPE.some_bytes(members["digest"], f"{where}.digest"),
        counter=_SHAPE.a_number(members["counter"], f"{where}.counter"),
        security_counter=_SHAPE.a_number(members["security_counter"], f"{where}.security_counter"),
        trial_boots=_SHAPE.a_number(members["trial_boots"], f"{where}.trial_boots", 1),
        image=Image(
            length=_SHAPE.a_number(members["length"], f"{where}.length", 1),
            root=_SHAPE.some_bytes(members["root"], f"{where}.root"),
        ),
    )
    return Accepted(release, _SHAPE.a_date(members["at"], f"{where}.at"))


def _job(value: JsonValue, where: str) -> Job | None:
    if value is None:
        return None
    members = _SHAPE.members(value, where, ("accepted", "slot", "done", "attempts"))
    return Job(
        accepted=_accepted(members["accepted"], f"{where}.accepted"),
        slot=Slot(_one_of(Slot, members["slot"], f"{where}.slot")),
        done=_SHAPE.a_number(members["done"], f"{where}.done"),
        attempts=_SHAPE.a_number(members["attempts"], f"{where}.attempts"),
    )


def _failure(value: JsonValue, where: str) -> Failure:
    members = _SHAPE.members(value, where, ("release", "times"))
    return Failure(
        release=_SHAPE.some_bytes(members["release"], f"{where}.release"),
        times=_SHAPE.a_number(members["times"], f"{where}.times", 1),
    )


def _outcome(value: JsonValue, where: str) -> Outcome | None:
    if value is None:
        return None
    members = _SHAPE.members(value, where, ("release", "verdict"))
    return Outcome(
        release=_SHAPE.some_bytes(members["release"], f"{where}.release"),
        verdict=Verdict(_one_of(Verdict, members["verdict"], f"{where}.verdict")),
    )


def _written_accepted(accepted: Accepted | None) -> JsonObject | None:
    if accepted is None:
        return None
    release = accepted.release
    return {
        "digest": release.digest.hex(),
        "counter": release.counter,
        "security_counter": release.security_counter,
        "trial_boots": release.trial_boots,
        "length": release.image.length,
        "root": release.image.root.hex(),
        "at": written_date(accepted.at),
    }


def _written_job(job: Job | None) -> JsonObject | None:
    if job is None:
        return None
    return {
        "accepted": _written_accepted(job.accepted),
        "slot": job.slot.value,
        "done": job.done,
        "attempts": job.attempts,
    }


def _written_outcome(outcome: Outcome | None) -> JsonObject | None:
    if outcome is None:
        return None
    return {"release": outcome.release.hex(), "verdict": outcome.verdict.value}
