"""What goes onto a medium for devices without a network: a part of the repository, and an order.

The *order* plays Director on the medium (`trust.uptane.offline`): it names a release manifest of
the image repository for named devices, until a day. The holders of offline-update keys sign it; who
they are and how many must sign the trust settings say, and every device checks.

Beside it lie the metadata as they were published last, the manifest with the small documents that
it is judged by, and every file that it names.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tuf.api.metadata import TargetFile

from firmhold.release.authorities import current_metadata
from firmhold.release.documents import DELEGATED, expectation_of, version_of
from firmhold.release.entries import counter_path, manifest, named_files
from firmhold.release.ports import Desk, Site
from firmhold.signing.ports import Signer
from firmhold.trust.digest import Expectation
from firmhold.trust.document import document_bytes
from firmhold.trust.encoding import JsonObject, JsonValue, canonical_json
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.faults import Absent
from firmhold.trust.settings.trust_settings import SETTINGS_PATH
from firmhold.trust.shape import written_date
from firmhold.trust.tuf.dialect import FIRMHOLD
from firmhold.trust.tuf.roles import read_targets
from firmhold.trust.tuf.trusted_set import ROOT, SNAPSHOT, TARGETS, TIMESTAMP
from firmhold.trust.tuf.wire import metadata_file, target_url_path
from firmhold.trust.uptane.offline import TAG
from firmhold.update.release import Release, ReleaseClass

ORDER = "order.json"


@dataclass(frozen=True, slots=True)
class Order:
    """Which release is meant for whom, and for how long."""

    path: str
    """The target path of the release manifest."""
    devices: tuple[str, ...]
    days: int


def bundle(
    desk: Desk, medium: Site, order: Order, signers: Sequence[Signer], now: datetime
) -> Release:
    """Lay a published release and its order out on `medium`; return the release."""
    with desk.locked():
        named = {role: _files(desk, role) for role in (TARGETS, *DELEGATED)}
        release = manifest(desk, _named(named, order.path))
        for path in _paths(named, order.path, release):
            file = _named(named, path)
            expectation = expectation_of(path, file)
            place = f"targets/{target_url_path(expectation, consistent=True)}"
            _put(desk, medium, place, expectation)
        for payload in named_files(desk, release):
            _put(desk, medium, f"payloads/{payload.sha256}", payload.expectation)
        _put_metadata(desk, medium)
        medium.replace(ORDER, _signed(_order(order, release, named, now), signers))
    return release


def _files(desk: Desk, role: str) -> dict[str, TargetFile]:
    return dict(read_targets(current_metadata(desk, role), FIRMHOLD).files)


def _named(named: dict[str, dict[str, TargetFile]], path: str) -> TargetFile:
    """Return the entry of a path, by whichever role names it."""
    for files in named.values():
        if path in files:
            return files[path]
    raise Misuse(Absent(code=Code.RELEASE_NO_SUCH_RELEASE, name=path, listed_in="the repository"))


def _paths(named: dict[str, dict[str, TargetFile]], path: str, release: Release) -> Iterator[str]:
    """Yield the paths of everything that a device asks for when it judges the release."""
    yield path
    yield SETTINGS_PATH
    yield counter_path(release.product)
    if release.release_class is ReleaseClass.TRUST:
        authority, _, rest = path.partition("/")
        yield f"{'security' if authority == 'feature' else 'feature'}/{rest}"
    if (patched := _patched(named, release)) is not None:
        yield patched


def _patched(named: dict[str, dict[str, TargetFile]], release: Release) -> str | None:
    """Return the path of the manifest that a security release patches."""
    if release.patches is None:
        return None
    digest = release.patches.hex()
    paths = (
        path
        for files in named.values()
        for path, file in files.items()
        if file.hashes.get("sha256") == digest
    )
    return next(paths, None)


def _put_metadata(desk: Desk, medium: Site) -> None:
    """Lay out every root, and of all other roles what was published last."""
    for version, data in desk.versions(ROOT):
        medium.put(f"metadata/{metadata_file(ROOT, version)}", data)
    for role in (TARGETS, *DELEGATED, SNAPSHOT):
        version = version_of(current_metadata(desk, role))
        medium.put(f"metadata/{metadata_file(role, version)}", desk.current(role) or b"")
    timestamp = desk.current(TIMESTAMP)
    if timestamp is None:
        code, listed_in = Code.RELEASE_NO_SUCH_RELEASE, "the desk"
        raise Misuse(Absent(code=code, name=TIMESTAMP, listed_in=listed_in))
    medium.replace(f"metadata/{metadata_file(TIMESTAMP)}", timestamp)


def _order(
    order: Order, release: Release, named: dict[str, dict[str, TargetFile]], now: datetime
) -> JsonObject:
    """The order's words; its version is the moment, so that orders go forward by themselves."""
    file, issued = _named(named, order.path), now.replace(microsecond=0)
    patched = _patched(named, release)
    hints: JsonObject = {} if patched is None else {"patched": patched}
    components: JsonObject = {
        part.component: {"hardwareId": part.hardware[0].model, **hints}
        for part in release.components
    }
    hashes: JsonObject = {**file.hashes}
    target: JsonObject = {
        "length": file.length,
        "hashes": hashes,
        "custom": {"ecuIdentifiers": components},
    }
    devices: list[JsonValue] = [*order.devices]
    return {
        "tag": TAG,
        "version": int(issued.timestamp()),
        "issued_at": written_date(issued),
        "expires": written_date(issued + timedelta(days=order.days)),
        "devices": devices,
        "groups": [],
        "targets": {order.path: target},
    }


def _signed(signed: JsonObject, signers: Sequence[Signer]) -> bytes:
    payload = canonical_json(signed)
    return document_bytes(signed, [(each.key_id, each.sign(payload)) for each in signers])


def _put(desk: Desk, medium: Site, place: str, expectation: Expectation) -> None:
    if not medium.has_file(place, expectation):
        with desk.file(expectation.digests.get("sha256", "")) as source:
            medium.put_file(place, source, expectation)
