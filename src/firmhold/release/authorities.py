"""Who may sign for a role at this desk, read from the desk's own signed metadata each time."""

from firmhold.release.documents import parse
from firmhold.release.ports import Desk
from firmhold.trust.errors import Absent, Code, Misuse, PlaceFault
from firmhold.trust.tuf.dialect import FIRMHOLD
from firmhold.trust.tuf.roles import Authority, read_targets
from firmhold.trust.tuf.trusted_set import TrustedSet

DELEGATED = ("feature", "security")
"""The two release authorities; neither can sign for the other."""


def trusted_root(desk: Desk) -> TrustedSet:
    """Return the desk's root, followed version by version from its first one."""
    versions = desk.versions("root")
    if not versions:
        fault = PlaceFault(code=Code.RELEASE_DESK, path="metadata", detail="no root is here")
        raise Misuse(fault)
    trusted = TrustedSet.pin(versions[0][1], FIRMHOLD)
    for _, data in versions[1:]:
        trusted = trusted.accept_root(data)
    return trusted


def authority_of(desk: Desk, role: str) -> Authority:
    """Return who may sign for `role`, by the word of the root or of properly signed targets."""
    top_level = trusted_root(desk).root.value.authorities
    if role in top_level:
        return top_level[role]
    data = desk.current("targets")
    envelope = parse(data, "targets") if data is not None else None
    authority = None
    if envelope is not None and top_level["targets"].tally(envelope).met:
        authority = read_targets(envelope, FIRMHOLD).authority(role, "targets")
    if authority is None:
        raise Misuse(Absent(code=Code.RELEASE_NOT_A_ROLE, name=role, listed_in="targets"))
    return authority
