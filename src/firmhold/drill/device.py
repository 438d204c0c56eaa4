"""A device of one hardware revision: a pinned root, a spool, two slots."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from firmhold.drill.slots import TwoSlots
from firmhold.interop.adapters.folder import MetadataFolder, TargetFolder
from firmhold.interop.adapters.http import HttpFetcher
from firmhold.interop.adapters.system import SystemClock
from firmhold.interop.client import Client, pin
from firmhold.trust.tuf.dialect import FIRMHOLD
from firmhold.wire.sockets import Patience

_LONG = 16
PATIENCE = Patience(grace_seconds=1.5, minimum_bytes_per_second=8192)
"""A play should not wait for an attacker as long as a device in a cellar does."""

Progress = Callable[[str, int, int], None]
"""Told the name of a step, how many bytes more it has moved, and of how many (0: not known)."""


class Device:
    """Fetches, verifies and installs the firmware for `path`, and trusts nothing but its root."""

    def __init__(self, folder: Path, url: str, path: str, root: bytes) -> None:
        self.folder = folder
        self.slots = TwoSlots(folder / "slots")
        self.clock_error = timedelta()
        """How wrong the device's clock goes."""
        self._path = path
        self._url = url
        self._spool = folder / "spool"
        self._store = MetadataFolder(folder / "metadata")
        pin(self._store, root, FIRMHOLD)

    def update(self, progress: Progress) -> None:
        """Bring the newest release into the spare slot and switch to it. Raises if refused."""
        progress("refresh metadata", 0, 0)
        fetcher = _Watched(HttpFetcher(PATIENCE), progress)
        client = Client(fetcher, self._store, f"{self._url}/metadata", self._now(), FIRMHOLD)
        trusted = client.refresh()
        progress("find the target", 0, 0)
        trusted, target = client.find(trusted, self._path)
        fetcher.total = target.value.expectation.length or 0
        spool = TargetFolder(self._spool)
        image = client.download(trusted, target, f"{self._url}/targets", spool)
        progress("write the spare slot, read it back, switch", 0, 0)
        self.slots.install(image, target)
        image.unlink()

    def copy_to(self, folder: Path) -> "Device":
        """Return a second device in the same state, to be attacked in this one's place."""
        shutil.copytree(self.folder, folder)
        root = self._store.load("root") or b""
        return Device(folder, self._url, self._path, root)

    def _now(self) -> datetime:
        return SystemClock().now() + self.clock_error


class _Watched:
    """A fetcher that tells how many bytes came by."""

    def __init__(self, fetcher: HttpFetcher, progress: Progress) -> None:
        self.total = 0
        """Length of what is fetched next, where it is known."""
        self._fetcher = fetcher
        self._progress = progress

    def fetch(self, url: str, max_bytes: int) -> AbstractContextManager[Iterator[bytes]]:
        """Fetch as the real one does."""
        return self._fetch(url, max_bytes)

    @contextmanager
    def _fetch(self, url: str, max_bytes: int) -> Iterator[Iterator[bytes]]:
        with self._fetcher.fetch(url, max_bytes) as pieces:
            yield self._counted(_shown(url), pieces)

    def _counted(self, name: str, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self._progress(name, len(piece), self.total)
            yield piece


def _shown(url: str) -> str:
    """The file's name, with a long digest before it cut short."""
    name = url.rpartition("/")[2]
    digest, dot, rest = name.partition(".")
    return f"  fetch {digest[:8]}…{dot}{rest}" if len(digest) > _LONG else f"  fetch {name}"
