"""What is being signed, in words: what each holder reads before his key is touched."""

from collections.abc import Iterator

from firmhold.release.ceremony.changes import (
    Appoint,
    BeginEpoch,
    Change,
    Dismiss,
    Retire,
    Threshold,
)
from firmhold.release.ceremony.outcome import Outcome
from firmhold.release.ceremony.plan import Plan
from firmhold.trust.keys import KeyId
from firmhold.trust.shape import written_date
from firmhold.trust.tuf.roles import Authority

SHOWN = 12
"""Digits of a key id that people are shown."""


def words_of(plan: Plan, outcome: Outcome) -> tuple[str, ...]:
    """Return the sentences: the document, each change, who may sign afterwards, who must now."""
    return (
        _title(plan, outcome),
        *(_change(change, outcome) for change in plan.changes),
        *_seats(outcome),
        *_must_sign(outcome),
    )


def _title(plan: Plan, outcome: Outcome) -> str:
    until = written_date(outcome.expires)
    of = f"{outcome.role} version {outcome.version} of the {plan.repository} repository"
    domain = "" if plan.first is None else f", the first of a {plan.first.domain} domain"
    return f"{of}{domain}, good until {until}"


def _change(change: Change, outcome: Outcome) -> str:
    match change:
        case Appoint(role, card):
            place = "in a file, which is for staging only" if card.tier == "file" else card.tier
            return f"{card.holder} gets a seat in {role}: key {short(card.key_id)} ({place})"
        case Dismiss(role, key_id):
            holder = holder_of(outcome.roles_before.get(role), key_id)
            return f"{holder} loses the seat in {role}: key {short(key_id)} counts no more"
        case Threshold(role, holders):
            return f"{role} needs {holders} holders"
        case Retire(key_id, day):
            return f"key {short(key_id)} signs for nothing that lives beyond {written_date(day)}"
        case BeginEpoch(freshness):
            begin = written_date(freshness.not_before)
            return (
                f"the time that devices believe begins anew at {begin}, in epoch {freshness.epoch}:"
                " keys of epochs before tell it no more"
            )


def _seats(outcome: Outcome) -> Iterator[str]:
    for name, authority in outcome.roles.items():
        yield f"then {name} is {authority.threshold} of {', '.join(_names(authority))}"


def _must_sign(outcome: Outcome) -> Iterator[str]:
    for number, authority in enumerate(outcome.must_sign):
        which = ""
        if len(outcome.must_sign) > 1:
            which = " as it was" if number == 0 else " as it will be"
        names = ", ".join(_names(authority))
        yield f"signed by {authority.threshold} of {authority.role}{which}: {names}"


def short(key_id: KeyId) -> str:
    """Return as much of a key id as people compare."""
    return str(key_id)[:SHOWN]


def holder_of(authority: Authority | None, key_id: KeyId) -> str:
    """Return who holds a key in a role, as far as that is known."""
    seat = None if authority is None else authority.seats.get(key_id)
    return "somebody" if seat is None else seat.holder


def _names(authority: Authority) -> list[str]:
    return sorted(f"{seat.holder} ({short(key)})" for key, seat in authority.seats.items())
