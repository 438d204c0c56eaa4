"""What lies on the desk: versions, dates and signatures; of each draft, who is missing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from firmhold.release.authorities import authority_of, trusted_root
from firmhold.release.documents import DRAFTED, ROLES, kind_of, parse, version_of
from firmhold.release.ports import Desk
from firmhold.trust.quorum import Tally
from firmhold.trust.tuf.dialect import FIRMHOLD
from firmhold.trust.tuf.roles import read_targets


@dataclass(frozen=True, slots=True)
class Line:
    """One document on the desk."""

    role: str
    state: str
    version: int
    expires: datetime
    tally: Tally
    files: Mapping[str, str]
    """The SHA-256 of each file that the document names, by target path."""


def show(desk: Desk) -> list[Line]:
    """Return a line for every role's newest metadata and for every open draft."""
    trusted_root(desk)
    return [*_lines(desk)]


def _lines(desk: Desk) -> Iterator[Line]:
    for role in ROLES:
        if (data := desk.current(role)) is not None:
            yield _line(desk, role, "signed", data)
    for role in DRAFTED:
        if (data := desk.draft(role)) is not None:
            yield _line(desk, role, "draft", data)


def _line(desk: Desk, role: str, state: str, data: bytes) -> Line:
    envelope = parse(data, role)
    files: dict[str, str] = {}
    if kind_of(role) == "targets":
        named = read_targets(envelope, FIRMHOLD).files
        files = {path: named[path].hashes.get("sha256", "") for path in sorted(named)}
    tally = authority_of(desk, role).tally(envelope)
    return Line(role, state, version_of(envelope), envelope.expires, tally, files)
