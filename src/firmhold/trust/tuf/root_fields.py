"""What a root of ours says besides TUF: which domain it is of, and from when its time counts.

* `x-firmhold-domain`: `"staging"` or `"production"`; absent, it is production. A chain of roots
  stays in its domain, so a staging root of keys in files never becomes a production one, and a
  production root never opens what only staging may do.
* `x-firmhold-freshness`: `{"epoch": …, "not_before": …}`. The epoch names the freshness keys that
  count; a new one resets the time that devices believe to `not_before`. It never goes back, and a
  root cannot leave the field out behind one that has it.

A plain TUF client reads neither.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from firmhold.trust.encoding import JsonObject, JsonValue
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Mismatch, VersionMismatch
from firmhold.trust.shape import MAX_TEXT, Shape, written_date

DOMAIN_FIELD = "x-firmhold-domain"
FRESHNESS_FIELD = "x-firmhold-freshness"

_DOMAIN = Shape(Code.TUF_DOMAIN)
_FRESHNESS = Shape(Code.TUF_FRESHNESS)


class Domain(StrEnum):
    """What everything under one root is for."""

    PRODUCTION = "production"
    STAGING = "staging"


@dataclass(frozen=True, slots=True)
class FreshnessEpoch:
    """Which freshness keys count, and the moment at which the time of their epoch begins."""

    epoch: int
    not_before: datetime

    def to_json(self) -> JsonObject:
        """Return the value of the root's field."""
        return {"epoch": self.epoch, "not_before": written_date(self.not_before)}


@dataclass(frozen=True, slots=True)
class RootFields:
    """What a root says besides TUF; made without arguments it says nothing."""

    domain: Domain = Domain.PRODUCTION
    freshness: FreshnessEpoch | None = None

    def require_successor(self, new: "RootFields") -> None:
        """Pass if a root with `new` may follow one with these fields, else refuse."""
        if new.domain is not self.domain:
            code, was, would_be = Code.TUF_DOMAIN_CHANGED, self.domain.value, new.domain.value
            fault = Mismatch(code=code, what=DOMAIN_FIELD, expected=was, found=would_be)
            raise Refused(fault)
        least, found = _epoch(self), _epoch(new)
        if found < least:
            code = Code.TUF_FRESHNESS_EPOCH
            raise Refused(VersionMismatch(code=code, role="root", expected=least, found=found))


class OwnFields(Protocol):
    """Whether a reader looks at the fields of ours."""

    def of(self, signed: JsonObject) -> RootFields:
        """Return what the root `signed` says besides TUF, or raise `Refused`."""
        ...


@dataclass(frozen=True, slots=True)
class FieldsPassedOver:
    """A plain client reads what TUF names."""

    def of(self, _signed: JsonObject) -> RootFields:
        """Whatever stands there says nothing."""
        return RootFields()


@dataclass(frozen=True, slots=True)
class FieldsRead:
    """A device of ours reads them, strictly."""

    def of(self, signed: JsonObject) -> RootFields:
        """Both fields in their types; absent is not malformed."""
        domain = signed.get(DOMAIN_FIELD, Domain.PRODUCTION.value)
        text = _DOMAIN.a_text(domain, f"signed.{DOMAIN_FIELD}", MAX_TEXT)
        if text not in set(Domain):
            raise _DOMAIN.refusal(f"signed.{DOMAIN_FIELD}", " or ".join(Domain))
        said = FRESHNESS_FIELD in signed
        return RootFields(Domain(text), _read_epoch(signed[FRESHNESS_FIELD]) if said else None)


def _read_epoch(value: JsonValue) -> FreshnessEpoch:
    where = f"signed.{FRESHNESS_FIELD}"
    members = _FRESHNESS.members(value, where, ("epoch", "not_before"))
    return FreshnessEpoch(
        _FRESHNESS.a_number(members["epoch"], f"{where}.epoch", 1),
        _FRESHNESS.a_date(members["not_before"], f"{where}.not_before"),
    )


def _epoch(fields: RootFields) -> int:
    """The epoch as a number that can be compared; epochs begin with 1."""
    return 0 if fields.freshness is None else fields.freshness.epoch
