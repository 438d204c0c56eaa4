"""What an operator is told before he signs."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.trust.governance.test_rollout_act import ACT, NOW

from firmhold.fleet.director.lint import Severity, lint
from firmhold.sim.releases import PRODUCT, START, sim_release
from firmhold.trust.governance.rollout_act import MOST_BUCKETS, RolloutAct, Wave
from firmhold.update.schedule import BUCKETS, Schedule
from firmhold.update.schedule import Wave as ScheduleWave

RELEASE = replace(sim_release(), schedule=Schedule(START, (ScheduleWave(0, BUCKETS),)))
GOOD = replace(
    ACT,
    product=PRODUCT,
    sha256=RELEASE.digest,
    issued_at=NOW,
    expires=START + timedelta(days=60),
    waves=(Wave(100, 3600, 90, 2), Wave(MOST_BUCKETS, 0, 0, 5)),
)

FINDINGS: dict[str, tuple[RolloutAct, Severity]] = {
    "other release": (replace(GOOD, sha256=bytes(32)), Severity.ERROR),
    "other product": (replace(GOOD, product="toaster"), Severity.ERROR),
    "one wave": (replace(GOOD, waves=GOOD.waves[1:]), Severity.WARNING),
    "large first wave": (
        replace(GOOD, waves=(Wave(1001, 3600, 90, 2), GOOD.waves[1])),
        Severity.WARNING,
    ),
    "counts nobody": (
        replace(GOOD, waves=(Wave(100, 3600, 0, 2), GOOD.waves[1])),
        Severity.WARNING,
    ),
    "never halts": (
        replace(GOOD, waves=(Wave(100, 3600, 90, 100), GOOD.waves[1])),
        Severity.WARNING,
    ),
    "no soak": (replace(GOOD, waves=(Wave(100, 0, 90, 2), GOOD.waves[1])), Severity.WARNING),
    "ends before the schedule": (
        replace(GOOD, expires=START - timedelta(days=1)),
        Severity.WARNING,
    ),
    "ends at once": (replace(GOOD, expires=NOW + timedelta(minutes=59)), Severity.ERROR),
}


def test_a_good_act_has_no_notes() -> None:
    """Nothing is said where there is nothing to say."""
    assert lint(GOOD, RELEASE, NOW) == []


@pytest.mark.parametrize("kind", FINDINGS)
def test_each_finding_is_told(kind: str) -> None:
    """What an operator would regret is told before it is signed, once."""
    act, severity = FINDINGS[kind]
    found = [note for note in lint(act, RELEASE, NOW) if note.kind == kind]
    assert [note.severity for note in found] == [severity]
    assert all(note.detail for note in found)
