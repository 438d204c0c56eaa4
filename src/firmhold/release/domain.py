"""Step 0, second half: what a staging domain needs beyond the image repository.

The Director is a repository of its own, with a root of its own that the same holders sign; its one
online key stands for its other roles. The trust settings name who may tell the time, who directs
rollouts, who signs media, and the key that the fleet server shows. They are written for people to
review, then drafted with `release settings` and signed by the holders of `targets`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from tuf.api.metadata import Role, Root

from firmhold.pkix.public import Algorithm, public_key_of, spki_sha256
from firmhold.release.documents import add_signature, expiry, holders, public_keys, unsigned
from firmhold.signing.ports import Signer
from firmhold.trust.encoding import JsonObject, JsonValue, pretty_json
from firmhold.trust.settings.reader import FORMAT
from firmhold.trust.shape import written_date
from firmhold.trust.tuf.root_fields import DOMAIN_FIELD, FRESHNESS_FIELD, Domain, FreshnessEpoch

DIRECTOR, FRESHNESS, OPERATOR, GATEWAY = "director", "freshness-1", "operator-1", "gateway"
OFFLINE = ("offline-1", "offline-2", "offline-3")
THRESHOLD = 2
DAY_SECONDS = 86_400
TEN_YEARS = timedelta(days=3650)

MakeKey = Callable[[str], Signer]
"""Makes a key under a name, or opens the one that is there."""


class Keyed(Protocol):
    """A key by its public half: a signer, or a key card."""

    @property
    def entry(self) -> Mapping[str, JsonValue]:
        """The public half as an entry of a key table."""
        ...


KeyOf = Callable[[str], Keyed]
"""Finds the key under a name."""


@dataclass(frozen=True, slots=True)
class Domained:
    """The Director's first root, signed; and trust settings to review."""

    director_root: bytes
    settings: bytes


def make_domain(root_holders: Mapping[str, Signer], key: MakeKey, now: datetime) -> Domained:
    """Make the keys, the Director's root signed by `root_holders`, and first trust settings."""
    root = unsigned(_director_root(root_holders, key(DIRECTOR), now))
    for signer in [*root_holders.values()][:THRESHOLD]:
        root = add_signature(root, "root", signer)
    return Domained(root, pretty_json(first_settings(key, now)))


def _director_root(root_holders: Mapping[str, Signer], director: Signer, now: datetime) -> Root:
    names = {signer.key_id: holder for holder, signer in root_holders.items()}
    names[director.key_id] = DIRECTOR
    own = Role([director.key_id], 1)
    return Root(
        version=1,
        expires=expiry("root", now),
        keys=public_keys([*root_holders.values(), director]),
        roles={
            "root": Role([signer.key_id for signer in root_holders.values()], THRESHOLD),
            **dict.fromkeys(("targets", "snapshot", "timestamp"), own),
        },
        consistent_snapshot=True,
        unrecognized_fields={
            **holders(names),
            DOMAIN_FIELD: Domain.STAGING.value,
            FRESHNESS_FIELD: FreshnessEpoch(1, now).to_json(),
        },
    )


def first_settings(key: KeyOf, now: datetime) -> JsonObject:
    """Return first settings to review: a key for each office, nothing logged, no mirrors."""
    long = written_date((now + TEN_YEARS).replace(microsecond=0))
    return {
        "format": FORMAT,
        "critical": {},
        "server_pins": {"current": [_pin(key(GATEWAY))], "next": []},
        "freshness_keys": [{"epoch": 1, **_appointed(FRESHNESS, key)}],
        "logs": [],
        "witnesses": [],
        "algorithms": {scheme: {"sign_until": long, "accept_until": long} for scheme in Algorithm},
        "ek_roots": [],
        "offline_rules": {"most_days": 30, "groups": False},
        "permitted_time_jump": {"per_boot": 370 * DAY_SECONDS, "total": 3650 * DAY_SECONDS},
        "operators": [{**_appointed(OPERATOR, key), "scope": ["*"], "valid_until": long}],
        "payload_bases": [],
        "offline_update": {"threshold": THRESHOLD, "keys": _listed(OFFLINE, key)},
        "log_policy": "none",
    }


def _listed(names: Sequence[str], key: KeyOf) -> list[JsonValue]:
    return [_appointed(name, key) for name in names]


def _appointed(name: str, key: KeyOf) -> JsonObject:
    return {"holder": name, "key": {**key(name).entry}}


def _pin(key: Keyed) -> str:
    """SHA-256 of the SubjectPublicKeyInfo, as devices compare it before the first byte."""
    return spki_sha256(public_key_of(key.entry)).hex()
