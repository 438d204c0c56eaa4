"""Step 1: from files to a draft. What is drafted is what the holders will sign, to the byte."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tuf.api.metadata import TargetFile, Targets

from firmhold.release.authorities import DELEGATED, authority_of
from firmhold.release.documents import expiry, parse, unsigned
from firmhold.release.ports import Desk
from firmhold.trust.encoding import canonical_json, parse_json
from firmhold.trust.errors import Absent, Code, Misuse, PlaceFault
from firmhold.trust.tuf.wire import MAX_BYTES

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
RESERVED_PRODUCTS = frozenset({"counters"})
"""Products whose paths have a meaning of their own."""


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
    with desk.locked():
        if authority not in DELEGATED:
            raise Misuse(
                Absent(
                    code=Code.RELEASE_NOT_A_ROLE, name=authority, listed_in=" and ".join(DELEGATED)
                )
            )
        authority_of(desk, authority)
        signed = _current(desk, authority)
        names = _target_paths(authority, product, files)
        for path, file in names.items():
            length, sha256 = desk.take_in(file)
            signed.targets[path] = TargetFile(length, {"sha256": sha256}, path)
        signed.version += 1
        signed.expires = expiry(authority, now)
        _put_draft(desk, authority, unsigned(signed))
    return Built(authority, signed.version, tuple(names))


def discard(desk: Desk, role: str) -> None:
    """Throw away the open draft of `role`; the files that it took in stay."""
    with desk.locked():
        if desk.draft(role) is None:
            raise Misuse(Absent(code=Code.RELEASE_NOTHING_TO_SIGN, name=role, listed_in="drafts"))
        desk.drop_draft(role)


def _current(desk: Desk, role: str) -> Targets:
    data = desk.current(role)
    if data is None:
        detail = f"no signed metadata of {role}"
        raise Misuse(PlaceFault(code=Code.RELEASE_DESK, path="metadata", detail=detail))
    return Targets.from_dict(parse(data, role).signed)


def _target_paths(authority: str, product: str, files: Sequence[Path]) -> dict[str, Path]:
    names: dict[str, Path] = {}
    for file in files:
        path = f"{authority}/{_checked(product)}/{_checked(file.name)}"
        if path in names:
            raise _bad_name(file.name, "two files of one name")
        names[path] = file
    return names


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise _bad_name(name, "not a name that every server and file system keeps as it is")
    if name in RESERVED_PRODUCTS:
        raise _bad_name(name, "reserved")
    return name


def _bad_name(name: str, detail: str) -> Misuse:
    return Misuse(PlaceFault(code=Code.RELEASE_TARGET_NAME, path=name, detail=detail))


def _put_draft(desk: Desk, role: str, data: bytes) -> None:
    """Open the draft, or leave it (and its signatures) alone if it says just this already."""
    open_draft = desk.draft(role)
    if open_draft is None:
        desk.put_draft(role, data)
    elif _signed_part(open_draft) != _signed_part(data):
        detail = "it has other content"
        raise Misuse(PlaceFault(code=Code.RELEASE_DRAFT_OPEN, path=role, detail=detail))


def _signed_part(data: bytes) -> bytes:
    document = parse_json(data, max_bytes=MAX_BYTES["targets"])
    return canonical_json(document["signed"] if isinstance(document, dict) else None)
