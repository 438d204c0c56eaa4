"""Step 0: a staging domain. Keys for every role, a root 2-of-3, two authorities 2-of-3 each."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from tuf.api.metadata import DelegatedRole, Delegations, Role, Root, Targets

from firmhold.release.documents import (
    DELEGATED,
    ONLINE,
    ROLES,
    add_signature,
    expiry,
    holders,
    public_keys,
    unsigned,
)
from firmhold.release.ports import Desk
from firmhold.signing.ports import Signer
from firmhold.trust.errors import Code, Misuse, UsageFault
from firmhold.trust.keys import KeyId
from firmhold.trust.outer_faults import PlaceFault
from firmhold.trust.tuf.root_fields import (
    DOMAIN_FIELD,
    FRESHNESS_FIELD,
    Domain,
    FreshnessEpoch,
)

OFFLINE = ("root", "targets", *DELEGATED)
"""Roles whose keys people hold; each needs `THRESHOLD` of at least as many holders."""

THRESHOLD = 2
SEATS = 3

_HOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

MakeKey = Callable[[str, str], Signer]
"""Makes a key for a role and the holder with this name."""


@dataclass(frozen=True, slots=True)
class Seated:
    """A holder's name and the key that speaks for it."""

    holder: str
    signer: Signer


def default_holders(role: str) -> tuple[str, ...]:
    """Return the holders of a role where nobody names any."""
    return (role,) if role in ONLINE else tuple(f"{role}-{n}" for n in range(1, SEATS + 1))


def init_domain(
    desk: Desk, names: Mapping[str, Sequence[str]], make_key: MakeKey, now: datetime
) -> None:
    """Make keys for the named holders of each role, and sign a root and empty targets roles.

    `names` maps a role to its holders; roles that it leaves out get `default_holders`.
    """
    plan = {role: tuple(names.get(role, default_holders(role))) for role in ROLES}
    _check_plan(plan, names)
    desk.make()
    with desk.locked():
        if any(desk.current(role) is not None for role in ROLES):
            detail = "a domain is here already"
            raise Misuse(PlaceFault(code=Code.RELEASE_DESK, path="metadata", detail=detail))
        seats = {
            role: [Seated(holder, make_key(role, holder)) for holder in holders_]
            for role, holders_ in plan.items()
        }
        _sign_and_keep(desk, "targets", unsigned(_targets(seats, now)), seats["targets"])
        for role in DELEGATED:
            empty = Targets(version=1, expires=expiry(role, now))
            _sign_and_keep(desk, role, unsigned(empty), seats[role])
        # The root comes last: a desk without one is a desk that was never made.
        _sign_and_keep(desk, "root", unsigned(_root(seats, now)), seats["root"])


def _check_plan(plan: Mapping[str, Sequence[str]], names: Mapping[str, Sequence[str]]) -> None:
    """Refuse what cannot be meant before the first key is made."""
    for what in chain(_wrong_roles(plan, names), _wrong_holders(plan)):
        raise Misuse(UsageFault(code=Code.MISUSE, what=what))


def _wrong_roles(
    plan: Mapping[str, Sequence[str]], names: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    for role in sorted(names.keys() - plan.keys()):
        yield f"no such role: {role} (there are: {', '.join(plan)})"
    for role in OFFLINE:
        if len(plan[role]) < THRESHOLD:
            yield f"{role} needs at least {THRESHOLD} different holders"
    for role in ONLINE:
        if len(plan[role]) != 1:
            yield f"{role} has one key, which a machine holds"


def _wrong_holders(plan: Mapping[str, Sequence[str]]) -> Iterator[str]:
    # The key of a machine is found under its role, so the role's name is taken too.
    taken = [name for role in ONLINE for name in {role, *plan[role]}]
    taken += [holder for role in OFFLINE for holder in plan[role]]
    for holder in taken:
        if not _HOLDER.fullmatch(holder):
            yield f"a holder's name is made of letters, digits and '-_.', not {holder!r}"
    # Two names that differ in their letter case only are one person, and one file on some disks.
    for holder, seats in Counter(holder.casefold() for holder in taken).items():
        if seats > 1:
            yield f"a holder has one seat, {holder} has {seats}: name different people"


def _root(seats: Mapping[str, Sequence[Seated]], now: datetime) -> Root:
    roles = ("root", "targets", *ONLINE)
    own = [seated for role in roles for seated in seats[role]]
    return Root(
        version=1,
        expires=expiry("root", now),
        keys=public_keys(seated.signer for seated in own),
        roles={role: Role(_key_ids(seats[role]), _threshold(role)) for role in roles},
        consistent_snapshot=True,
        unrecognized_fields={
            **holders(_names(own)),
            DOMAIN_FIELD: Domain.STAGING.value,
            FRESHNESS_FIELD: FreshnessEpoch(1, now).to_json(),
        },
    )


def _targets(seats: Mapping[str, Sequence[Seated]], now: datetime) -> Targets:
    own = [seated for role in DELEGATED for seated in seats[role]]
    roles = {
        role: DelegatedRole(
            role, _key_ids(seats[role]), THRESHOLD, terminating=True, paths=[f"{role}/*/*"]
        )
        for role in DELEGATED
    }
    return Targets(
        version=1,
        expires=expiry("targets", now),
        delegations=Delegations(public_keys(seated.signer for seated in own), roles),
        unrecognized_fields=holders(_names(own)),
    )


def _sign_and_keep(desk: Desk, role: str, data: bytes, seats: Sequence[Seated]) -> None:
    for seated in seats[: _threshold(role)]:
        data = add_signature(data, role, seated.signer)
    desk.keep(role, 1, data)


def _threshold(role: str) -> int:
    return THRESHOLD if role in OFFLINE else 1


def _key_ids(seats: Sequence[Seated]) -> list[str]:
    return [seated.signer.key_id for seated in seats]


def _names(seats: Sequence[Seated]) -> dict[KeyId, str]:
    return {seated.signer.key_id: seated.holder for seated in seats}
