"""Folders of verified metadata and of verified target files.

Names are percent-quoted, so that no role and no target path can leave its folder, whatever it is
called. Anything that is not finished has a name that ends in `.part`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from firmhold.storage.atomic import TEMPORARY_SUFFIX, move_into_place, remove_file, replace_file
from firmhold.trust.digest import Measurement
from firmhold.trust.errors import Code, Damaged, OverLimit, PlaceFault, Refused
from firmhold.trust.tuf.roles import Target
from firmhold.trust.tuf.wire import MAX_BYTES, metadata_file, target_file
from firmhold.trust.verified import Verified

_PIECE_BYTES = 1 << 16
_MAX_NAME_BYTES = 255 - len(TEMPORARY_SUFFIX)


@contextmanager
def _own_disk(path: Path) -> Iterator[None]:
    """Report a failure of this machine's own disk as what it is."""
    try:
        yield
    except OSError as error:
        detail = error.strerror or str(error)
        raise Damaged(PlaceFault(code=Code.STORE_IO, path=str(path), detail=detail)) from error


class MetadataFolder:
    """One JSON file a role: `root.json`, `timestamp.json`, `snapshot.json`, `<role>.json`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, role: str) -> bytes | None:
        """Return the stored bytes of `role`, or None; never more than any verifier would read."""
        path = self._folder / metadata_file(role)
        with _own_disk(path):
            try:
                with path.open("rb") as file:
                    return file.read(max(MAX_BYTES.values()) + 1)
            except FileNotFoundError:
                return None

    def keep(self, role: str, data: bytes) -> None:
        """Replace the bytes of `role`, durably; the folder is made if it is not there."""
        path = self._folder / metadata_file(role)
        with _own_disk(path):
            self._folder.mkdir(parents=True, exist_ok=True)
            replace_file(path, data)

    def forget(self, role: str) -> None:
        """Delete the bytes of `role`, durably."""
        path = self._folder / metadata_file(role)
        with _own_disk(path):
            remove_file(path)


class TargetFolder:
    """One file a target path; what stands under a finished name was verified."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path_of(self, target: Verified[Target]) -> Path:
        """Return where `target` stands or will stand."""
        name = target_file(target.value.path)
        if len(name) > _MAX_NAME_BYTES:
            fault = OverLimit(code=Code.STORE_NAME_TOO_LONG, what=name[:40], limit=_MAX_NAME_BYTES)
            raise Refused(fault)
        return self._folder / name

    def has(self, target: Verified[Target]) -> bool:
        """Tell whether the file is there and is, byte for byte, what the metadata say."""
        path = self.path_of(target)
        measurement = Measurement(target.value.expectation)
        with _own_disk(path):
            if not path.is_file() or path.is_symlink():
                return False
            with path.open("rb") as file:
                while piece := file.read(_PIECE_BYTES):
                    measurement.update(piece)
        try:
            measurement.finish()
        except Refused:
            return False
        return True

    def put(self, target: Verified[Target], pieces: Iterator[bytes]) -> Path:
        """Write the file as it streams in; it gets its name only when every check has passed."""
        path = self.path_of(target)
        temporary = path.with_name(path.name + TEMPORARY_SUFFIX)
        with _own_disk(path):
            self._folder.mkdir(parents=True, exist_ok=True)
            # A link left under the temporary name must not lead the writer out of the folder.
            temporary.unlink(missing_ok=True)
        try:
            self._write(temporary, target, pieces)
            with _own_disk(path):
                move_into_place(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        return path

    def _write(self, temporary: Path, target: Verified[Target], pieces: Iterator[bytes]) -> None:
        measurement = Measurement(target.value.expectation)
        with _own_disk(temporary), temporary.open("xb") as file:
            for piece in pieces:
                measurement.update(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        measurement.finish()
