"""What the release desk needs of the outside world."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

from firmhold.trust.digest import Expectation


class Desk(Protocol):
    """The desk's own memory: signed metadata, open drafts, files that were taken in.

    It keeps what it is given and judges nothing: whoever reads it counts signatures again.
    """

    def make(self) -> None:
        """Make an empty desk; one that is there already stays as it is."""
        ...

    def locked(self) -> AbstractContextManager[None]:
        """Keep others out while a step changes the desk; raises if there is no desk."""
        ...

    def current(self, role: str) -> bytes | None:
        """Return the newest signed metadata of `role`."""
        ...

    def versions(self, role: str) -> Sequence[tuple[int, bytes]]:
        """Return every signed version of `role`, oldest first."""
        ...

    def keep(self, role: str, version: int, data: bytes) -> None:
        """Store a version of signed metadata, durably; raises if another one has its number."""
        ...

    def draft(self, role: str) -> bytes | None:
        """Return the open draft of `role`."""
        ...

    def put_draft(self, role: str, data: bytes) -> None:
        """Store the open draft of `role`, durably, in place of the one before."""
        ...

    def drop_draft(self, role: str) -> None:
        """Remove the open draft of `role`, durably, if there is one."""
        ...

    def take_in(self, source: Path) -> tuple[int, str]:
        """Copy a file into the desk; return its length in bytes and its SHA-256."""
        ...

    def take_in_bytes(self, data: bytes) -> tuple[int, str]:
        """Store bytes that were made here; return their length and their SHA-256."""
        ...

    def has(self, sha256: str) -> bool:
        """Tell whether a file was taken in under this digest."""
        ...

    def file(self, sha256: str) -> BinaryIO:
        """Open the file that was taken in under this digest; raises if there is none."""
        ...


class Site(Protocol):
    """A folder, or anything like it, from which a static server serves the repository."""

    def get(self, path: str) -> bytes | None:
        """Return the metadata that stand under `path`."""
        ...

    def put(self, path: str, data: bytes) -> None:
        """Store `data` under a name that never changes its content; raises if it has another."""
        ...

    def has_file(self, path: str, expectation: Expectation) -> bool:
        """Tell whether a file of that length stands there; it was measured when it was put."""
        ...

    def put_file(self, path: str, source: BinaryIO, expectation: Expectation) -> None:
        """Store a large file, measured as it is copied; raises if it is another one."""
        ...

    def replace(self, path: str, data: bytes) -> None:
        """Replace what stands under `path` at one stroke: the moment of publication."""
        ...
