"""Step 7: what enough holders have signed goes out, and goes out at one stroke.

Order: the desk remembers, then files that never change their names are laid out, then
`timestamp.json` is replaced. A client that reads in between sees the old repository whole; a power
cut in between is mended by publishing again. Nothing is changed anywhere before everything was
judged: each draft as its holders judge it, the whole as devices would that saw it last.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from tuf.api.metadata import MetaFile, Snapshot, Timestamp

from firmhold.release.authorities import (
    authority_of,
    current_metadata,
    require_pinned,
    standing_metadata,
    trusted_root,
)
from firmhold.release.documents import (
    DELEGATED,
    DRAFTED,
    add_signature,
    expectation_of,
    expiry,
    normal_form,
    parse,
    unsigned,
    version_of,
)
from firmhold.release.drafts import check_draft
from firmhold.release.entries import manifest, named_files
from firmhold.release.ports import Desk, Site
from firmhold.signing.ports import Signer
from firmhold.trust.digest import Expectation
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.outer_faults import PlaceFault
from firmhold.trust.quorum import Tally
from firmhold.trust.tuf.trusted_set import SNAPSHOT, TIMESTAMP, TrustedSet
from firmhold.trust.tuf.wire import metadata_file, target_url_path
from firmhold.update.release import Release

TARGETS_ROLES = ("targets", *DELEGATED)


@dataclass(frozen=True, slots=True)
class Published:
    """What went out: role versions; drafts that stay behind for want of signatures."""

    versions: Mapping[str, int]
    waiting: Mapping[str, Tally]


def publish(
    desk: Desk,
    site: Site,
    online: Mapping[str, Signer],
    now: datetime,
    *,
    pinned: bytes | None = None,
) -> Published:
    """Promote every draft whose quorum is met, and publish the whole with a new timestamp.

    Before anything leaves the desk it is judged as a device would judge it (`TrustedSet`). `pinned`
    is the domain's first root from a safe place, as for `sign`.
    """
    with desk.locked():
        require_pinned(desk, pinned)
        root = trusted_root(desk)
        _require_own_site(desk, site)
        drafts, waiting = _drafts(desk, now)
        release = {
            role: drafts.get(role) or normal_form(current_metadata(desk, role))
            for role in TARGETS_ROLES
        }
        release[SNAPSHOT] = _next_snapshot(desk, release, online[SNAPSHOT], now)
        release[TIMESTAMP] = _next_timestamp(desk, release, online[TIMESTAMP], now)
        trusted = _as_devices(root, desk, site, release, now)
        _require_nothing_said_twice(site, release)
        _remember(desk, drafts, release)
        _lay_out(desk, site, release, trusted)
        site.replace(_place(TIMESTAMP), release[TIMESTAMP])
    versions = {role: _version(role, data) for role, data in release.items()}
    return Published({"root": trusted.root.value.version} | versions, waiting)


def _require_own_site(desk: Desk, site: Site) -> None:
    """Pass if the site is empty or begins with this desk's own first root."""
    version, root = desk.versions("root")[0]
    theirs = site.get(_place("root", version))
    if theirs != root and not (theirs is None and site.get(_place(TIMESTAMP)) is None):
        fault = PlaceFault(
            code=Code.RELEASE_SITE_TAKEN,
            path=_place("root", version),
            detail="another repository is here",
        )
        raise Misuse(fault)


def _require_nothing_said_twice(site: Site, release: Mapping[str, bytes]) -> None:
    """Pass if no version that is about to go out stands on the site with other content.

    It does where somebody took signed versions away from the desk: two holders would then sign one
    version a second time, and what the first one named would vanish without a version going back.
    """
    for role in (*TARGETS_ROLES, SNAPSHOT):
        place = _place(role, _version(role, release[role]))
        if site.get(place) not in {None, release[role]}:
            detail = (
                "this version stands there with other content: the desk has lost some of its own"
            )
            raise Misuse(PlaceFault(code=Code.RELEASE_SITE_TAKEN, path=place, detail=detail))


def _drafts(desk: Desk, now: datetime) -> tuple[dict[str, bytes], dict[str, Tally]]:
    """The drafts whose quorum is met, judged once more, and the tallies of the others."""
    met: dict[str, bytes] = {}
    waiting: dict[str, Tally] = {}
    for role in DRAFTED:
        if (data := desk.draft(role)) is None:
            continue
        draft = parse(data, role)
        tally = authority_of(desk, role).tally(draft)
        if not tally.met:
            waiting[role] = tally
            continue
        met[role] = normal_form(draft)
        if met[role] != desk.current(role):  # equal: a power cut came between keep and drop
            check_draft(desk, role, draft, now)
    return met, waiting


