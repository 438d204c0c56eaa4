"""Folders of verified metadata and of verified target files.

Names are percent-quoted, so that no role and no target path can leave its folder, whatever it is
called. Anything that is not finished has a name that ends in `.part` and that no quoted name has.
One writer at a time: a second one waits, since two that share an unfinished file would finish it
for each other.
"""

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import BinaryIO

from firmhold.storage.atomic import TEMPORARY_SUFFIX, move_into_place, remove_file, replace_file
from firmhold.trust.digest import Measurement
from firmhold.trust.errors import Code, Damaged, Refused, Unavailable
from firmhold.trust.faults import OverLimit
from firmhold.trust.outer_faults import PlaceFault
from firmhold.trust.tuf.roles import Target
from firmhold.trust.tuf.wire import MAX_BYTES, metadata_file, target_file
from firmhold.trust.verified import Verified

_PIECE_BYTES = 1 << 16
_UNFINISHED = "+" + TEMPORARY_SUFFIX
"""Paths are quoted and `+` with them: one that ends in `.part` is no unfinished file."""
_MAX_NAME_BYTES = 255 - len(_UNFINISHED)
_NAMELESS = "%"
"""The folder that an empty part of a path stands for; nothing else is quoted like this."""
_NOT_A_FILE = "not a file"
_LOOK_AGAIN_SECONDS = 0.02
_TURN_SECONDS = 60.0
"""How long to wait for another client's end: a hung one must not make the next ones hang."""


@contextmanager
def own_disk(path: Path) -> Iterator[None]:
    """Report a failure of this machine's own disk as what it is."""
    try:
        yield
    except OSError as error:
        detail = error.strerror or str(error)
        raise Damaged(PlaceFault(code=Code.STORE_IO, path=str(path), detail=detail)) from error


@contextmanager
def _alone(folder: Path, wait_seconds: float) -> Iterator[None]:
    """Wait for every other writer of `folder`, then keep them out; a dead one keeps nobody out."""
    with own_disk(folder):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with own_disk(folder):
            mine = _lock(descriptor, wait_seconds)
        if not mine:
            fault = PlaceFault(code=Code.STORE_IO, path=str(folder), detail="in use by another")
            raise Unavailable(fault)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, wait_seconds: float) -> bool:
    end = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(_LOOK_AGAIN_SECONDS)
        else:
            return True


def _open_file(path: Path, flags: int = 0) -> BinaryIO:
    """Open a file for reading, and only a file: a pipe would keep the reader waiting for ever."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, _NOT_A_FILE)
    return os.fdopen(descriptor, "rb")


class MetadataFolder:
    """One JSON file a role: `root.json`, `timestamp.json`, `snapshot.json`, `<role>.json`."""

    def __init__(self, folder: Path, *, wait_seconds: float = _TURN_SECONDS) -> None:
        self._folder, self._wait_seconds = folder, wait_seconds

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let no other client work in the folder; `Unavailable` if one does, and does not end.

        A folder that is not there holds no trust to guard.
        """
        with own_disk(self._folder):
            there = self._folder.exists()
        with _alone(self._folder, self._wait_seconds) if there else nullcontext():
            yield

    def make(self) -> None:
        """Make the folder if it is not there."""
        with own_disk(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)

    def load(self, role: str) -> bytes | None:
        """Return the stored bytes of `role`, or None; never more than any verifier would read."""
        path = self._folder / metadata_file(role)
        with own_disk(path):
            try:
                with _open_file(path) as file:
                    return file.read(max(MAX_BYTES.values()) + 1)
            except FileNotFoundError:
                return None

    def keep(self, role: str, data: bytes) -> None:
        """Replace the bytes of `role`, durably; the folder is made if it is not there."""
        path = self._folder / metadata_file(role)
        self.make()
        with own_disk(path):
            replace_file(path, data)

    def forget(self, role: str) -> None:
        """Delete the bytes of `role`, durably."""
        path = self._folder / metadata_file(role)
        with own_disk(path):
            remove_file(path)


class TargetFolder:
    """One file a target path; what stands under a finished name was verified."""

    def __init__(self, folder: Path, *, wait_seconds: float = _TURN_SECONDS) -> None:
        self._folder, self._wait_seconds = folder, wait_seconds

    def path_of(self, target: Verified[Target]) -> Path:
        """Return where `target` stands or will stand."""
        return self._folder / file_name(target.value.path)

    def has(self, target: Verified[Target]) -> bool:
        """Tell whether the file is there and is, byte for byte, what the metadata say."""
        path = self.path_of(target)
        try:
            # A link may lead out of the folder: what it leads to is not the file.
            file = _open_file(path, os.O_NOFOLLOW)
        except OSError:
            return False
        with own_disk(path), file:
            return _is(target, file)

    def put(self, target: Verified[Target], pieces: Iterator[bytes]) -> Path:
        """Write the file as it streams in; it gets its name only when every check has passed."""
        path = self.path_of(target)
        temporary = path.with_name(path.name + _UNFINISHED)
        with own_disk(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path.parent, self._wait_seconds), _removed_unless_finished(temporary):
            _write(temporary, target, pieces)
            with own_disk(path):
                move_into_place(temporary, path)
        return path


class NamedFolder(TargetFolder):
    """One file a target path, in the folders that the path names, each quoted for itself."""

    def path_of(self, target: Verified[Target]) -> Path:
        """Return where `target` stands or will stand: below this folder, whatever it is called."""
        return self._folder.joinpath(*(file_name(part) for part in target.value.path.split("/")))


def file_name(part: str) -> str:
    """Return the name of one file or folder for `part` of a target path."""
    name = target_file(part) or _NAMELESS
    if len(name) > _MAX_NAME_BYTES:
        fault = OverLimit(code=Code.STORE_NAME_TOO_LONG, what=name[:40], limit=_MAX_NAME_BYTES)
        raise Refused(fault)
    return name


@contextmanager
def _removed_unless_finished(temporary: Path) -> Iterator[None]:
    with own_disk(temporary):
        # What a cut run left; or a link, which must not lead the writer out of the folder.
        temporary.unlink(missing_ok=True)
    try:
        yield
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def _write(temporary: Path, target: Verified[Target], pieces: Iterator[bytes]) -> None:
    measurement = Measurement(target.value.expectation)
    with own_disk(temporary), temporary.open("xb") as file:
        for piece in pieces:
            measurement.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    measurement.finish()


def _is(target: Verified[Target], file: BinaryIO) -> bool:
    expectation = target.value.expectation
    if os.fstat(file.fileno()).st_size != expectation.length:
        return False
    measurement = Measurement(expectation)
    while piece := file.read(_PIECE_BYTES):
        measurement.update(piece)
    try:
        measurement.finish()
    except Refused:
        return False
    return True
