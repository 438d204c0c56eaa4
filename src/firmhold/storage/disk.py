"""This machine's own disk: files only, never more than asked for, failures by their own name."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from firmhold.trust.errors import Code, Damaged
from firmhold.trust.outer_faults import PlaceFault

_NOT_A_FILE = "not a file"


@contextmanager
def own_disk(path: Path) -> Iterator[None]:
    """Report a failure of the disk at `path` as what it is (`store.io`)."""
    try:
        yield
    except OSError as error:
        raise Damaged(PlaceFault(code=Code.STORE_IO, path=str(path), detail=why(error))) from error


def why(error: OSError) -> str:
    """Return the system's own words for a failure."""
    return error.strerror or str(error)


def open_file(path: Path) -> BinaryIO:
    """Open a file for reading, and only a file: a pipe would keep the reader waiting for ever."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, _NOT_A_FILE)
    return os.fdopen(descriptor, "rb")


def read_file(path: Path, max_bytes: int) -> bytes:
    """Return the bytes of the file at `path`, one more than `max_bytes` at most."""
    with open_file(path) as file:
        return file.read(max_bytes + 1)
