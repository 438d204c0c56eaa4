"""A plan: what a ceremony is to change, with all that is needed to judge it on a machine apart.

It bears the documents on which it builds, word for word, and the changes; never the document that
is to be signed. Each holder's own machine works that out (`outcome`), so there is nothing to slip
in between what a holder reads and what his key signs.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum, unique

from firmhold.release.ceremony.changes import Change, read_change
from firmhold.trust.encoding import JsonObject, JsonValue, canonical_json, parse_json, pretty_json
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Mismatch
from firmhold.trust.outer_faults import CeremonyFault
from firmhold.trust.shape import Shape, written_date
from firmhold.trust.tuf.root_fields import Domain, FreshnessEpoch

TAG = "firmhold ceremony plan 1"
MAX_BYTES = 8 * 1024 * 1024
MOST_ROOTS, MOST_CHANGES = 1024, 256
CLOCKS_APART = timedelta(days=1)
"""How far the clocks of two people may differ."""

MOST_TEXT = 2 * 1024 * 1024

_SHAPE = Shape(Code.CEREMONY_SHAPE)
_MEMBERS = (
    "tag", "kind", "repository", "made_at", "first", "roots", "targets", "changes", "expires"
)  # fmt: skip


@unique
class CeremonyKind(StrEnum):
    """What a ceremony is about."""

    ROOT = "root"
    """Who holds root and targets, from one root to the next."""
    ONLINE = "online"
    """Which keys machines hold, and whose time is believed; the next root says so."""
    AUTHORITY = "authority"
    """Who holds feature and security; the next targets say so."""


@unique
class RepositoryName(StrEnum):
    """Which of the two repositories a root is of."""

    IMAGE = "image"
    DIRECTOR = "director"


@dataclass(frozen=True, slots=True)
class First:
    """What a first root says of itself."""

    domain: Domain
    freshness: FreshnessEpoch

    def to_json(self) -> JsonObject:
        """Return it as a plan bears it."""
        return {"domain": self.domain.value, "freshness": self.freshness.to_json()}


@dataclass(frozen=True, slots=True)
class Plan:
    """A ceremony before it begins; `first` stands in a plan for a first root alone."""

    kind: CeremonyKind
    repository: RepositoryName
    made_at: datetime
    first: First | None
    roots: tuple[str, ...]
    """Every root from the first to the newest, as text."""
    targets: str | None
    """The newest top-level targets of the image repository, as text; None if there are none."""
    changes: tuple[Change, ...]
    expires: datetime

    def to_json(self) -> JsonObject:
        """Return the plan; `parse_plan` reads it back."""
        changes: list[JsonValue] = [change.to_json() for change in self.changes]
        return {
            "tag": TAG,
            "kind": self.kind.value,
            "repository": self.repository.value,
            "made_at": written_date(self.made_at),
            "first": None if self.first is None else self.first.to_json(),
            "roots": [*self.roots],
            "targets": self.targets,
            "changes": changes,
            "expires": written_date(self.expires),
        }

    def to_bytes(self) -> bytes:
        """Return the plan as a file."""
        return pretty_json(self.to_json())

    def require_of_today(self, now: datetime) -> None:
        """Pass if the plan was not made in what is still to come. Raises `Refused`."""
        if self.made_at > now + CLOCKS_APART:
            detail = f"made at {written_date(self.made_at)}, which is still to come"
            raise Refused(CeremonyFault(code=Code.CEREMONY_BEFORE, what="plan", detail=detail))

    @property
    def sha256(self) -> str:
        """The digest by which people compare plans: of what it says, not of its spelling."""
        return hashlib.sha256(canonical_json(self.to_json())).hexdigest()


def parse_plan(data: bytes) -> Plan:
    """Read a plan. Raises `Refused`."""
    members = _SHAPE.members(parse_json(data, max_bytes=MAX_BYTES), "plan", _MEMBERS)
    if members["tag"] != TAG:
        found = str(members["tag"])[:64]
        raise Refused(Mismatch(code=Code.CEREMONY_TAG, what="tag", expected=TAG, found=found))
    first, targets = members["first"], members["targets"]
    return Plan(
        kind=CeremonyKind(_one_of(members["kind"], "plan.kind", [*CeremonyKind])),
        repository=RepositoryName(
            _one_of(members["repository"], "plan.repository", [*RepositoryName])
        ),
        made_at=_SHAPE.a_date(members["made_at"], "plan.made_at"),
        first=None if first is None else _first(first),
        roots=_SHAPE.a_list(members["roots"], "plan.roots", MOST_ROOTS, _text),
        targets=None if targets is None else _text(targets, "plan.targets"),
        changes=_SHAPE.a_list(members["changes"], "plan.changes", MOST_CHANGES, read_change),
        expires=_SHAPE.a_date(members["expires"], "plan.expires"),
    )


def _first(value: JsonValue) -> First:
    where = "plan.first"
    members = _SHAPE.members(value, where, ("domain", "freshness"))
    place = f"{where}.freshness"
    freshness = _SHAPE.members(members["freshness"], place, ("epoch", "not_before"))
    return First(
        Domain(_one_of(members["domain"], f"{where}.domain", [*Domain])),
        FreshnessEpoch(
            _SHAPE.a_number(freshness["epoch"], f"{place}.epoch", 1),
            _SHAPE.a_date(freshness["not_before"], f"{place}.not_before"),
        ),
    )


def _text(value: JsonValue, where: str) -> str:
    return _SHAPE.a_text(value, where, MOST_TEXT)


def _one_of(value: JsonValue, where: str, known: list[str]) -> str:
    name = _SHAPE.a_name(value, where)
    if name not in known:
        raise _SHAPE.refusal(where, " or ".join(known))
    return name
