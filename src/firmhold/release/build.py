"""Step 1: from files to a draft. What is drafted is what the holders will sign, to the byte."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tuf.api.metadata import TargetFile

from firmhold.release.authorities import require_release_role, standing_metadata
from firmhold.release.compose import compose
from firmhold.release.description import Description
from firmhold.release.documents import DELEGATED, expiry, parse
from firmhold.release.drafts import following, next_version, open_draft
from firmhold.release.entries import check_content, entry_of_release, is_name, is_product
from firmhold.release.ports import Desk
from firmhold.trust.errors import Code, Misuse, Refused
from firmhold.trust.faults import Absent, OverLimit
from firmhold.trust.outer_faults import PlaceFault
from firmhold.trust.settings.trust_settings import SETTINGS_PATH
from firmhold.trust.tuf.wire import MAX_BYTES
from firmhold.update.release import ReleaseClass

_ROOM_FOR_SIGNATURES = 65_536


@dataclass(frozen=True, slots=True)
class Built:
    """What a draft would publish: the role's next version and the paths that it adds."""

    role: str
    version: int
    added: tuple[str, ...]


def build(desk: Desk, authority: str, product: str, files: Sequence[Path], now: datetime) -> Built:
    """Draft the next version of `authority`'s role with `files` under `<authority>/<product>/`.

    The same files at the same moment make the same draft; a draft with other content must be
    published or discarded first. Without files the role is drafted anew with a later expiry.
    """
    _require_authority(authority)
    names = _target_paths(authority, product, files)
    with desk.locked():
        added = {}
        for path, file in names.items():
            length, sha256 = desk.take_in(file)
            added[path] = TargetFile(length, {"sha256": sha256}, path)
        return _draft(desk, authority, added, now)


def build_release(desk: Desk, description: Description, now: datetime) -> tuple[Built, ...]:
    """Draft a described release: under its authority, or under both for class *trust*."""
    if not is_product(description.product):
        raise _bad_name(description.product)
    both = description.release_class == ReleaseClass.TRUST
    roles = DELEGATED if both else (description.release_class,)
    for role in roles:
        _require_authority(role)
    with desk.locked():
        composed = compose(desk, description)
        for data in composed.files:
            desk.take_in_bytes(data)
        release = composed.release
        paths = {role: f"{role}/{release.product}/{release.counter}.json" for role in roles}
        return tuple(
            _draft(desk, role, {path: entry_of_release(path, release)}, now)
            for role, path in paths.items()
        )


def build_document(desk: Desk, path: str, data: bytes, now: datetime) -> Built:
    """Draft trust settings or the security counter of a product."""
    role = path.partition("/")[0] if path != SETTINGS_PATH else "targets"
    with desk.locked():
        length, sha256 = desk.take_in_bytes(data)
        file = TargetFile(length, {"sha256": sha256}, path)
        check_content(desk, role, path, file)
        return _draft(desk, role, {path: file}, now)


def renew(desk: Desk, role: str, now: datetime) -> Built:
    """Draft a role anew with a later expiry and nothing else."""
    require_release_role(role)
    with desk.locked():
        return _draft(desk, role, {}, now)


def _draft(desk: Desk, role: str, added: Mapping[str, TargetFile], now: datetime) -> Built:
    standing = standing_metadata(desk, role)
    current = None if standing is None else standing.envelope
    _put_draft(desk, role, next_version(current, added, expiry(role, now)))
    return Built(role, following(current), tuple(added))


def _require_authority(role: str) -> None:
    if role not in DELEGATED:
        listed_in = " and ".join(DELEGATED)
        raise Misuse(Absent(code=Code.RELEASE_NOT_A_ROLE, name=role, listed_in=listed_in))


def discard(desk: Desk, role: str) -> None:
    """Throw away the open draft of `role`; the files that it took in stay."""
    with desk.locked():
        open_draft(desk, role)
        desk.drop_draft(role)


def _target_paths(authority: str, product: str, files: Sequence[Path]) -> dict[str, Path]:
    names: dict[str, Path] = {}
    if not is_product(product):
        raise _bad_name(product)
    for file in files:
        if not is_name(file.name):
            raise _bad_name(file.name)
        path = f"{authority}/{product}/{file.name}"
        if path in names:
            raise _bad_name(file.name, "two files of one name")
        names[path] = file
    return names


def _bad_name(
    name: str, detail: str = "not a name for all servers and disks, or reserved"
) -> Misuse:
    return Misuse(PlaceFault(code=Code.RELEASE_TARGET_NAME, path=name, detail=detail))


def _put_draft(desk: Desk, role: str, data: bytes) -> None:
    """Open the draft, or leave it (and its signatures) alone if it says just this already."""
    there = desk.draft(role)
    if there is None:
        _require_readable(role, data)
        desk.put_draft(role, data)
    elif parse(there, role).payload != parse(data, role).payload:
        detail = "it has other content"
        raise Misuse(PlaceFault(code=Code.RELEASE_DRAFT_OPEN, path=role, detail=detail))


def _require_readable(role: str, data: bytes) -> None:
    """Pass if every client could read the draft once it is signed."""
    most = MAX_BYTES["targets"] - _ROOM_FOR_SIGNATURES
    if len(data) > most:
        raise Refused(OverLimit(code=Code.ENCODING_TOO_LARGE, what=role, limit=most))
