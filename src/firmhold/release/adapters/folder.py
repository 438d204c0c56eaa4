"""A release desk in a folder, and a site in another.

DESK/metadata/N.role.json   signed metadata, every version
DESK/drafts/role.json       what is being signed
DESK/files/SHA256           files that were taken in, by content
DESK/keys/HOLDER.pem        encrypted private keys, where they are kept in files
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from firmhold.storage.atomic import (
    TEMPORARY_SUFFIX,
    move_into_place,
    remove_file,
    replace_file,
)
from firmhold.trust.digest import Expectation, Measurement
from firmhold.trust.errors import Absent, Code, Damaged, Misuse, PlaceFault
from firmhold.trust.tuf.wire import metadata_file

_PIECE_BYTES = 1 << 20


class FolderDesk:
    """The desk's memory as plain files that people and `git` can look at."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def keys(self) -> Path:
        """Where key files go."""
        return self.folder / "keys"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the desk; a second command that wants to change it is told to come back."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                detail = "another command is working on it"
                raise Misuse(_fault(Code.RELEASE_DESK, self.folder, detail)) from error
            yield

    def roles(self) -> Sequence[str]:
        """Return the roles that have signed metadata, sorted."""
        return sorted({path.name.split(".")[1] for path in self._metadata.glob("*.*.json")})

    def current(self, role: str) -> bytes | None:
        """Return the newest signed metadata of `role`."""
        versions = self.versions(role)
        return versions[-1][1] if versions else None

    def versions(self, role: str) -> Sequence[tuple[int, bytes]]:
        """Return every signed version of `role`, oldest first."""
        found = self._metadata.glob(f"*.{role}.json")
        numbered = sorted((int(path.name.split(".")[0]), path) for path in found)
        return [(version, path.read_bytes()) for version, path in numbered]

    def keep(self, role: str, version: int, data: bytes) -> None:
        """Store signed metadata of `role`, durably."""
        self._write(self._metadata / metadata_file(role, version), data)

    def draft(self, role: str) -> bytes | None:
        """Return the open draft of `role`."""
        path = self._draft(role)
        return path.read_bytes() if path.is_file() else None

    def drafts(self) -> Sequence[str]:
        """Return the roles that have an open draft, sorted."""
        return sorted(path.stem for path in (self.folder / "drafts").glob("*.json"))

    def put_draft(self, role: str, data: bytes) -> None:
        """Store the open draft of `role`, durably."""
        self._write(self._draft(role), data)

    def drop_draft(self, role: str) -> None:
        """Remove the open draft of `role`."""
        if self.draft(role) is not None:
            remove_file(self._draft(role))

    def take_in(self, source: Path) -> tuple[int, str]:
        """Copy a file into the desk; its digest is that of the bytes that were copied."""
        if not source.is_file():
            raise Misuse(
                Absent(code=Code.RELEASE_NO_SUCH_FILE, name=str(source), listed_in="arguments")
            )
        folder = self.folder / "files"
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f"taking-in{TEMPORARY_SUFFIX}"
        hash_, length = hashlib.sha256(), 0
        with source.open("rb") as reader, temporary.open("wb") as writer:
            while piece := reader.read(_PIECE_BYTES):
                hash_.update(piece)
                length += writer.write(piece)
            writer.flush()
            os.fsync(writer.fileno())
        move_into_place(temporary, folder / hash_.hexdigest())
        return length, hash_.hexdigest()

    def file(self, sha256: str) -> Path:
        """Return where the file with this digest stands."""
        path = self.folder / "files" / sha256
        if not path.is_file():
            raise Damaged(_fault(Code.RELEASE_DESK, path, "the file was not taken in here"))
        return path

    @property
    def _metadata(self) -> Path:
        return self.folder / "metadata"

    def _draft(self, role: str) -> Path:
        return self.folder / "drafts" / metadata_file(role)

    @staticmethod
    def _write(path: Path, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, data)


class FolderSite:
    """A folder for any static server; only `timestamp.json` ever changes in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, path: str, data: bytes) -> None:
        """Store `data` under a name that never changes its content."""
        place = self._place(path)
        if not place.is_file():
            replace_file(place, data)
        elif place.read_bytes() != data:
            raise Misuse(_fault(Code.RELEASE_SITE_TAKEN, place, "another repository is here"))

    def put_file(self, path: str, source: Path, expectation: Expectation) -> None:
        """Store a large file likewise; what is copied is measured, not what was measured once."""
        place = self._place(path)
        if place.is_file() and place.stat().st_size == expectation.length:
            return  # its name is its digest, and it was measured when it was copied
        temporary = place.with_name(place.name[:200] + TEMPORARY_SUFFIX)
        with source.open("rb") as reader, temporary.open("wb") as writer:
            shutil.copyfileobj(reader, writer, _PIECE_BYTES)
            writer.flush()
            os.fsync(writer.fileno())
        _measure(temporary, expectation)
        move_into_place(temporary, place)

    def replace(self, path: str, data: bytes) -> None:
        """Replace what stands under `path` at one stroke."""
        replace_file(self._place(path), data)

    def _place(self, path: str) -> Path:
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        return place


def _measure(path: Path, expectation: Expectation) -> None:
    measurement = Measurement(expectation)
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            measurement.update(piece)
    try:
        measurement.finish()
    except BaseException:
        path.unlink()
        raise


def _fault(code: Code, path: Path, detail: str) -> PlaceFault:
    return PlaceFault(code=code, path=str(path), detail=detail)
