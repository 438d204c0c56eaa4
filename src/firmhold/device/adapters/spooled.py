"""What the other half of the device brings, read from its spool; nothing of it is believed.

It is asked for each document that is needed, and for each payload before its extent is made; what
the check-in has said there is not is not asked for at all.
"""

import re
from pathlib import Path
from typing import Protocol

from firmhold.device.adapters.medium import Medium
from firmhold.device.manifests import Manifests
from firmhold.device.ports import Repository
from firmhold.protocol.check_in import Answer, News
from firmhold.trust.errors import Code, Unavailable
from firmhold.trust.outer_faults import FetchFault
from firmhold.trust.tuf.trusted_set import TIMESTAMP
from firmhold.trust.tuf.wire import metadata_file
from firmhold.update.pieces import Image

_ROOT = re.compile(r"(?P<version>[1-9][0-9]{0,18})\.root\.json")
_DIRECTOR = "director"


class Client(Protocol):
    """The process with the network. Failures are `Unavailable`."""

    def check_in(self, body: bytes) -> bytes:
        """Send a check-in; return the answer."""
        ...

    def report(self, body: bytes) -> None:
        """Send a report."""
        ...

    def metadata(self, repository: str, path: str, most: int) -> bool:
        """Have metadata brought; tell whether there are any."""
        ...

    def target(self, path: str, most: int) -> bool:
        """Have a small target brought; tell whether there is one."""
        ...

    def payload(self, sha256: str, length: int) -> None:
        """Have a payload brought."""
        ...

    def drop(self, sha256: str) -> None:
        """Say that a payload is needed no more."""
        ...

    def forget(self) -> None:
        """Have everything dropped that was brought."""
        ...


class Spooled:
    """The ports `Fetch`, `Documents` and `Payloads`, over a spool."""

    def __init__(self, client: Client, folder: Path, manifests: Manifests) -> None:
        self._client = client
        self._medium = Medium(folder, manifests)
        self._manifests = manifests
        self._news: dict[Repository, News] = {}
        self._last: str | None = None

    def check_in(self, body: bytes) -> bytes:
        """Ask the server."""
        return self._client.check_in(body)

    def told(self, answer: Answer) -> None:
        """Hear what the server said of its repositories."""
        self._news = {Repository.IMAGE: answer.image, Repository.DIRECTOR: answer.director}

    def report(self, body: bytes) -> None:
        """Send a report."""
        self._client.report(body)

    def forget(self) -> None:
        """Drop what was brought; a spool that cannot be emptied now is emptied another time."""
        try:
            self._client.forget()
        except Unavailable:
            return

    def metadata(self, repository: Repository, path: str, max_bytes: int) -> bytes | None:
        """Return metadata of a repository; None: there are none, or what is known is the newest."""
        news = self._news.get(repository)
        if path == metadata_file(TIMESTAMP):
            found = None if news is None else news.timestamp
            return None if found is None else found[: max_bytes + 1]
        root = _ROOT.fullmatch(path)
        if root is not None and news is not None and int(root["version"]) > news.root:
            return None
        if not self._client.metadata(repository.value, path, max_bytes):
            return None
        folder = _DIRECTOR if repository is Repository.DIRECTOR else "metadata"
        return self._medium.read(f"{folder}/{path}", max_bytes)

    def target(self, path: str, max_bytes: int) -> bytes:
        """Return a small target of the image repository."""
        if not self._client.target(path, max_bytes):
            fault = FetchFault(code=Code.FETCH_NOT_FOUND, url=path, detail="not there")
            raise Unavailable(fault)
        return self._medium.target(path, max_bytes)

    def index(self, image: Image) -> bytes:
        """Return the index of an image."""
        part = self._manifests.component(image)
        if part is not None:
            self._client.payload(part.index.sha256, part.index.length)
        return self._medium.index(image)

    def payload(self, sha256: str, length: int) -> bytes:
        """Return a payload; the one before it is needed no more, its extent is in the slot."""
        if self._last not in (None, sha256):
            self._client.drop(self._last or "")
        self._last = sha256
        self._client.payload(sha256, length)
        return self._medium.payload(sha256, length)
