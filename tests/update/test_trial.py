"""Health checks and the rollback plan: data, each with bounds of its own."""

from collections.abc import Mapping

import pytest

from firmhold.sim.releases import sim_release
from firmhold.trust.encoding import JsonObject, JsonValue
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Malformed
from firmhold.trust.shape import Shape
from firmhold.update.trial import (
    MAX_CONFIRM_SECONDS,
    MAX_DEADLINE_SECONDS,
    MAX_MEMORY_BYTES,
    MAX_TRIAL_BOOTS,
    CommandCheck,
    HealthCheck,
    HttpCheck,
    MemoryCheck,
    RollbackPlan,
    ServiceCheck,
    read_check,
    read_rollback,
    written_check,
)

SHAPE = Shape(Code.UPDATE_MANIFEST_SHAPE)
CHECKS = sim_release().checks
PLAN = sim_release().rollback
EXTREMES: tuple[HealthCheck, ...] = (
    CommandCheck(1, ("/x",) * 32),
    HttpCheck(MAX_DEADLINE_SECONDS, 65_535, "/", 599),
    MemoryCheck(1, "s", MAX_MEMORY_BYTES),
    ServiceCheck(1, "x" * 256),
    HttpCheck(1, 1, "/", 100),
    MemoryCheck(1, "s", 1),
)


@pytest.mark.parametrize("check", [*CHECKS, *EXTREMES], ids=lambda check: type(check).__name__)
def test_a_check_reads_back_as_it_was_written(check: HealthCheck) -> None:
    """Each kind of check keeps what it asks for and its deadline."""
    assert read_check(SHAPE, written_check(check), "check") == check


def test_every_kind_of_check_is_tried_here() -> None:
    """There are four kinds, with names of their own."""
    kinds = [written_check(check)["kind"] for check in CHECKS]
    assert kinds == ["command", "http", "memory", "service"]


BENT: Mapping[str, tuple[int, str, JsonValue]] = {
    "a kind that nobody knows": (0, "kind", "script"),
    "a kind that is no text": (0, "kind", 1),
    "no deadline": (0, "deadline_seconds", 0),
    "a deadline too far": (1, "deadline_seconds", MAX_DEADLINE_SECONDS + 1),
    "no program": (0, "argv", []),
    "a relative program": (0, "argv", ["thing"]),
    "too many arguments": (0, "argv", ["/x"] * 33),
    "an argument with a line break": (0, "argv", ["/x", "a\nb"]),
    "an empty argument": (0, "argv", ["/x", ""]),
    "port zero": (1, "port", 0),
    "a port too high": (1, "port", 65_536),
    "another server": (1, "path", "http://elsewhere/"),
    "a path with a space": (1, "path", "/a b"),
    "a path that is not ASCII": (1, "path", "/\u00e9"),
    "no status": (1, "status", 99),
    "a status too high": (1, "status", 600),
    "a check for no memory": (2, "most_bytes", 0),
    "a check for too much memory": (2, "most_bytes", MAX_MEMORY_BYTES + 1),
    "no service to measure": (2, "service", ""),
    "no service": (3, "service", ""),
    "more than asked": (3, "user", "root"),
}


@pytest.mark.parametrize(("number", "member", "value"), BENT.values(), ids=BENT)
def test_what_is_no_check_is_refused(number: int, member: str, value: JsonValue) -> None:
    """No check runs without bounds, looks at another machine or does what was not meant."""
    bent = {**written_check(CHECKS[number]), member: value}
    with pytest.raises(Refused) as error:
        read_check(SHAPE, bent, "check")
    assert isinstance(error.value.fault, Malformed)
    assert error.value.code is Code.UPDATE_MANIFEST_SHAPE
    assert error.value.fault.where.startswith(f"check.{member}")


@pytest.mark.parametrize("number", range(4))
def test_each_check_has_a_deadline(number: int) -> None:
    """A check without a deadline is none."""
    bent: JsonObject = {**written_check(CHECKS[number])}
    del bent["deadline_seconds"]
    with pytest.raises(Refused) as error:
        read_check(SHAPE, bent, "check")
    assert error.value.code is Code.UPDATE_MANIFEST_SHAPE


@pytest.mark.parametrize(
    "plan",
    [
        PLAN,
        RollbackPlan(1, 1, data_kept=False),
        RollbackPlan(MAX_TRIAL_BOOTS, MAX_CONFIRM_SECONDS, data_kept=True),
    ],
)
def test_a_rollback_plan_reads_back_as_it_was_written(plan: RollbackPlan) -> None:
    """Boots, seconds and the word about the data survive."""
    assert read_rollback(SHAPE, plan.to_json(), "rollback") == plan


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("trial_boots", 0),
        ("trial_boots", MAX_TRIAL_BOOTS + 1),
        ("confirm_seconds", 0),
        ("confirm_seconds", MAX_CONFIRM_SECONDS + 1),
        ("data_kept", 1),
        ("to", "anywhere"),
    ],
)
def test_what_is_no_rollback_plan_is_refused(member: str, value: JsonValue) -> None:
    """A new system has at least one boot, not boots without end, and a bounded time."""
    with pytest.raises(Refused) as error:
        read_rollback(SHAPE, {**PLAN.to_json(), member: value}, "rollback")
    assert isinstance(error.value.fault, Malformed)
    assert error.value.fault.where == f"rollback.{member}"
