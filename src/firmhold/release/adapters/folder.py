"""A release desk in a folder, and a site in another.

DESK/metadata/N.role.json   signed metadata, every version
DESK/drafts/role.json       what is being signed
DESK/files/SHA256           files that were taken in, by content
DESK/keys/HOLDER.pem        encrypted private keys, where they are kept in files
"""

import fcntl
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from firmhold.storage.atomic import finish, make_folder, remove_file, replace_file, unfinished
from firmhold.storage.disk import open_file, own_disk, read_file, why
from firmhold.trust.digest import Expectation, Measurement
from firmhold.trust.errors import Code, Damaged, Misuse
from firmhold.trust.faults import Absent
from firmhold.trust.outer_faults import PlaceFault
from firmhold.trust.tuf.wire import MAX_BYTES, metadata_file

_PIECE_BYTES = 1 << 20
_MAX_METADATA_BYTES = max(MAX_BYTES.values())
_NUMBER = re.compile(r"[1-9][0-9]{0,18}")


class FolderDesk:
    """The desk's memory as plain files that people and `git` can look at."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def keys(self) -> Path:
        """Where key files go."""
        return self.folder / "keys"

    def make(self) -> None:
        """Make the folder if it is not there."""
        with own_disk(self.folder):
            make_folder(self.folder)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the desk; a second command that wants to change it is told to come back."""
        with own_disk(self.folder):
            if not self.folder.is_dir():
                raise Misuse(_fault(Code.RELEASE_DESK, self.folder, "no such folder"))
            descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _hold(descriptor, self.folder)
            yield
        finally:
            os.close(descriptor)

    def current(self, role: str) -> bytes | None:
        """Return the newest signed metadata of `role`."""
        numbers = self._numbers(role)
        return _read(self._version(role, numbers[-1])) if numbers else None

    def versions(self, role: str) -> Sequence[tuple[int, bytes]]:
        """Return every signed version of `role`, oldest first."""
        return [(number, _read(self._version(role, number))) for number in self._numbers(role)]

    def keep(self, role: str, version: int, data: bytes) -> None:
        """Store a version of signed metadata, durably; another one of its number stays."""
        path = self._version(role, version)
        there = _read_if_there(path)
        if there is None:
            _write(path, data)
        elif there != data:
            raise Damaged(_fault(Code.RELEASE_DESK, path, "another document has this version"))

    def draft(self, role: str) -> bytes | None:
        """Return the open draft of `role`."""
        return _read_if_there(self._draft(role))

    def put_draft(self, role: str, data: bytes) -> None:
        """Store the open draft of `role`, durably."""
        _write(self._draft(role), data)

    def drop_draft(self, role: str) -> None:
        """Remove the open draft of `role`."""
        path = self._draft(role)
        with own_disk(path):
            if path.exists():
                remove_file(path)

    def take_in(self, source: Path) -> tuple[int, str]:
        """Copy a file into the desk; its digest is that of the bytes that were copied."""
        folder = self.folder / "files"
        hash_, length = hashlib.sha256(), 0
        with _open_argument(source) as reader, own_disk(folder):
            make_folder(folder)
            with unfinished(folder / "taking-in") as writer:
                while piece := reader.read(_PIECE_BYTES):
                    hash_.update(piece)
                    length += writer.write(piece)
                finish(writer, folder / hash_.hexdigest())
        return length, hash_.hexdigest()

    def take_in_bytes(self, data: bytes) -> tuple[int, str]:
        """Store bytes under their digest."""
        sha256 = hashlib.sha256(data).hexdigest()
        path = self.folder / "files" / sha256
        with own_disk(path):
            if not path.exists():
                make_folder(path.parent)
                replace_file(path, data)
        return len(data), sha256

    def has(self, sha256: str) -> bool:
        """Tell whether a file has this digest for its name."""
        path = self.folder / "files" / sha256
        with own_disk(path):
            return path.is_file()

    def file(self, sha256: str) -> BinaryIO:
        """Open the file with this digest."""
        path = self.folder / "files" / sha256
        try:
            return open_file(path)
        except OSError as error:
            detail = f"the file was not taken in here: {why(error)}"
            raise Damaged(_fault(Code.RELEASE_DESK, path, detail)) from error

    def _numbers(self, role: str) -> list[int]:
        """The versions of `role` that are kept here; what has another name is not ours."""
        folder, ending = self.folder / "metadata", f".{metadata_file(role)}"
        with own_disk(folder):
            names = [path.name for path in folder.iterdir()] if folder.exists() else []
        found = [name.removesuffix(ending) for name in names if name.endswith(ending)]
        return sorted(int(number) for number in found if _NUMBER.fullmatch(number))

    def _version(self, role: str, version: int) -> Path:
        return self.folder / "metadata" / metadata_file(role, version)

    def _draft(self, role: str) -> Path:
        return self.folder / "drafts" / metadata_file(role)


class FolderSite:
    """A folder for any static server; only `timestamp.json` ever changes in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, path: str) -> bytes | None:
        """Return the metadata that stand under `path`."""
        return _read_if_there(self.folder / path)

    def put(self, path: str, data: bytes) -> None:
        """Store `data` under a name that never changes its content."""
        place = self.folder / path
        there = _read_if_there(place)
        if there is None:
            _write(place, data)
        elif there != data:
            raise Misuse(_fault(Code.RELEASE_SITE_TAKEN, place, "another repository is here"))

    def has_file(self, path: str, expectation: Expectation) -> bool:
        """Tell whether a file of that length stands there; it was measured when it was put."""
        place = self.folder / path
        with own_disk(place):
            return place.is_file() and place.stat().st_size == expectation.length

    def put_file(self, path: str, source: BinaryIO, expectation: Expectation) -> None:
        """Store a large file; it gets its name when what was copied is the file."""
        place = self.folder / path
        with own_disk(place):
            make_folder(place.parent)
            measurement = Measurement(expectation)
            with unfinished(place) as writer:
                while piece := source.read(_PIECE_BYTES):
                    measurement.update(piece)
                    writer.write(piece)
                measurement.finish()
                finish(writer, place)

    def replace(self, path: str, data: bytes) -> None:
        """Replace what stands under `path` at one stroke."""
        _write(self.folder / path, data)


def _hold(descriptor: int, folder: Path) -> None:
    with own_disk(folder):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            detail = "another command is working on it"
            raise Misuse(_fault(Code.RELEASE_DESK, folder, detail)) from error


def _open_argument(path: Path) -> BinaryIO:
    try:
        return open_file(path)
    except OSError as error:
        name = f"{path} ({why(error)})"
        fault = Absent(code=Code.RELEASE_NO_SUCH_FILE, name=name, listed_in="arguments")
        raise Misuse(fault) from error


def _read(path: Path) -> bytes:
    with own_disk(path):
        return read_file(path, _MAX_METADATA_BYTES)


def _read_if_there(path: Path) -> bytes | None:
    with own_disk(path):
        return read_file(path, _MAX_METADATA_BYTES) if path.exists() else None


def _write(path: Path, data: bytes) -> None:
    with own_disk(path):
        make_folder(path.parent)
        replace_file(path, data)


def _fault(code: Code, path: Path, detail: str) -> PlaceFault:
    return PlaceFault(code=code, path=str(path), detail=detail)
