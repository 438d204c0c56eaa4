"""What speaks against a rollout before anybody signs its act: every finding, none of them final.

An operator reads them; a note of severity *error* keeps the command from signing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum, unique

from firmhold.trust.governance.rollout_act import MOST_BUCKETS, MOST_PERCENT, RolloutAct
from firmhold.update.release import Release
from firmhold.update.schedule import LATEST_START

LARGE_FIRST_WAVE = MOST_BUCKETS // 10
SHORT_LIFE = timedelta(hours=1)


@unique
class Severity(StrEnum):
    """Whether a note keeps the act from being signed."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Note:
    """One finding: its kind, and what was found."""

    severity: Severity
    kind: str
    detail: str


def lint(act: RolloutAct, release: Release, now: datetime) -> list[Note]:
    """Return everything that speaks against an act about `release`, in a fixed order."""
    return [*_about_release(act, release), *_about_waves(act), *_about_time(act, release, now)]


def _about_release(act: RolloutAct, release: Release) -> Iterator[Note]:
    if act.sha256 != release.digest:
        yield Note(Severity.ERROR, "other release", release.digest.hex())
    if act.product != release.product:
        yield Note(Severity.ERROR, "other product", release.product)


def _about_waves(act: RolloutAct) -> Iterator[Note]:
    first = act.waves[0]
    if len(act.waves) == 1:
        yield Note(Severity.WARNING, "one wave", "everybody at once: nothing is learnt before")
    elif first.buckets > LARGE_FIRST_WAVE:
        yield Note(Severity.WARNING, "large first wave", f"{first.buckets} of {MOST_BUCKETS}")
    for number, wave in enumerate(act.waves[:-1], 1):
        if wave.confirmed_percent == 0:
            yield Note(Severity.WARNING, "counts nobody", f"wave {number} asks for no device")
        if wave.failed_percent == MOST_PERCENT:
            yield Note(Severity.WARNING, "never halts", f"wave {number} bears every failure")
        if wave.soak_seconds == 0:
            yield Note(Severity.WARNING, "no soak", f"wave {number} may end at once")


def _about_time(act: RolloutAct, release: Release, now: datetime) -> Iterator[Note]:
    last = release.schedule.waves[-1]
    opens = min(release.schedule.earliest_start, LATEST_START)
    if opens + timedelta(seconds=last.after_seconds) > act.expires:
        yield Note(Severity.WARNING, "ends before the schedule", "some devices may not install yet")
    if act.expires - now < SHORT_LIFE:
        yield Note(Severity.ERROR, "ends at once", f"{act.expires:%Y-%m-%dT%H:%M:%SZ}")
