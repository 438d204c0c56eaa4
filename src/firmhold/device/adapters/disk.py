"""Failures of this machine's own disk, by their own name; and files that are files."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from firmhold.trust.errors import Code, Damaged
from firmhold.trust.outer_faults import PlaceFault

_SAFE = os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def own_disk(path: Path) -> Iterator[None]:
    """Report a failure of the disk at `path` as what it is (`store.io`)."""
    try:
        yield
    except OSError as error:
        detail = error.strerror or str(error)
        raise Damaged(PlaceFault(code=Code.STORE_IO, path=str(path), detail=detail)) from error


@contextmanager
def opened(path: Path, flags: int) -> Iterator[int]:
    """Open a path, and never what a link at its end leads to; close it at the end."""
    descriptor = os.open(path, flags | _SAFE, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def read_file(path: Path, max_bytes: int) -> bytes:
    """Return the bytes of a file, one more than `max_bytes` at most; a pipe is no file."""
    with opened(path, os.O_RDONLY | os.O_NONBLOCK) as descriptor:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a file")
        return read_all(descriptor, 0, max_bytes + 1)


def read_all(descriptor: int, offset: int, length: int) -> bytes:
    """Return `length` bytes from `offset` on, fewer only where the file ends."""
    parts = []
    while length and (part := os.pread(descriptor, length, offset)):
        parts.append(part)
        offset, length = offset + len(part), length - len(part)
    return b"".join(parts)


def write_all(descriptor: int, offset: int, data: bytes) -> None:
    """Write all of `data` at `offset`."""
    rest = memoryview(data)
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        offset, rest = offset + written, rest[written:]


def write_new(path: Path, data: bytes) -> None:
    """Write a file that is not there yet, readable by its owner only, and make it durable."""
    with opened(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as descriptor:
        write_all(descriptor, 0, data)
        os.fsync(descriptor)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    with opened(folder, os.O_RDONLY | os.O_DIRECTORY) as descriptor:
        os.fsync(descriptor)
