"""The Director's targets for one device, signed: from what a plan says, and from nothing else.

No version goes back: where the server came back from an older backup, a device reports the version
that it has seen, and the next one is above it. Targets, snapshot and timestamp of a device are made
together and carry the same version.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from tuf.api.metadata import MetaFile, Signed, Snapshot, TargetFile, Targets, Timestamp

from firmhold.signing.ports import Signer
from firmhold.trust.device_id import DeviceId
from firmhold.trust.encoding import JsonObject, JsonValue, canonical_json
from firmhold.trust.tuf.roles import Target
from firmhold.trust.tuf.trusted_set import SNAPSHOT, TARGETS, TIMESTAMP
from firmhold.trust.tuf.wire import metadata_file
from firmhold.trust.uptane.component import ComponentId, HardwareId
from firmhold.trust.verified import Verified

LIFETIMES = {
    TARGETS: timedelta(days=30),
    SNAPSHOT: timedelta(days=30),
    TIMESTAMP: timedelta(days=7),
}


@dataclass(frozen=True, slots=True)
class Directed:
    """What is meant for a device: a release manifest of the image repository, for its parts."""

    target: Verified[Target]
    components: Mapping[ComponentId, HardwareId]
    hints: Mapping[str, str]
    """`revert` and `patched`, where the release needs them."""


@dataclass(frozen=True, slots=True)
class Word:
    """The Director's metadata for one device."""

    version: int
    files: Mapping[str, bytes]
    """By the names under which a client asks for them."""


def word_for(
    device: DeviceId, directed: Directed | None, signer: Signer, seen: int, now: datetime
) -> Word:
    """Sign what is meant for `device`; `seen` is the highest version known of its word, or 0."""
    version = seen + 1
    files = {} if directed is None else {directed.target.value.path: _entry(device, directed)}
    targets = _signed(Targets(version, expires=_expiry(TARGETS, now), targets=files), signer)
    meta = {metadata_file(TARGETS): _named(version, targets)}
    snapshot = _signed(Snapshot(version, expires=_expiry(SNAPSHOT, now), meta=meta), signer)
    newest = _named(version, snapshot)
    timestamp = Timestamp(version, expires=_expiry(TIMESTAMP, now), snapshot_meta=newest)
    return Word(
        version,
        {
            metadata_file(TARGETS, version): targets,
            metadata_file(SNAPSHOT, version): snapshot,
            metadata_file(TIMESTAMP): _signed(timestamp, signer),
        },
    )


def _entry(device: DeviceId, directed: Directed) -> TargetFile:
    expectation = directed.target.value.expectation
    components: JsonObject = {
        component: {"hardwareId": hardware, "device": device, **directed.hints}
        for component, hardware in directed.components.items()
    }
    return TargetFile(
        expectation.length or 0,
        dict(expectation.digests),
        expectation.what,
        {"custom": {"ecuIdentifiers": components}},
    )


def _expiry(role: str, now: datetime) -> datetime:
    return now.replace(microsecond=0) + LIFETIMES[role]


def _named(version: int, data: bytes) -> MetaFile:
    return MetaFile.from_data(version, data, ["sha256"])


def _signed(signed: Signed, signer: Signer) -> bytes:
    words: JsonObject = signed.to_dict()
    signature: JsonValue = {
        "keyid": str(signer.key_id),
        "sig": signer.sign(canonical_json(words)),
    }
    return canonical_json({"signatures": [signature], "signed": words})
