"""Slot a and slot b are names."""

from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar, cast

from tests.update.abstraction import LIMITS
from tests.update.transcript import events, states

from firmhold.trust.errors import Refused
from firmhold.update.events import Event
from firmhold.update.installation import Step, step
from firmhold.update.journal import State
from firmhold.update.slots import Slot

T = TypeVar("T")


def mirrored(value: T) -> T:
    """A value with each slot in the place of the other, at any depth."""
    if isinstance(value, Slot):
        return cast("T", value.other)
    if isinstance(value, tuple):
        return cast("T", tuple(mirrored(each) for each in value))
    if not is_dataclass(value) or isinstance(value, type):
        return value
    inside: dict[str, Any] = {
        field.name: mirrored(getattr(value, field.name)) for field in fields(value)
    }
    if {"a", "b"} <= inside.keys():
        inside["a"], inside["b"] = inside["b"], inside["a"]
    return cast("T", replace(value, **inside))


def _answer(state: State, event: Event) -> Step | str:
    try:
        return step(state, event, LIMITS)
    except Refused as refused:
        return str(refused.fault)


def _begun(answer: Step | str) -> bool:
    """Tell whether an installation stands at its very beginning with this answer."""
    job = None if isinstance(answer, str) else answer[0].job
    return job is not None and (job.attempts, job.done) == (0, 0)


def test_neither_slot_is_special() -> None:
    """With the slots exchanged in a state and an event, they are exchanged in the answer.

    But where neither runs, a new installation has to begin somewhere: in slot a.
    """
    for told, state in states():
        for name, event in events(state):
            answer = _answer(state, event)
            if state.running is None and _begun(answer):
                continue
            expected = mirrored(answer)
            assert _answer(mirrored(state), mirrored(event)) == expected, f"{told}: {name}"
