"""A release desk and a site in memory, on a machine whose power may fail before any write.

Cut it at each of them, one after the other::

    power = SimPower()
    desk, site = SimDesk(power), SimSite(power)
    power.cut_before(3)
    publish(desk, site, online, now)       # raises PowerCut instead of the third write
    power.restore()                        # what was written is there, nothing else
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from firmhold.trust.digest import Expectation
from firmhold.trust.errors import Code, Damaged, Misuse
from firmhold.trust.faults import Absent
from firmhold.trust.outer_faults import PlaceFault


class PowerCut(Exception):
    """The machine stopped; nothing that runs on it may go on."""


class SimPower:
    """Counts durable writes, and fails before one of them."""

    def __init__(self) -> None:
        self.writes = 0
        self._cut_before: int | None = None

    def cut_before(self, write: int) -> None:
        """Count from one again, and fail before the `write`-th write."""
        self.writes, self._cut_before = 0, write

    def restore(self) -> None:
        """Let the power stay on from now."""
        self._cut_before = None

    def spend(self) -> None:
        """Account for a write that is about to happen."""
        self.writes += 1
        if self.writes == self._cut_before:
            raise PowerCut


class SimDesk:
    """A desk's memory as dictionaries, open for a hostile hand."""

    def __init__(self, power: SimPower | None = None) -> None:
        self.metadata: dict[tuple[str, int], bytes] = {}
        self.open_drafts: dict[str, bytes] = {}
        self.files: dict[str, bytes] = {}
        self._power = power or SimPower()
        self._made = self._held = False

    def make(self) -> None:
        """Make the desk."""
        self._made = True

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the desk; a second step that wants it is told to come back."""
        if not self._made or self._held:
            detail = "another command is working on it" if self._held else "no such folder"
            raise Misuse(PlaceFault(code=Code.RELEASE_DESK, path="", detail=detail))
        self._held = True
        try:
            yield
        finally:
            self._held = False

    def current(self, role: str) -> bytes | None:
        """Return the newest signed metadata of `role`."""
        versions = self.versions(role)
        return versions[-1][1] if versions else None

    def versions(self, role: str) -> Sequence[tuple[int, bytes]]:
        """Return every signed version of `role`, oldest first."""
        return sorted(
            (number, data) for (name, number), data in self.metadata.items() if name == role
        )

    def keep(self, role: str, version: int, data: bytes) -> None:
        """Store a version of signed metadata; another one of its number stays."""
        there = self.metadata.get((role, version))
        if there not in {None, data}:
            detail = "another document has this version"
            raise Damaged(PlaceFault(code=Code.RELEASE_DESK, path=role, detail=detail))
        self._power.spend()
        self.metadata[role, version] = data

    def draft(self, role: str) -> bytes | None:
        """Return the open draft of `role`."""
        return self.open_drafts.get(role)

    def put_draft(self, role: str, data: bytes) -> None:
        """Store the open draft of `role`."""
        self._power.spend()
        self.open_drafts[role] = data

    def drop_draft(self, role: str) -> None:
        """Remove the open draft of `role`, if there is one."""
        self._power.spend()
        self.open_drafts.pop(role, None)

    def take_in(self, source: Path) -> tuple[int, str]:
        """Take a file into memory."""
        if not source.is_file():
            name = f"{source} (not a file)"
            raise Misuse(Absent(code=Code.RELEASE_NO_SUCH_FILE, name=name, listed_in="arguments"))
        data = source.read_bytes()
        sha256 = hashlib.sha256(data).hexdigest()
        self._power.spend()
        self.files[sha256] = data
        return len(data), sha256

    def take_in_bytes(self, data: bytes) -> tuple[int, str]:
        """Store bytes under their digest."""
        sha256 = hashlib.sha256(data).hexdigest()
        if sha256 not in self.files:
            self._power.spend()
            self.files[sha256] = data
        return len(data), sha256

    def has(self, sha256: str) -> bool:
        """Tell whether a file has this digest."""
        return sha256 in self.files

    def file(self, sha256: str) -> BinaryIO:
        """Open the file with this digest."""
        if sha256 not in self.files:
            detail = "the file was not taken in here"
            raise Damaged(PlaceFault(code=Code.RELEASE_DESK, path=sha256, detail=detail))
        return BytesIO(self.files[sha256])


class SimSite:
    """What a static server would serve, as a dictionary by path."""

    def __init__(self, power: SimPower | None = None) -> None:
        self.served: dict[str, bytes] = {}
        self._power = power or SimPower()

    def get(self, path: str) -> bytes | None:
        """Return the metadata that stand under `path`."""
        return self.served.get(path)

    def put(self, path: str, data: bytes) -> None:
        """Store `data` under a name that never changes its content."""
        if self.served.get(path) not in {None, data}:
            detail = "another repository is here"
            raise Misuse(PlaceFault(code=Code.RELEASE_SITE_TAKEN, path=path, detail=detail))
        self.replace(path, data)

    def has_file(self, path: str, expectation: Expectation) -> bool:
        """Tell whether a file of that length stands there."""
        return path in self.served and len(self.served[path]) == expectation.length

    def put_file(self, path: str, source: BinaryIO, expectation: Expectation) -> None:
        """Store a large file."""
        data = source.read()
        expectation.check(data)
        self.replace(path, data)

    def replace(self, path: str, data: bytes) -> None:
        """Replace what stands under `path`."""
        self._power.spend()
        self.served[path] = data
