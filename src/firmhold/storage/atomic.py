"""A file is replaced wholly and durably, or not at all."""

import os
from contextlib import suppress
from pathlib import Path

TEMPORARY_SUFFIX = ".part"
"""Ends the name of a file that is being written; a reader of the folder ignores such names."""


def replace_file(path: Path, data: bytes) -> None:
    """Write `data` to `path`: a reader sees the old bytes or the new, a power cut likewise."""
    temporary = path.with_name(path.name[:200] + TEMPORARY_SUFFIX)
    # What a cut run left; or a link, which must not lead the writer elsewhere.
    temporary.unlink(missing_ok=True)
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        move_into_place(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def move_into_place(temporary: Path, path: Path) -> None:
    """Rename an fsynced file over `path`, in the same folder, and make the name durable."""
    temporary.replace(path)
    sync_folder(path.parent)


def remove_file(path: Path) -> None:
    """Delete `path` durably; one that is not there is gone already."""
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
