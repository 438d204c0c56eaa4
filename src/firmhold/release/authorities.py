"""Who may sign for a role at this desk, read from the desk's own signed metadata each time.

Whoever can write to the desk's folder can put anything there. So nothing of it is believed before
the signatures of its authority are counted, up to the desk's first root.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from firmhold.release.documents import DELEGATED, DRAFTED, parse
from firmhold.release.ports import Desk
from firmhold.trust.errors import Code, Damaged, Misuse, Refused
from firmhold.trust.faults import Absent
from firmhold.trust.outer_faults import PlaceFault
from firmhold.trust.tuf.dialect import FIRMHOLD
from firmhold.trust.tuf.roles import Authority, read_targets
from firmhold.trust.tuf.trusted_set import TrustedSet
from firmhold.trust.tuf.wire import Envelope


def require_release_role(role: str) -> None:
    """Pass if `role` is one of those that can be drafted and signed at the desk."""
    if role not in DRAFTED:
        listed_in = " and ".join(DRAFTED)
        raise Misuse(Absent(code=Code.RELEASE_NOT_A_ROLE, name=role, listed_in=listed_in))


def trusted_root(desk: Desk, role: str = "root") -> TrustedSet:
    """Return the desk's root, followed version by version from its first one.

    `role` is the name under which it is kept: the Director's has another.
    """
    versions = desk.versions(role)
    if not versions:
        raise Misuse(_fault(role, "no root is here"))
    with _read_here(role):
        trusted = TrustedSet.pin(versions[0][1], FIRMHOLD)
        for _, data in versions[1:]:
            trusted = trusted.accept_root(data)
    return trusted


def require_pinned(desk: Desk, pinned: bytes | None) -> None:
    """Pass if the desk's first root is the one that a person brought, if he brought one.

    Without it the desk's own is believed, and whoever can write there can put a domain of his own
    in its place, with the true holders' public keys in it.
    """
    if pinned is not None and desk.versions("root")[:1] != [(1, pinned)]:
        raise Refused(_fault("root", "not the pinned root"))


def authority_of(desk: Desk, role: str) -> Authority:
    """Return who may sign for `role`, by the word of the root or of properly signed targets."""
    top_level = trusted_root(desk).root.value.authorities
    if role in top_level:
        return top_level[role]
    targets = read_targets(current_metadata(desk, "targets"), FIRMHOLD)
    authority = targets.authority(role, "targets")
    if authority is None:
        raise Misuse(Absent(code=Code.RELEASE_NOT_A_ROLE, name=role, listed_in="targets"))
    return authority


def current_metadata(desk: Desk, role: str) -> Envelope:
    """Return the newest metadata of `role` at the desk, which its authority must have signed."""
    data = desk.current(role)
    if data is None:
        raise Damaged(_fault(role, "no signed metadata are here"))
    with _read_here(role):
        envelope = parse(data, role)
    if not authority_of(desk, role).tally(envelope).met:
        raise Damaged(_fault(role, "not signed by enough of its holders"))
    return envelope


def standing_metadata(desk: Desk, role: str) -> Envelope | None:
    """Return what the next version of `role` builds on; None if it is the first of an authority."""
    if role in DELEGATED and desk.current(role) is None:
        authority_of(desk, role)  # whose targets must delegate to it
        return None
    return current_metadata(desk, role)


@contextmanager
def _read_here(role: str) -> Iterator[None]:
    """Report metadata that cannot be believed as damage of this desk, which keeps them."""
    try:
        yield
    except Refused as error:
        raise Damaged(_fault(role, str(error))) from error


def _fault(role: str, detail: str) -> PlaceFault:
    return PlaceFault(code=Code.RELEASE_DESK, path=f"metadata of {role}", detail=detail)
