"""From what stands on the desk to a plan: for the next root, or for the next targets."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firmhold.release.algorithms import require_algorithm
from firmhold.release.authorities import trusted_root
from firmhold.release.ceremony.changes import Appoint, Change
from firmhold.release.ceremony.plan import CeremonyKind, First, Plan, RepositoryName
from firmhold.release.documents import expiry
from firmhold.release.ports import Desk
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.outer_faults import CeremonyFault
from firmhold.trust.tuf.root_fields import Domain, FreshnessEpoch

DIRECTOR_ROOT = "director.root"
"""Under which name the desk keeps the roots of the Director's repository."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants changed."""

    kind: CeremonyKind
    repository: RepositoryName
    changes: tuple[Change, ...]


def propose(desk: Desk, wish: Wish, now: datetime) -> Plan:
    """Return the plan of a ceremony over what stands on the desk. Raises `Misuse`."""
    role = kept_as(wish.kind, wish.repository)
    chain = "root" if role == "targets" else role
    roots = [data.decode() for _, data in desk.versions(chain)]
    if not roots:
        detail = "no root is here: plan a first one"
        raise Misuse(CeremonyFault(code=Code.CEREMONY_CHANGE, what=chain, detail=detail))
    trusted_root(desk, chain)
    for change in wish.changes:
        if isinstance(change, Appoint):
            require_algorithm(desk, str(change.card.entry["scheme"]), now)
    targets = desk.current("targets") if wish.repository is RepositoryName.IMAGE else None
    return Plan(
        wish.kind,
        wish.repository,
        _whole_second(now),
        None,
        tuple(roots),
        None if targets is None else targets.decode(),
        wish.changes,
        expiry("targets" if role == "targets" else "root", now),
    )


def propose_first(
    repository: RepositoryName, domain: Domain, changes: Sequence[Change], now: datetime
) -> Plan:
    """Return the plan of a first root; the time that devices believe begins now."""
    first = First(domain, FreshnessEpoch(1, _whole_second(now)))
    return Plan(
        CeremonyKind.ROOT,
        repository,
        _whole_second(now),
        first,
        (),
        None,
        tuple(changes),
        expiry("root", now),
    )


def kept_as(kind: CeremonyKind, repository: RepositoryName) -> str:
    """Return the name under which the desk keeps what a ceremony makes."""
    if kind is CeremonyKind.AUTHORITY:
        return "targets"
    return "root" if repository is RepositoryName.IMAGE else DIRECTOR_ROOT


def _whole_second(now: datetime) -> datetime:
    return now.replace(microsecond=0)
