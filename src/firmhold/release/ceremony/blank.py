"""What the first version of a delegator begins with: roles without seats, which a plan fills."""

from firmhold.release.documents import DELEGATED
from firmhold.trust.encoding import JsonObject, JsonValue
from firmhold.trust.tuf.dialect import HOLDERS_FIELD
from firmhold.trust.tuf.root_fields import DOMAIN_FIELD, FRESHNESS_FIELD, Domain, FreshnessEpoch
from firmhold.trust.tuf.schema import TOP_LEVEL

SPEC_VERSION = "1.0.31"
"""What the library that reads our metadata knows; the client workflow is that of 1.0.34."""

OFFLINE_THRESHOLD, ONLINE_THRESHOLD = 2, 1
ONLINE = {"image": ("snapshot", "timestamp"), "director": ("targets", "snapshot", "timestamp")}
"""The roles of a repository whose key a machine holds."""


def blank_root(repository: str, domain: Domain, freshness: FreshnessEpoch) -> JsonObject:
    """Return a root of which nobody may sign anything yet."""
    online = ONLINE[repository]
    roles: JsonObject = {
        role: {
            "keyids": [],
            "threshold": ONLINE_THRESHOLD if role in online else OFFLINE_THRESHOLD,
        }
        for role in sorted(TOP_LEVEL)
    }
    return {
        "_type": "root",
        "spec_version": SPEC_VERSION,
        "version": 0,
        "expires": "",
        "consistent_snapshot": True,
        "keys": {},
        "roles": roles,
        HOLDERS_FIELD: {},
        DOMAIN_FIELD: domain.value,
        FRESHNESS_FIELD: freshness.to_json(),
    }


def blank_targets() -> JsonObject:
    """Return top-level targets that delegate to two authorities without seats."""
    roles: list[JsonValue] = [
        {
            "name": role,
            "keyids": [],
            "threshold": OFFLINE_THRESHOLD,
            "terminating": True,
            "paths": [f"{role}/*/*"],
        }
        for role in DELEGATED
    ]
    return {
        "_type": "targets",
        "spec_version": SPEC_VERSION,
        "version": 0,
        "expires": "",
        "targets": {},
        "delegations": {"keys": {}, "roles": roles},
        HOLDERS_FIELD: {},
    }
