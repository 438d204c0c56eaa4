"""A file is replaced wholly and durably, or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

TEMPORARY_SUFFIX = ".part"
"""Ends the name of a file that is being written; a reader of the folder ignores such names."""


def replace_file(path: Path, data: bytes) -> None:
    """Write `data` to `path`: a reader sees the old bytes or the new, a power cut likewise."""
    with unfinished(path) as file:
        file.write(data)
        finish(file, path)


@contextmanager
def unfinished(path: Path) -> Iterator[BinaryIO]:
    """Open a new file beside `path`; when the block ends, `finish` has named it or it is gone."""
    temporary = path.with_name(path.name[:200] + TEMPORARY_SUFFIX)
    # What a cut run left; or a link, which must not lead the writer elsewhere.
    temporary.unlink(missing_ok=True)
    try:
        with temporary.open("xb") as file:
            yield file
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def finish(file: BinaryIO, path: Path) -> None:
    """Give an unfinished file its name `path`, in the same folder, with all its bytes durable."""
    file.flush()
    os.fsync(file.fileno())
    move_into_place(Path(file.name), path)


def move_into_place(temporary: Path, path: Path) -> None:
    """Rename an fsynced file over `path`, in the same folder, and make the name durable."""
    temporary.replace(path)
    sync_folder(path.parent)


def remove_file(path: Path) -> None:
    """Delete `path` durably; one that is not there is gone already."""
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Make `folder`, and those above it that are not there, durably."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
