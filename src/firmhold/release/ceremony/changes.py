"""What a ceremony may change in a delegator: who sits where, how many must sign, until when.

A delegator is root metadata (TUF 4.3) or targets metadata with delegations (TUF 4.5). `changed`
makes the next version of one from the version before and a list of changes, and from nothing else;
so whoever has both can make it again, to the byte.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from firmhold.release.ceremony.cards import Card, read_card
from firmhold.trust.encoding import JsonObject, JsonValue
from firmhold.trust.errors import Code, Misuse, Refused
from firmhold.trust.keys import KeyId
from firmhold.trust.outer_faults import CeremonyFault
from firmhold.trust.shape import Shape, written_date
from firmhold.trust.tuf.dialect import HOLDERS_FIELD, RETIRES_FIELD
from firmhold.trust.tuf.root_fields import FRESHNESS_FIELD, FreshnessEpoch

MOST_HOLDERS = 64

_SHAPE = Shape(Code.CEREMONY_SHAPE)


@dataclass(frozen=True, slots=True)
class Appoint:
    """A key gets a seat in a role."""

    role: str
    card: Card

    def to_json(self) -> JsonObject:
        """Return the change as a plan bears it."""
        return {"change": "appoint", "role": self.role, "card": self.card.to_json()}


@dataclass(frozen=True, slots=True)
class Dismiss:
    """A key loses its seat in a role."""

    role: str
    key_id: KeyId

    def to_json(self) -> JsonObject:
        """Return the change as a plan bears it."""
        return {"change": "dismiss", "role": self.role, "key": str(self.key_id)}


@dataclass(frozen=True, slots=True)
class Threshold:
    """So many holders of a role must sign."""

    role: str
    holders: int

    def to_json(self) -> JsonObject:
        """Return the change as a plan bears it."""
        return {"change": "threshold", "role": self.role, "holders": self.holders}


@dataclass(frozen=True, slots=True)
class Retire:
    """A key may sign for nothing that lives longer than a day."""

    key_id: KeyId
    day: datetime

    def to_json(self) -> JsonObject:
        """Return the change as a plan bears it."""
        return {"change": "retire", "key": str(self.key_id), "day": written_date(self.day)}


@dataclass(frozen=True, slots=True)
class BeginEpoch:
    """The time that devices believe begins anew, told by other keys (roots only)."""

    freshness: FreshnessEpoch

    def to_json(self) -> JsonObject:
        """Return the change as a plan bears it."""
        return {"change": "epoch", **self.freshness.to_json()}


Change: TypeAlias = Appoint | Dismiss | Threshold | Retire | BeginEpoch


def read_change(value: JsonValue, where: str) -> Change:
    """Read what `to_json` of a change wrote. Raises `Refused`."""
    kind = _SHAPE.an_object(value, where).get("change")

    def members(*names: str) -> JsonObject:
        return _SHAPE.members(value, where, ("change", *names))

    def role(found: JsonObject) -> str:
        return _SHAPE.a_name(found["role"], f"{where}.role")

    match kind:
        case "appoint":
            found = members("role", "card")
            card = _SHAPE.an_object(found["card"], f"{where}.card")
            return Appoint(role(found), read_card(card, f"{where}.card")[0])
        case "dismiss":
            found = members("role", "key")
            return Dismiss(role(found), KeyId(_SHAPE.a_name(found["key"], f"{where}.key")))
        case "threshold":
            found = members("role", "holders")
            return Threshold(
                role(found), _SHAPE.a_number(found["holders"], f"{where}.holders", 1, MOST_HOLDERS)
            )
        case "retire":
            found = members("key", "day")
            key_id = KeyId(_SHAPE.a_name(found["key"], f"{where}.key"))
            return Retire(key_id, _SHAPE.a_date(found["day"], f"{where}.day"))
        case "epoch":
            found = members("epoch", "not_before")
            epoch = _SHAPE.a_number(found["epoch"], f"{where}.epoch", 1)
            return BeginEpoch(
                FreshnessEpoch(epoch, _SHAPE.a_date(found["not_before"], f"{where}.not_before"))
            )
    raise _SHAPE.refusal(f"{where}.change", "appoint, dismiss, threshold, retire or epoch")


def changed(
    signed: JsonObject, changes: Sequence[Change], version: int, expires: datetime
) -> JsonObject:
    """Return `signed` with the changes in their order, as `version`. Raises `Refused`."""
    new = deepcopy(signed)
    table = _Table(new)
    for change in changes:
        match change:
            case Dismiss(role, key_id):
                table.dismiss(role, key_id)
            case Appoint(role, card):
                table.appoint(role, card)
            case Threshold(role, holders):
                table.rule(role)["threshold"] = holders
            case Retire(key_id, day):
                table.retire(key_id, day)
            case BeginEpoch(freshness):
                table.begin(freshness)
    table.forget_unseated()
    new |= {"version": version, "expires": written_date(expires)}
    return new


class _Table:
    """The key table of a delegator, and the rules of its roles."""

    def __init__(self, signed: JsonObject) -> None:
        self.signed = signed
        self.root = signed["_type"] == "root"
        held = signed if self.root else _SHAPE.an_object(signed.get("delegations"), "delegations")
        self.keys = _SHAPE.an_object(held["keys"], "keys")
        self.holders = _SHAPE.an_object(signed.setdefault(HOLDERS_FIELD, {}), HOLDERS_FIELD)
        self.rules = _rules(held["roles"])

    def rule(self, role: str) -> JsonObject:
        """The rule of a role: `{keyids, threshold}`."""
        if role not in self.rules:
            raise _refused(role, f"no role of this document ({', '.join(self.rules)})")
        return self.rules[role]

    def appoint(self, role: str, card: Card) -> None:
        """Give a key a seat."""
        key_ids = _key_ids(self.rule(role))
        if str(card.key_id) in key_ids:
            raise _refused(role, f"{card.holder} has this seat already")
        if self.holders.get(str(card.key_id), card.holder) != card.holder:
            raise _refused(role, f"the key of {card.holder} is somebody else's already")
        self.keys[str(card.key_id)] = {**card.entry}
        self.holders[str(card.key_id)] = str(card.holder)
        key_ids.append(str(card.key_id))

    def dismiss(self, role: str, key_id: KeyId) -> None:
        """Take a seat."""
        key_ids = _key_ids(self.rule(role))
        if str(key_id) not in key_ids:
            raise _refused(role, f"no key {key_id} sits there")
        key_ids.remove(str(key_id))

    def retire(self, key_id: KeyId, day: datetime) -> None:
        """Name a key's last day."""
        if str(key_id) not in self.keys:
            raise _refused(str(key_id), "no key of this document")
        days = _SHAPE.an_object(self.signed.setdefault(RETIRES_FIELD, {}), RETIRES_FIELD)
        days[str(key_id)] = written_date(day)

    def begin(self, freshness: FreshnessEpoch) -> None:
        """Begin an epoch of time."""
        if not self.root:
            raise _refused("epoch", "only a root begins one")
        self.signed[FRESHNESS_FIELD] = freshness.to_json()

    def forget_unseated(self) -> None:
        """Leave nothing behind of keys without a seat."""
        seated = {key_id for rule in self.rules.values() for key_id in _key_ids(rule)}
        days = self.signed.get(RETIRES_FIELD)
        for place in (self.keys, self.holders, days if isinstance(days, dict) else {}):
            for key_id in place.keys() - seated:
                del place[key_id]
        if days == {}:
            del self.signed[RETIRES_FIELD]


def _rules(roles: JsonValue) -> dict[str, JsonObject]:
    """The rules of a root by name, or of delegations, which are a list of named ones."""
    if isinstance(roles, dict):
        return {name: _SHAPE.an_object(rule, name) for name, rule in roles.items()}
    listed = _SHAPE.a_list(roles, "roles", MOST_HOLDERS, _SHAPE.an_object)
    return {_SHAPE.a_name(rule.get("name"), "roles.name"): rule for rule in listed}


def _key_ids(rule: JsonObject) -> list[JsonValue]:
    found = rule["keyids"]
    if not isinstance(found, list):
        raise Misuse(CeremonyFault(code=Code.CEREMONY_CHANGE, what="keyids", detail="no list"))
    return found


def _refused(what: str, detail: str) -> Refused:
    return Refused(CeremonyFault(code=Code.CEREMONY_CHANGE, what=what, detail=detail))
