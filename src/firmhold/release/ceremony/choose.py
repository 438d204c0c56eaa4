"""What people say on a command line, as changes: roles, holders and cards by their names."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from firmhold.release.arguments import read_argument
from firmhold.release.ceremony.cards import MAX_BYTES, parse_card
from firmhold.release.ceremony.changes import (
    Appoint,
    BeginEpoch,
    Change,
    Dismiss,
    Retire,
    Threshold,
)
from firmhold.trust.errors import Code, Misuse, UsageFault
from firmhold.trust.keys import KeyId
from firmhold.trust.outer_faults import CeremonyFault
from firmhold.trust.shape import Shape
from firmhold.trust.tuf.roles import Authority
from firmhold.trust.tuf.root_fields import FreshnessEpoch

LEAST_DIGITS = 8
"""Digits of a key id that are taken for one: a holder's name may look like fewer."""

_ANY = "any role of this document"
_SHAPE = Shape(Code.CEREMONY_SHAPE)


@dataclass(frozen=True, slots=True)
class Said:
    """The options of a ceremony, each as `WHAT=VALUE`."""

    appoint: Sequence[str] = ()
    dismiss: Sequence[str] = ()
    threshold: Sequence[str] = ()
    retire: Sequence[str] = ()


def changes_of(
    said: Said, roles: Mapping[str, Authority], epoch: FreshnessEpoch | None
) -> tuple[Change, ...]:
    """Return the changes that were asked for: dismissals first, so that a holder can change keys.

    `roles` are those that stand now. Raises `Misuse` and `Refused`.
    """
    return (
        *(change for option in said.dismiss for change in _dismissals(option, roles)),
        *(_appointment(option) for option in said.appoint),
        *(_threshold(option) for option in said.threshold),
        *(change for option in said.retire for change in _retirements(option, roles)),
        *(() if epoch is None else (BeginEpoch(epoch),)),
    )


def keys_of(who: str, authority: Authority) -> list[KeyId]:
    """Return the keys in a role of a holder, or under the first digits of a key id."""
    return sorted(
        key_id
        for key_id, seat in authority.seats.items()
        if seat.holder == who or (len(who) >= LEAST_DIGITS and key_id.startswith(who))
    )


def _dismissals(option: str, roles: Mapping[str, Authority]) -> Iterator[Dismiss]:
    role, who = _split(option, "dismiss ROLE=HOLDER")
    found = [] if role not in roles else keys_of(who, roles[role])
    if not found:
        raise _nobody(role, who)
    yield from (Dismiss(role, key_id) for key_id in found)


def _appointment(option: str) -> Appoint:
    role, file = _split(option, "appoint ROLE=CARD")
    return Appoint(role, parse_card(read_argument(Path(file), MAX_BYTES)))


def _threshold(option: str) -> Threshold:
    role, number = _split(option, "threshold ROLE=NUMBER")
    if not number.isascii() or not number.isdigit():
        form = "threshold ROLE=NUMBER"
        raise _misused(form, option)
    return Threshold(role, int(number))


def _retirements(option: str, roles: Mapping[str, Authority]) -> Iterator[Retire]:
    who, day = _split(option, "retire HOLDER=DATE")
    found = sorted({key_id for each in roles.values() for key_id in keys_of(who, each)})
    if not found:
        raise _nobody(_ANY, who)
    moment = _day(day)
    yield from (Retire(key_id, moment) for key_id in found)


def _day(text: str) -> datetime:
    """A day, which ends with it, or a moment."""
    return _SHAPE.a_date(text if "T" in text else f"{text}T23:59:59Z", "--retire")


def _split(option: str, form: str) -> tuple[str, str]:
    left, equals, right = option.partition("=")
    if not left or not equals or not right:
        raise _misused(form, option)
    return left, right


def _nobody(role: str, who: str) -> Misuse:
    detail = f"{who} has no key there"
    return Misuse(CeremonyFault(code=Code.CEREMONY_CHANGE, what=role, detail=detail))


def _misused(form: str, option: str) -> Misuse:
    return Misuse(UsageFault(code=Code.MISUSE, what=f"--{form}, not {option}"))
