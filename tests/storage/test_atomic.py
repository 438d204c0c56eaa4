"""A file is replaced wholly and durably, or not at all."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from firmhold.sim.disk import full_disk
from firmhold.storage.atomic import (
    finish,
    make_folder,
    move_into_place,
    remove_file,
    replace_file,
    unfinished,
)

BIG = b"x" * 5_000_000


def names(folder: Path) -> list[str]:
    """The names in a folder, sorted."""
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("data", [b"", b"new", BIG], ids=["empty", "small", "big"])
def test_a_file_is_replaced_whole(tmp_path: Path, data: bytes) -> None:
    """A new file and one that was there hold the new bytes, and nothing else is left."""
    for old in (None, b"old"):
        path = tmp_path / "file"
        if old is not None:
            path.write_bytes(old)
        replace_file(path, data)
        assert path.read_bytes() == data
        assert names(tmp_path) == ["file"]


def test_a_full_disk_leaves_the_old_bytes(tmp_path: Path) -> None:
    """A write that fails in its middle changes nothing and leaves nothing."""
    path = tmp_path / "file"
    replace_file(path, b"old")
    with full_disk(1000), pytest.raises(OSError):  # noqa: PT011 - any failure of the disk
        replace_file(path, BIG)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_a_name_that_cannot_be_taken_leaves_nothing(tmp_path: Path) -> None:
    """Where a folder has the name, the new file goes away again."""
    (tmp_path / "file").mkdir()
    with pytest.raises(IsADirectoryError):
        replace_file(tmp_path / "file", b"new")
    assert names(tmp_path) == ["file"]


def test_what_a_cut_run_left_is_not_in_the_way(tmp_path: Path) -> None:
    """An unfinished file of an earlier run is replaced, not continued."""
    (tmp_path / "file.part").write_bytes(BIG)
    replace_file(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"
    assert names(tmp_path) == ["file"]


def test_a_planted_link_leads_no_writer_elsewhere(tmp_path: Path) -> None:
    """Neither a link under the final name nor one under the unfinished one is followed."""
    outside = tmp_path / "outside"
    outside.write_bytes(b"precious")
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("file", "file.part"):
        (folder / name).symlink_to(outside)
    replace_file(folder / "file", b"new")
    assert outside.read_bytes() == b"precious"
    assert (folder / "file").read_bytes() == b"new"
    assert not (folder / "file").is_symlink()


def test_a_longest_name_can_be_replaced(tmp_path: Path) -> None:
    """The name of the unfinished file fits where the name itself fits."""
    path = tmp_path / ("a" * 255)
    replace_file(path, b"new")
    assert path.read_bytes() == b"new"


def test_an_unfinished_file_is_gone_unless_it_was_finished(tmp_path: Path) -> None:
    """A block that ends without `finish`, well or badly, leaves nothing."""
    with unfinished(tmp_path / "file") as file:
        file.write(b"half")
        assert names(tmp_path) == ["file.part"]
    assert names(tmp_path) == []
    with pytest.raises(ZeroDivisionError), unfinished(tmp_path / "file") as file:
        file.write(bytes(1 // 0))
    assert names(tmp_path) == []


def test_a_finished_file_may_get_another_name(tmp_path: Path) -> None:
    """A file may be named after what was found in it."""
    with unfinished(tmp_path / "incoming") as file:
        file.write(b"content")
        finish(file, tmp_path / "digest")
        assert (tmp_path / "digest").read_bytes() == b"content"
    assert names(tmp_path) == ["digest"]


def test_a_file_is_moved_over_another(tmp_path: Path) -> None:
    """The name then stands for the new file only."""
    (tmp_path / "new").write_bytes(b"new")
    (tmp_path / "file").write_bytes(b"old")
    move_into_place(tmp_path / "new", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"new"
    assert names(tmp_path) == ["file"]


def test_a_removed_file_is_gone_however_often(tmp_path: Path) -> None:
    """Removing what is not there is done already."""
    (tmp_path / "file").write_bytes(b"old")
    remove_file(tmp_path / "file")
    remove_file(tmp_path / "file")
    assert names(tmp_path) == []


def test_folders_are_made_down_to_the_last(tmp_path: Path) -> None:
    """Missing folders are made, one that is there is kept, and a file is no folder."""
    make_folder(tmp_path / "a/b/c")
    (tmp_path / "a/b/c/file").write_bytes(b"kept")
    make_folder(tmp_path / "a/b/c")
    assert (tmp_path / "a/b/c/file").read_bytes() == b"kept"
    with pytest.raises(OSError, match="file"):
        make_folder(tmp_path / "a/b/c/file/d")


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (lambda folder: replace_file(folder / "file", b"new"), ["file.part", "folder"]),
        (lambda folder: remove_file(folder / "old"), ["folder"]),
        (lambda folder: make_folder(folder / "a/b"), ["folder", "a"]),
    ],
    ids=["replace", "remove", "make"],
)
def test_what_changes_is_made_durable_in_order(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: Callable[[Path], None],
    expected: list[str],
) -> None:
    """Bytes are synced before they get their name, and each folder after its names changed."""
    folder = tmp_path / "folder"
    folder.mkdir()
    synced: list[str] = []
    sync = os.fsync

    def watched(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    step(folder)
    assert synced == expected
