"""The search for a target: pre-order, depth first, each role once, and not without end (5.6.7).

`Search` is a value: `next` says which role to ask, `enter` goes below it. Neither loads anything.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import OverLimit

MAX_DEPTH = 32
"""Delegations on the way from the top-level role to a target."""

MAX_ROLES = 64
"""Delegated roles asked for one target."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A role to ask, the delegator that named it, and how many delegations lie above it."""

    role: str
    delegator: str
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Search:
    """Roles still to ask, the next one last, and those already asked."""

    waiting: tuple[Visit, ...] = (Visit("targets", "root"),)
    asked: frozenset[str] = frozenset()

    def next(self) -> "tuple[Visit, Search] | None":
        """Return the next role to ask and the search after it; None when all were asked.

        Raises `Refused` when the search would ask more roles than any honest repository needs.
        """
        for position in range(len(self.waiting) - 1, -1, -1):
            visit = self.waiting[position]
            if visit.role not in self.asked:
                _require_few(visit, len(self.asked))
                return visit, Search(self.waiting[:position], self.asked | {visit.role})
        return None

    def enter(self, visit: Visit, delegates: Iterable[tuple[str, bool]]) -> "Search":
        """Add the roles below `visit`; a terminating one ends the search behind it (5.6.7.2.1)."""
        below: list[Visit] = []
        waiting = self.waiting
        for role, terminating in delegates:
            below.append(Visit(role, visit.role, visit.depth + 1))
            if terminating:
                waiting = ()
                break
        if below and visit.depth == MAX_DEPTH:
            raise Refused(
                OverLimit(code=Code.TUF_DELEGATION_TOO_DEEP, what=visit.role, limit=MAX_DEPTH)
            )
        return Search(waiting + tuple(reversed(below)), self.asked)


def _require_few(visit: Visit, asked: int) -> None:
    """Count delegated roles only: the first one asked is the top-level role."""
    if asked > MAX_ROLES:
        fault = OverLimit(code=Code.TUF_DELEGATION_TOO_MANY, what=visit.role, limit=MAX_ROLES)
        raise Refused(fault)
