"""Step 7: what enough holders have signed goes out, and goes out at one stroke.

Order: the desk remembers, then files that never change their names are laid out, then
`timestamp.json` is replaced. A client that reads in between sees the old repository whole; a power
cut in between is mended by publishing again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tuf.api.metadata import MetaFile, Snapshot, Timestamp

from firmhold.release.authorities import DELEGATED, authority_of, trusted_root
from firmhold.release.documents import add_signature, expiry, parse, unsigned
from firmhold.release.ports import Desk, Site
from firmhold.signing.ports import Signer
from firmhold.trust.errors import Absent, Code, Misuse
from firmhold.trust.quorum import Tally
from firmhold.trust.tuf.roles import Targets
from firmhold.trust.tuf.trusted_set import TrustedSet
from firmhold.trust.tuf.wire import metadata_file, target_url_path

TARGETS_ROLES = ("targets", *DELEGATED)


@dataclass(frozen=True, slots=True)
class Published:
    """What went out: role versions; drafts that stay behind for want of signatures."""

    versions: Mapping[str, int]
    waiting: Mapping[str, Tally]


def publish(desk: Desk, site: Site, online: Mapping[str, Signer], now: datetime) -> Published:
    """Promote every draft whose quorum is met, and publish the whole with a new timestamp.

    Before anything leaves the desk it is judged as a device would judge it (`TrustedSet`).
    """
    with desk.locked():
        waiting = _promote(desk)
        snapshot = _next_snapshot(desk, online["snapshot"], now)
        timestamp = _next_timestamp(desk, online["timestamp"], snapshot, now)
        trusted = _as_a_device(desk, snapshot, timestamp, now)
        desk.keep("snapshot", _version(snapshot, "snapshot"), snapshot)
        desk.keep("timestamp", _version(timestamp, "timestamp"), timestamp)
        _lay_out(desk, site, trusted)
        site.replace(f"metadata/{metadata_file('timestamp')}", timestamp)
    versions = {role: _version(_current(desk, role), role) for role in desk.roles()}
    return Published(versions, waiting)


def _promote(desk: Desk) -> dict[str, Tally]:
    waiting: dict[str, Tally] = {}
    for role in desk.drafts():
        data = desk.draft(role)
        if data is None:
            continue
        envelope = parse(data, role)
        tally = authority_of(desk, role).tally(envelope)
        if not tally.met:
            waiting[role] = tally
            continue
        desk.keep(role, _version(data, role), data)
        desk.drop_draft(role)
    return waiting


def _next_snapshot(desk: Desk, signer: Signer, now: datetime) -> bytes:
    meta = {}
    for role in TARGETS_ROLES:
        data = _current(desk, role)
        meta[metadata_file(role)] = MetaFile.from_data(_version(data, role), data, ["sha256"])
    version = _next_version(desk, "snapshot")
    snapshot = Snapshot(version=version, expires=expiry("snapshot", now), meta=meta)
    return add_signature(unsigned(snapshot), "snapshot", signer)


def _next_timestamp(desk: Desk, signer: Signer, snapshot: bytes, now: datetime) -> bytes:
    meta = MetaFile.from_data(_version(snapshot, "snapshot"), snapshot, ["sha256"])
    version = _next_version(desk, "timestamp")
    timestamp = Timestamp(version=version, expires=expiry("timestamp", now), snapshot_meta=meta)
    return add_signature(unsigned(timestamp), "timestamp", signer)


def _as_a_device(desk: Desk, snapshot: bytes, timestamp: bytes, now: datetime) -> TrustedSet:
    """Judge the whole as a device that has seen everything published so far."""
    trusted = trusted_root(desk).restore(desk.current("timestamp"), desk.current("snapshot"))
    trusted = trusted.accept_timestamp(timestamp, now).accept_snapshot(snapshot, now)
    trusted = trusted.accept_targets(_current(desk, "targets"), now)
    for role in DELEGATED:
        trusted = trusted.accept_delegated(_current(desk, role), role, "targets", now)
    return trusted


def _lay_out(desk: Desk, site: Site, trusted: TrustedSet) -> None:
    for role, delegated in trusted.targets.items():
        _lay_out_files(desk, site, role, delegated.document.value)
    for role in ("root", *TARGETS_ROLES, "snapshot"):
        for version, data in desk.versions(role):
            site.put(f"metadata/{metadata_file(role, version)}", data)


def _lay_out_files(desk: Desk, site: Site, role: str, document: Targets) -> None:
    for path in document.files:
        target = document.target(path, role)
        if target is not None:
            expectation = target.expectation
            place = f"targets/{target_url_path(expectation, consistent=True)}"
            site.put_file(place, desk.file(expectation.digests["sha256"]), expectation)


def _current(desk: Desk, role: str) -> bytes:
    data = desk.current(role)
    if data is None:
        raise Misuse(Absent(code=Code.RELEASE_NOTHING_TO_SIGN, name=role, listed_in="metadata"))
    return data


def _version(data: bytes, role: str) -> int:
    version = parse(data, role).signed["version"]
    return version if isinstance(version, int) else 0


def _next_version(desk: Desk, role: str) -> int:
    data = desk.current(role)
    return 1 if data is None else _version(data, role) + 1
