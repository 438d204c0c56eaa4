"""What was brought: files in one folder, bounded in size, that nobody believes yet.

    metadata/NAME            the image repository
    targets/PATH             its small targets
    director/NAME            the Director's word for this device
    payloads/SHA256          indexes and payloads; with `.part` while they are being fetched

A name is a path of a published site, taken as it is: each step of it is one file name, none of them
leads out of the folder, and no link is followed. A reader sees a file whole or not at all.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from firmhold.device.adapters.disk import write_all
from firmhold.trust.errors import Code, Damaged, Refused, Unavailable
from firmhold.trust.faults import DigestMismatch
from firmhold.trust.outer_faults import FetchFault, PlaceFault

METADATA, DIRECTOR, TARGETS, PAYLOADS = "metadata", "director", "targets", "payloads"
KINDS = (METADATA, DIRECTOR, TARGETS, PAYLOADS)

BLOCK_BYTES = 4096
"""What a file takes at least, so that many small ones count too."""

_UNFINISHED = ".unfinished"
_MOST_STEP_BYTES = 255
_PIECE_BYTES = 1 << 20
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_WRITE = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class Spool:
    """The folder, for one writer at a time. Raises `Unavailable` if full, else `Damaged`."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self.folder, self.most_bytes = folder, most_bytes
        with own_disk(folder):
            folder.mkdir(mode=0o750, parents=True, exist_ok=True)

    def put(self, name: str, data: bytes) -> None:
        """Have a file with these bytes, in place of the one of that name."""
        steps = steps_of(name)
        with self._in_folder(steps, make=True) as folder:
            self._require_room(name, len(data))
            with suppress(FileNotFoundError):
                os.unlink(_UNFINISHED, dir_fd=folder)
            try:
                _write(_UNFINISHED, data, folder)
                os.replace(_UNFINISHED, steps[-1], src_dir_fd=folder, dst_dir_fd=folder)
            except OSError:
                with suppress(OSError):
                    os.unlink(_UNFINISHED, dir_fd=folder)
                raise

    def drop(self, name: str) -> None:
        """Have no file of that name."""
        steps = steps_of(name)
        with suppress(FileNotFoundError), self._in_folder(steps, make=False) as folder:
            os.unlink(steps[-1], dir_fd=folder)

    def forget(self) -> None:
        """Have nothing at all."""
        with own_disk(self.folder):
            for folder, folders, files in os.walk(self.folder, topdown=False):
                for name in files:
                    (Path(folder) / name).unlink()
                for name in folders:
                    place = Path(folder) / name
                    place.unlink() if place.is_symlink() else place.rmdir()

    def has(self, sha256: str, length: int) -> bool:
        """Tell whether a payload is there, whole: its digest was right when it got its name."""
        return self._size(sha256) == length

    def resume_at(self, sha256: str) -> int:
        """Return how much of an unfinished payload is there."""
        return self._size(_part(sha256)) or 0

    def begin(self, sha256: str) -> None:
        """Start a payload anew."""
        self.drop(f"{PAYLOADS}/{_part(sha256)}")

    @contextmanager
    def part(self, sha256: str, length: int) -> Iterator["Part"]:
        """Go on with a payload where it stopped; it has `length` bytes when it is whole."""
        name = f"{PAYLOADS}/{_part(sha256)}"
        with self._in_folder(steps_of(name), make=True) as folder:
            descriptor = os.open(_part(sha256), _WRITE, 0o640, dir_fd=folder)
            try:
                end = os.fstat(descriptor).st_size
                self._require_room(name, length - end)
                yield Part(descriptor, end)
            finally:
                os.close(descriptor)

    def finish(self, sha256: str) -> None:
        """Give a payload its name if it is the one; one that is not is deleted, and refused."""
        part = _part(sha256)
        with self._in_folder((PAYLOADS, part), make=True) as folder:
            found = _digest(part, folder)
            if found == sha256:
                os.replace(part, sha256, src_dir_fd=folder, dst_dir_fd=folder)
                return
            os.unlink(part, dir_fd=folder)
        raise Refused(
            DigestMismatch(
                code=Code.UPDATE_PAYLOAD_DIGEST,
                what=f"{PAYLOADS}/{sha256}",
                algorithm="sha256",
                expected=sha256,
                found=found,
            )
        )

    def used(self) -> int:
        """Return how much all files take, in whole blocks."""
        with own_disk(self.folder):
            return sum(_taken(place) for place in self.folder.rglob("*"))

    def _require_room(self, name: str, more: int) -> None:
        if self.used() + _in_blocks(more) > self.most_bytes:
            raise _full(name, f"{self.most_bytes} bytes are all that is allowed")

    def _size(self, name: str) -> int | None:
        with suppress(FileNotFoundError), self._in_folder((PAYLOADS, name), make=False) as folder:
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            return found.st_size if stat.S_ISREG(found.st_mode) else None
        return None

    @contextmanager
    def _in_folder(self, steps: tuple[str, ...], *, make: bool) -> Iterator[int]:
        """Open the folder that a name is in, step by step, so that no link leads elsewhere."""
        place = self.folder.joinpath(*steps)
        with own_disk(place):
            descriptor = os.open(self.folder, _FOLDER)
            try:
                for step in steps[:-1]:
                    if make:
                        with suppress(FileExistsError):
                            os.mkdir(step, 0o750, dir_fd=descriptor)
                    below = os.open(step, _FOLDER, dir_fd=descriptor)
                    os.close(descriptor)
                    descriptor = below
                yield descriptor
            finally:
                os.close(descriptor)


