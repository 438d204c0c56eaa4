"""Who sits where now, by what stands on the desk."""

from collections.abc import Mapping
from datetime import datetime

from firmhold.release.authorities import standing_metadata, trusted_root
from firmhold.release.ceremony.plan import CeremonyKind, RepositoryName
from firmhold.release.ceremony.propose import kept_as
from firmhold.release.documents import DELEGATED
from firmhold.release.ports import Desk
from firmhold.trust.tuf.dialect import FIRMHOLD
from firmhold.trust.tuf.roles import Authority, read_targets
from firmhold.trust.tuf.root_fields import FreshnessEpoch


def standing(desk: Desk, kind: CeremonyKind, repository: RepositoryName) -> Mapping[str, Authority]:
    """Return the roles that a ceremony of this kind changes, as they stand."""
    if kind is not CeremonyKind.AUTHORITY:
        return trusted_root(desk, kept_as(kind, repository)).root.value.authorities
    if desk.current("targets") is None or (there := standing_metadata(desk, "targets")) is None:
        return {}
    targets = read_targets(there.envelope, FIRMHOLD)
    found = {role: targets.authority(role, "targets") for role in DELEGATED}
    return {role: authority for role, authority in found.items() if authority is not None}


def next_epoch(desk: Desk, repository: RepositoryName, now: datetime) -> FreshnessEpoch:
    """Return the freshness epoch after the one of the desk's root."""
    role = kept_as(CeremonyKind.ONLINE, repository)
    freshness = trusted_root(desk, role).root.value.fields.freshness
    known = 0 if freshness is None else freshness.epoch
    return FreshnessEpoch(known + 1, now.replace(microsecond=0))
