"""What a plain client needs of the outside world."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from firmhold.trust.tuf.roles import Target
from firmhold.trust.verified import Verified


class Clock(Protocol):
    """Something that knows the time."""

    def now(self) -> datetime:
        """The present moment, in UTC."""
        ...


class Fetcher(Protocol):
    """Something that brings bytes from a URL, bounded in number and in time."""

    def fetch(self, url: str, max_bytes: int) -> AbstractContextManager[Iterator[bytes]]:
        """Bring the bytes of `url` in pieces; one more than `max_bytes` is refused.

        Raises `Unavailable` (`fetch.not_found` where the server says so) and `Refused`.
        """
        ...


class TargetStore(Protocol):
    """Where verified target files stand, one a target path."""

    def path_of(self, target: Verified[Target]) -> Path:
        """Return where `target` stands or will stand."""
        ...

    def has(self, target: Verified[Target]) -> bool:
        """Tell whether the file is there and is what the metadata say."""
        ...

    def put(self, target: Verified[Target], pieces: Iterator[bytes]) -> Path:
        """Store the file if its pieces are what the metadata say, else raise `Refused`."""
        ...


class MetadataStore(Protocol):
    """Where verified metadata stand, one file a role."""

    def load(self, role: str) -> bytes | None:
        """Return the stored bytes of `role`, or None."""
        ...

    def keep(self, role: str, data: bytes) -> None:
        """Replace the bytes of `role`, durably."""
        ...

    def forget(self, role: str) -> None:
        """Delete the bytes of `role`, durably."""
        ...