class Part:
    """An unfinished payload that is open."""

    def __init__(self, descriptor: int, end: int) -> None:
        self._descriptor, self.end = descriptor, end

    def begin(self) -> None:
        """Start anew."""
        os.ftruncate(self._descriptor, 0)
        self.end = 0

    def append(self, data: bytes) -> None:
        """Write bytes through, behind those that are there."""
        write_all(self._descriptor, self.end, data)
        self.end += len(data)


def steps_of(name: str) -> tuple[str, ...]:
    """Return the steps of a name, of which none leads out of the folder. Raises `Refused`."""
    kind, *path = name.split("/")
    good = kind in KINDS and path and all(map(_is_a_step, path))
    if not good:
        detail = "not a path below one of the spool's folders"
        raise Refused(FetchFault(code=Code.FETCH_URL, url=name, detail=detail))
    return (kind, *path)


@contextmanager
def own_disk(path: Path) -> Iterator[None]:
    """Report a full disk as a reason to wait, and any other failure of it as damage."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        detail = error.strerror or str(error)
        if error.errno in _NO_ROOM:
            raise _full(str(path), detail) from error
        raise Damaged(PlaceFault(code=Code.STORE_IO, path=str(path), detail=detail)) from error


def _full(place: str, detail: str) -> Unavailable:
    return Unavailable(FetchFault(code=Code.FETCH_DISK_FULL, url=place, detail=detail))


def _is_a_step(step: str) -> bool:
    try:
        size = len(step.encode())
    except UnicodeEncodeError:
        return False
    return (
        step not in {"", ".", "..", _UNFINISHED} and "\0" not in step and size <= _MOST_STEP_BYTES
    )


def _part(sha256: str) -> str:
    return f"{sha256}.part"


def _write(name: str, data: bytes, folder: int) -> None:
    descriptor = os.open(name, _WRITE | os.O_EXCL, 0o640, dir_fd=folder)
    try:
        write_all(descriptor, 0, data)
    finally:
        os.close(descriptor)


def _digest(name: str, folder: int) -> str:
    """Return the digest of a file, all of whose bytes are durable."""
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        os.fsync(descriptor)
        digest = hashlib.sha256()
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def _taken(place: Path) -> int:
    found = place.lstat()
    return BLOCK_BYTES if stat.S_ISDIR(found.st_mode) else _in_blocks(found.st_size)


def _in_blocks(size: int) -> int:
    return max(1, -(-size // BLOCK_BYTES)) * BLOCK_BYTES
