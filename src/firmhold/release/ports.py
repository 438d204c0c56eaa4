"""What the release desk needs of the outside world."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from firmhold.trust.digest import Expectation


class Desk(Protocol):
    """The desk's own memory: signed metadata, open drafts, files that were taken in."""

    def locked(self) -> AbstractContextManager[None]:
        """Keep others out while a step changes the desk."""
        ...

    def roles(self) -> Sequence[str]:
        """Return the roles that have signed metadata, sorted."""
        ...

    def current(self, role: str) -> bytes | None:
        """Return the newest signed metadata of `role`."""
        ...

    def versions(self, role: str) -> Sequence[tuple[int, bytes]]:
        """Return every signed version of `role`, oldest first."""
        ...

    def keep(self, role: str, version: int, data: bytes) -> None:
        """Store signed metadata of `role`, durably."""
        ...

    def draft(self, role: str) -> bytes | None:
        """Return the open draft of `role`."""
        ...

    def drafts(self) -> Sequence[str]:
        """Return the roles that have an open draft, sorted."""
        ...

    def put_draft(self, role: str, data: bytes) -> None:
        """Store the open draft of `role`, durably."""
        ...

    def drop_draft(self, role: str) -> None:
        """Remove the open draft of `role`."""
        ...

    def take_in(self, source: Path) -> tuple[int, str]:
        """Copy a file into the desk; return its length in bytes and its SHA-256."""
        ...

    def file(self, sha256: str) -> Path:
        """Return where the file with this digest stands; raises if it was not taken in."""
        ...


class Site(Protocol):
    """A folder, or anything like it, from which a static server serves the repository."""

    def put(self, path: str, data: bytes) -> None:
        """Store `data` under a name that never changes its content; raises if it has another."""
        ...

    def put_file(self, path: str, source: Path, expectation: Expectation) -> None:
        """Store a large file likewise, measured as it is copied."""
        ...

    def replace(self, path: str, data: bytes) -> None:
        """Replace what stands under `path` at one stroke: the moment of publication."""
        ...
