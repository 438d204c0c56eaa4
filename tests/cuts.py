"""A process that ends at a chosen operation of its disk, or a power cut that takes more."""

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from firmhold.device.adapters import block, disk, files

Synced = Callable[[int], None]


class Cut(BaseException):
    """The process ended here; nothing that runs in it may go on."""


@contextmanager
def counted_operations(
    monkeypatch: pytest.MonkeyPatch, synced: Synced | None = None
) -> Iterator[list[int]]:
    """Count what changes the disk; the second number says where it ends (0: nowhere).

    Other threads stand for other processes, and are left alone. `synced` hears of each descriptor
    that was synced.
    """
    counted, own = [0, 0], threading.get_ident()

    def counting(real: Callable[..., object]) -> Callable[..., object]:
        def counted_one(*arguments: object) -> object:
            if threading.get_ident() == own:
                counted[0] += 1
                if 0 < counted[1] <= counted[0]:
                    raise Cut
            return real(*arguments)

        return counted_one

    def fsync(descriptor: int) -> None:
        real_fsync(descriptor)
        if synced is not None and threading.get_ident() == own:
            synced(descriptor)

    real_fsync = os.fsync
    for module in (files, block):
        monkeypatch.setattr(module, "write_all", counting(disk.write_all))
    monkeypatch.setattr(files, "sync_folder", counting(disk.sync_folder))
    monkeypatch.setattr(os, "fsync", counting(fsync))
    monkeypatch.setattr(Path, "rename", counting(Path.rename))
    yield counted
    counted[1] = 0


@dataclass
class Medium:
    """What of some folders is on the medium: bytes and names that were synced, and no others."""

    _bytes: dict[int, bytes] = field(default_factory=dict)
    """Of each file, by its number, as they were synced last."""
    _names: dict[Path, dict[str, int]] = field(default_factory=dict)
    _held: dict[int, int] = field(default_factory=dict)
    """Descriptors, which keep the number of a file from being given to another one."""

    def begin(self, folders: Iterable[Path]) -> None:
        """Have all that is in these folders on the medium."""
        self.close()
        for folder in folders:
            self._names[folder] = {}
            for place in folder.iterdir():
                if place.is_file():
                    self._names[folder][place.name] = self._take(place)

    def synced(self, descriptor: int) -> None:
        """Hear that a file or a folder was synced."""
        place = Path(f"/proc/self/fd/{descriptor}").readlink()
        if place in self._names:
            found = {each.name: each.stat().st_ino for each in place.iterdir() if each.is_file()}
            self._names[place] = found
        elif place.parent in self._names:
            self._take(place)

    def lose_the_rest(self) -> None:
        """Have nothing but what is on the medium; a name whose file was never synced is empty."""
        for folder, names in self._names.items():
            for place in folder.iterdir():
                if place.is_file():
                    place.unlink()
            for name, number in names.items():
                (folder / name).write_bytes(self._bytes.get(number, b""))

    def close(self) -> None:
        """Know nothing any more."""
        for descriptor in self._held.values():
            with suppress(OSError):
                os.close(descriptor)
        for known in (self._bytes, self._names, self._held):
            known.clear()

    def _take(self, place: Path) -> int:
        number = place.stat().st_ino
        if number not in self._held:
            self._held[number] = os.open(place, os.O_RDONLY)
        self._bytes[number] = place.read_bytes()
        return number
