"""A process that ends at a chosen operation of its disk."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from firmhold.device.adapters import block, disk, files


class Cut(BaseException):
    """The process ended here; nothing that runs in it may go on."""


@contextmanager
def counted_operations(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Count what changes the disk; the second number says where it ends (0: nowhere).

    Other threads stand for other processes, and are left alone.
    """
    counted, own = [0, 0], threading.get_ident()

    def counting(real: Callable[..., object]) -> Callable[..., object]:
        def counted_one(*arguments: object) -> object:
            if threading.get_ident() == own:
                counted[0] += 1
                if counted[0] == counted[1]:
                    raise Cut
            return real(*arguments)

        return counted_one

    for module in (files, block):
        monkeypatch.setattr(module, "write_all", counting(disk.write_all))
    monkeypatch.setattr(files, "sync_folder", counting(disk.sync_folder))
    monkeypatch.setattr(os, "fsync", counting(os.fsync))
    monkeypatch.setattr(Path, "rename", counting(Path.rename))
    yield counted
    counted[1] = 0
