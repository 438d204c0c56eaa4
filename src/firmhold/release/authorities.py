"""Who may sign for a role at this desk, read from the desk's own signed metadata each time.

Whoever can write to the desk's folder can put anything there. So nothing of it is believed before
the signatures of its authority are counted, up to the desk's first root.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

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
    targets = read_targets(_delegator(desk), FIRMHOLD)
    authority = targets.authority(role, "targets")
    if authority is None:
        raise Misuse(Absent(code=Code.RELEASE_NOT_A_ROLE, name=role, listed_in="targets"))
    return authority


def current_metadata(desk: Desk, role: str) -> Envelope:
    """Return the newest metadata of `role` at the desk, which its authority must have signed."""
    envelope = _newest(desk, role)
    if not authority_of(desk, role).tally(envelope).met:
        raise Damaged(_fault(role, "not signed by enough of its holders"))
    return envelope


@dataclass(frozen=True, slots=True)
class Standing:
    """What the next version of a role builds on."""

    envelope: Envelope
    vouched: bool
    """Those who may sign for the role now have signed it. If not, others had the say then, and
    whoever signs the next version vouches for all of it."""


def standing_metadata(desk: Desk, role: str) -> Standing | None:
    """Return what the next version of `role` builds on; None if it is the first of an authority.

    Raises `Damaged` for metadata that nobody was ever entitled to sign.
    """
    if role in DELEGATED and desk.current(role) is None:
        authority_of(desk, role)  # whose targets must delegate to it
        return None
    envelope = _newest(desk, role)
    if authority_of(desk, role).tally(envelope).met:
        return Standing(envelope, vouched=True)
    if not any(each.tally(envelope).met for each in _authorities_of_before(desk, role)):
        raise Damaged(_fault(role, "not signed by enough of its holders"))
    return Standing(envelope, vouched=False)


def _newest(desk: Desk, role: str) -> Envelope:
    data = desk.current(role)
    if data is None:
        raise Damaged(_fault(role, "no signed metadata are here"))
    with _read_here(role):
        return parse(data, role)


def _delegator(desk: Desk) -> Envelope:
    """The targets that say who the authorities are: the newest, or a draft that replaces them.

    Where a holder of targets was dismissed, the newest may have too few signatures until the draft
    that mends it is published.
    """
    newest, authority = _newest(desk, "targets"), authority_of(desk, "targets")
    if authority.tally(newest).met:
        return newest
    draft = desk.draft("targets")
    if draft is not None:
        with _read_here("targets"):
            envelope = parse(draft, "targets")
        if authority.tally(envelope).met:
            return envelope
    raise Damaged(_fault("targets", "not signed by enough of its holders"))


def _authorities_of_before(desk: Desk, role: str) -> Iterator[Authority]:
    """Yield who had the say for a role under each delegator that the desk has kept.

    Every root of the chain was signed by its own holders; targets count if they were, then.
    """
    roots = desk.versions("root")
    with _read_here("root"):
        trusted = TrustedSet.pin(roots[0][1], FIRMHOLD)
        chain = [trusted.root.value]
        for _, data in roots[1:]:
            trusted = trusted.accept_root(data)
            chain.append(trusted.root.value)
    if role not in DELEGATED:
        yield from (root.authorities[role] for root in chain)
        return
    for _, data in desk.versions("targets"):
        with _read_here("targets"):
            envelope = parse(data, "targets")
        if any(root.authorities["targets"].tally(envelope).met for root in chain):
            authority = read_targets(envelope, FIRMHOLD).authority(role, "targets")
            if authority is not None:
                yield authority


@contextmanager
def _read_here(role: str) -> Iterator[None]:
    """Report metadata that cannot be believed as damage of this desk, which keeps them."""
    try:
        yield
    except Refused as error:
        raise Damaged(_fault(role, str(error))) from error


def _fault(role: str, detail: str) -> PlaceFault:
    return PlaceFault(code=Code.RELEASE_DESK, path=f"metadata of {role}", detail=detail)
