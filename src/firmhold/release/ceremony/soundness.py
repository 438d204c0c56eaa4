"""What must stand after a ceremony, so that nobody is alone and nobody is locked out.

1. each role can be signed: it has at least as many holders as it needs, each with a seat that has
   not retired on the day on which the document itself ends;
2. no person alone: a role that people sign for needs two holders or more;
3. a role of a machine has one key: two would be two places to steal it from;
4. nobody sits in two roles that people sign for, so that no authority does another's work.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from firmhold.trust.errors import Code, Refused
from firmhold.trust.outer_faults import CeremonyFault
from firmhold.trust.quorum import Holder, tally
from firmhold.trust.tuf.roles import Authority

LEAST_HOLDERS = 2


def require_sound(
    roles: Mapping[str, Authority],
    online: Iterable[str],
    expires: datetime,
    elsewhere: Mapping[Holder, str],
) -> None:
    """Pass if `roles` may stand; `elsewhere` says which holders sit in roles of other documents.

    Raises `Refused` (`ceremony.unsound`).
    """
    machines = set(online)
    sits: dict[Holder, str] = dict(elsewhere)
    for name, authority in roles.items():
        _require_signable(authority, expires)
        if name in machines:
            _require_one_key(authority)
        else:
            _require_two(authority)
            _require_apart(authority, sits)


def _require_signable(authority: Authority, expires: datetime) -> None:
    able = (key_id for key_id, seat in authority.seats.items() if seat.may_sign(expires))
    count = tally(authority.threshold, authority.seats, able)
    if not count.met:
        detail = f"{len(count.signed)} holders could sign, {count.threshold} must"
        raise _unsound(authority.role, detail)


def _require_one_key(authority: Authority) -> None:
    if len(authority.identities) != 1 or authority.threshold != 1:
        raise _unsound(authority.role, "a machine's role has one key")


def _require_two(authority: Authority) -> None:
    if authority.threshold < LEAST_HOLDERS:
        raise _unsound(authority.role, f"needs {LEAST_HOLDERS} holders or more, so nobody is alone")


def _require_apart(authority: Authority, sits: dict[Holder, str]) -> None:
    for seat in authority.seats.values():
        where = sits.setdefault(seat.holder, authority.role)
        if where != authority.role:
            raise _unsound(authority.role, f"{seat.holder} sits in {where} already")


def _unsound(role: str, detail: str) -> Refused:
    return Refused(CeremonyFault(code=Code.CEREMONY_UNSOUND, what=role, detail=detail))
