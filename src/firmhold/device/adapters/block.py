"""A slot in a file or on a block device.

What is read back comes from the medium: where direct reads are to be had they are used, and what
the kernel has cached is dropped before. The slot that runs is opened for reading only: no mistake
in this process can write where the system runs.
"""

import mmap
import os
from contextlib import suppress
from pathlib import Path

from firmhold.device.adapters.disk import opened, own_disk, read_all, write_all
from firmhold.trust.errors import Code, Misuse, UsageFault

ALIGNMENT = 4096


class SlotFile:
    """The medium of one slot (the port `BlockDevice`)."""

    def __init__(self, path: Path, *, running: bool) -> None:
        self.path = path
        self._flags = os.O_RDONLY if running else os.O_RDWR
        with own_disk(path), opened(path, os.O_RDONLY) as descriptor:
            self._size = os.lseek(descriptor, 0, os.SEEK_END)

    @property
    def size(self) -> int:
        """How many bytes it holds."""
        return self._size

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes, from the kernel's cache if it has them."""
        with own_disk(self.path), opened(self.path, os.O_RDONLY) as descriptor:
            return read_all(descriptor, offset, length)

    def read_back(self, offset: int, length: int) -> bytes:
        """Return bytes as the medium itself has them."""
        start = offset - offset % ALIGNMENT
        end = -(-(offset + length) // ALIGNMENT) * ALIGNMENT
        with own_disk(self.path):
            data = self._direct(start, end - start)
        return data[offset - start : offset - start + length]

    def write(self, offset: int, data: bytes) -> None:
        """Write bytes, which are not durable yet."""
        if self._flags == os.O_RDONLY:
            raise Misuse(UsageFault(code=Code.MISUSE, what=f"a write to the running {self.path}"))
        if offset + len(data) > self._size:
            raise Misuse(UsageFault(code=Code.MISUSE, what=f"a write beyond {self.path}"))
        with own_disk(self.path), opened(self.path, self._flags) as descriptor:
            write_all(descriptor, offset, data)

    def flush(self) -> None:
        """Make all that was written durable."""
        with own_disk(self.path), opened(self.path, self._flags) as descriptor:
            os.fsync(descriptor)

    def _direct(self, start: int, length: int) -> bytes:
        """Read past the cache; a file system without direct reads has its cache dropped instead."""
        with suppress(OSError), opened(self.path, os.O_RDONLY | os.O_DIRECT) as descriptor:
            return _read_aligned(descriptor, start, length)
        with opened(self.path, os.O_RDONLY) as descriptor:
            os.posix_fadvise(descriptor, start, length, os.POSIX_FADV_DONTNEED)
            return read_all(descriptor, start, length)


def _read_aligned(descriptor: int, start: int, length: int) -> bytes:
    """Read into memory that begins on a page, as direct reads demand."""
    with mmap.mmap(-1, length) as buffer:
        done = 0
        while done < length:
            with memoryview(buffer)[done:] as rest:
                got = os.preadv(descriptor, [rest], start + done)
            done += got
            if not got or got % ALIGNMENT:
                break  # the end of the file
        return buffer[:done]
