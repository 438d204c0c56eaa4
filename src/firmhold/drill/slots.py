"""Two slot files and the name of the active one: the simplest honest form of an A/B install.

The spare slot is written, flushed, read back from the disk and measured; only then one atomic
replace makes it the active one. The booted slot is never opened for writing.
"""

import os
from pathlib import Path

from firmhold.storage.atomic import replace_file, sync_folder
from firmhold.trust.digest import Measurement
from firmhold.trust.tuf.roles import Target
from firmhold.trust.verified import Verified

_PIECE_BYTES = 1 << 16
SLOTS = ("a", "b")


class TwoSlots:
    """Slots `a` and `b` in a folder, with a file that names the active one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        if not self._active.exists():
            replace_file(self._active, SLOTS[0].encode())

    @property
    def active(self) -> str:
        """The slot that boots."""
        return self._active.read_text()

    @property
    def spare(self) -> str:
        """The slot that may be written."""
        return SLOTS[1 - SLOTS.index(self.active)]

    def path(self, slot: str) -> Path:
        """Where a slot's content stands."""
        return self.folder / f"slot-{slot}.img"

    def install(self, image: Path, target: Verified[Target]) -> None:
        """Write the verified image into the spare slot, read it back, then make it active."""
        spare = self.spare
        self._write(self.path(spare), image)
        self._read_back(self.path(spare), target)
        replace_file(self._active, spare.encode())

    def state(self) -> dict[str, bytes]:
        """Every byte of both slots, and which one is active."""
        return {path.name: path.read_bytes() for path in sorted(self.folder.iterdir())}

    @property
    def _active(self) -> Path:
        return self.folder / "active"

    def _write(self, slot: Path, image: Path) -> None:
        with image.open("rb") as reader, slot.open("wb") as writer:
            while piece := reader.read(_PIECE_BYTES):
                writer.write(piece)
            writer.flush()
            os.fsync(writer.fileno())
        sync_folder(self.folder)

    @staticmethod
    def _read_back(slot: Path, target: Verified[Target]) -> None:
        """Measure what the disk holds: the page cache would only repeat what was meant."""
        measurement = Measurement(target.value.expectation)
        with slot.open("rb") as reader:
            os.posix_fadvise(reader.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            while piece := reader.read(_PIECE_BYTES):
                measurement.update(piece)
        measurement.finish()
