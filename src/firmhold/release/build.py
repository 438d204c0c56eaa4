"""Step 1: from files to a draft. What is drafted is what the holders will sign, to the byte."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tuf.api.metadata import TargetFile

from firmhold.release.authorities import current_metadata, require_release_role
from firmhold.release.documents import expiry, parse, version_of
from firmhold.release.drafts import is_name, is_product, next_version, open_draft
from firmhold.release.ports import Desk
from firmhold.trust.errors import Code, Misuse, Refused
from firmhold.trust.faults import OverLimit, PlaceFault
from firmhold.trust.tuf.wire import MAX_BYTES

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
    require_release_role(authority)
    names = _target_paths(authority, product, files)
    with desk.locked():
        current = current_metadata(desk, authority)
        added = {}
        for path, file in names.items():
            length, sha256 = desk.take_in(file)
            added[path] = TargetFile(length, {"sha256": sha256}, path)
        draft = next_version(current, added, expiry(authority, now))
        _put_draft(desk, authority, draft)
    return Built(authority, version_of(current) + 1, tuple(names))


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
