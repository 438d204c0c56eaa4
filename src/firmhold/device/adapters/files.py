"""The device's small files in a folder of its own, and the key that seals them."""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from firmhold.device.adapters.disk import (
    opened,
    own_disk,
    read_file,
    sync_folder,
    write_all,
    write_new,
)
from firmhold.trust.errors import Code, Damaged
from firmhold.trust.outer_faults import PlaceFault

KEY_BYTES = 32


class FileFolder:
    """A folder of small files (the port `Durable`)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, name: str, max_bytes: int) -> bytes | None:
        """Return the bytes of a file, one more than `max_bytes` at most; None: no such file."""
        path = self.folder / name
        with own_disk(path):
            try:
                return read_file(path, max_bytes)
            except FileNotFoundError:
                return None

    def write(self, name: str, data: bytes) -> None:
        """Make a file with these bytes, or give it these bytes and no others."""
        path = self.folder / name
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        with own_disk(path), opened(path, flags) as descriptor:
            write_all(descriptor, 0, data)

    def sync(self, name: str) -> None:
        """Make the bytes of a file durable."""
        path = self.folder / name
        with own_disk(path), opened(path, os.O_RDONLY) as descriptor:
            os.fsync(descriptor)

    def rename(self, old: str, new: str) -> None:
        """Give a file another name, in place of the file that had it."""
        with own_disk(self.folder / new):
            (self.folder / old).rename(self.folder / new)

    def sync_folder(self) -> None:
        """Make the names durable."""
        with own_disk(self.folder):
            sync_folder(self.folder)


class KeyFile:
    """A key of this device's own in a file that only its owner reads (the port `Seal`).

    Who can read it can make seals. A device with a TPM keeps the key there instead.
    """

    def __init__(self, path: Path) -> None:
        with own_disk(path):
            self._key = read_file(path, KEY_BYTES)
        if len(self._key) != KEY_BYTES:
            detail = f"{len(self._key)} bytes, not {KEY_BYTES}"
            raise Damaged(PlaceFault(code=Code.STORE_IO, path=str(path), detail=detail))

    @staticmethod
    def make(path: Path) -> None:
        """Make a key; one that is there stays."""
        with own_disk(path):
            write_new(path, secrets.token_bytes(KEY_BYTES))

    def tag(self, data: bytes) -> bytes:
        """Return the tag of `data` under the key."""
        return hmac.digest(self._key, data, hashlib.sha256)
