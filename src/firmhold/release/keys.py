"""Step 0: a staging domain. Keys for every role, a root 2-of-3, two authorities 2-of-3 each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tuf.api.metadata import DelegatedRole, Delegations, Role, Root, Targets

from firmhold.release.authorities import DELEGATED
from firmhold.release.documents import add_signature, expiry, holders, public_keys, unsigned
from firmhold.release.ports import Desk
from firmhold.signing.ports import Signer
from firmhold.trust.errors import Code, Misuse, PlaceFault, UsageFault
from firmhold.trust.keys import KeyId

OFFLINE = ("root", "targets", *DELEGATED)
"""Roles whose keys people hold; each needs `THRESHOLD` of at least as many holders."""

ONLINE = ("snapshot", "timestamp")
"""Roles whose one key a machine holds."""

THRESHOLD = 2
SEATS = 3

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
    plan = {role: tuple(names.get(role, default_holders(role))) for role in (*OFFLINE, *ONLINE)}
    _check_plan(plan, names)
    with desk.locked():
        if desk.roles():
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
    unknown = set(names) - set(plan)
    if unknown:
        what = f"no such role: {', '.join(sorted(unknown))} (there are: {', '.join(plan)})"
        raise Misuse(UsageFault(code=Code.MISUSE, what=what))
    for role, holders_ in plan.items():
        least = THRESHOLD if role in OFFLINE else 1
        if len(set(holders_)) < least or len(set(holders_)) != len(holders_):
            what = f"{role} needs at least {least} different holders"
            raise Misuse(UsageFault(code=Code.MISUSE, what=what))
    everybody = [holder for holders_ in plan.values() for holder in holders_]
    if len(set(everybody)) != len(everybody):
        what = "a holder has one seat: name different people for different roles"
        raise Misuse(UsageFault(code=Code.MISUSE, what=what))


def _root(seats: Mapping[str, Sequence[Seated]], now: datetime) -> Root:
    roles = ("root", "targets", *ONLINE)
    own = [seated for role in roles for seated in seats[role]]
    return Root(
        version=1,
        expires=expiry("root", now),
        keys=public_keys(seated.signer for seated in own),
        roles={role: Role(_key_ids(seats[role]), _threshold(role)) for role in roles},
        consistent_snapshot=True,
        unrecognized_fields=holders(_names(own)),
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