def _next_snapshot(
    desk: Desk, release: Mapping[str, bytes], signer: Signer, now: datetime
) -> bytes:
    meta = {metadata_file(role): _metafile(role, release[role]) for role in TARGETS_ROLES}
    version = _next_number(desk, SNAPSHOT)
    snapshot = Snapshot(version=version, expires=expiry(SNAPSHOT, now), meta=meta)
    return add_signature(unsigned(snapshot), SNAPSHOT, signer)


def _next_timestamp(
    desk: Desk, release: Mapping[str, bytes], signer: Signer, now: datetime
) -> bytes:
    meta = _metafile(SNAPSHOT, release[SNAPSHOT])
    version = _next_number(desk, TIMESTAMP)
    timestamp = Timestamp(version=version, expires=expiry(TIMESTAMP, now), snapshot_meta=meta)
    return add_signature(unsigned(timestamp), TIMESTAMP, signer)


def _metafile(role: str, data: bytes) -> MetaFile:
    return MetaFile.from_data(_version(role, data), data, ["sha256"])


def _next_number(desk: Desk, role: str) -> int:
    """The version after the newest, also where a key signed that one which has been taken out."""
    known = None if desk.current(role) is None else standing_metadata(desk, role)
    return 1 if known is None else version_of(known.envelope) + 1


def _as_devices(
    root: TrustedSet, desk: Desk, site: Site, release: Mapping[str, bytes], now: datetime
) -> TrustedSet:
    """Judge the whole as a device that has seen all that this desk, or the site, has to show.

    The two differ where a desk came back from an old backup: what it would publish is then refused
    as a rollback, before it spoils the site.
    """
    _as_a_device(root.restore(*_shown_by(root, site)), release, now)
    seen = desk.current(TIMESTAMP), desk.current(SNAPSHOT)
    return _as_a_device(root.restore(*seen), release, now)


def _as_a_device(trusted: TrustedSet, release: Mapping[str, bytes], now: datetime) -> TrustedSet:
    trusted = trusted.accept_timestamp(release[TIMESTAMP], now)
    trusted = trusted.accept_snapshot(release[SNAPSHOT], now)
    trusted = trusted.accept_targets(release["targets"], now)
    for role in DELEGATED:
        trusted = trusted.accept_delegated(release[role], role, "targets", now)
    return trusted


def _shown_by(root: TrustedSet, site: Site) -> Iterator[bytes | None]:
    """Yield the timestamp that the site shows, and the snapshot that this names."""
    timestamp = site.get(_place(TIMESTAMP))
    yield timestamp
    shown = root.restore(timestamp, None).remembered.timestamp
    yield None if shown is None else site.get(_place(SNAPSHOT, shown.value.snapshot.version))


def _remember(desk: Desk, drafts: Mapping[str, bytes], release: Mapping[str, bytes]) -> None:
    for role in (*drafts, SNAPSHOT, TIMESTAMP):
        desk.keep(role, _version(role, release[role]), release[role])
        desk.drop_draft(role)


def _lay_out(desk: Desk, site: Site, release: Mapping[str, bytes], trusted: TrustedSet) -> None:
    for delegated in trusted.targets.values():
        for path, file in delegated.document.value.files.items():
            if "custom" in file.unrecognized_fields:
                _lay_out_release(desk, site, manifest(desk, file))
            expectation = expectation_of(path, file)
            _put(
                desk, site, f"targets/{target_url_path(expectation, consistent=True)}", expectation
            )
    for role in (*TARGETS_ROLES, SNAPSHOT):
        site.put(_place(role, _version(role, release[role])), release[role])
    for version, data in desk.versions("root"):
        site.put(_place("root", version), data)


def _lay_out_release(desk: Desk, site: Site, release: Release) -> None:
    """Lay out by content what a release names; what stands there was measured before."""
    for payload in named_files(desk, release):
        _put(desk, site, f"payloads/{payload.sha256}", payload.expectation)


def _put(desk: Desk, site: Site, place: str, expectation: Expectation) -> None:
    if not site.has_file(place, expectation):
        with desk.file(expectation.digests.get("sha256", "")) as source:
            site.put_file(place, source, expectation)


def _place(role: str, version: int | None = None) -> str:
    return f"metadata/{metadata_file(role, version)}"


def _version(role: str, data: bytes) -> int:
    return version_of(parse(data, role))
