"""This machine's own disk: files only, never more than asked for, failures by their own name."""

import os
from pathlib import Path

import pytest

from firmhold.storage.disk import open_file, own_disk, read_file, why
from firmhold.trust.errors import Code, Damaged, Misuse, UsageFault
from firmhold.trust.outer_faults import PlaceFault


def test_a_failure_of_the_disk_is_reported_with_its_place(tmp_path: Path) -> None:
    """The system's own words stand beside the path that was asked for."""
    with pytest.raises(Damaged) as error, own_disk(tmp_path):
        (tmp_path / "missing").read_bytes()
    fault = PlaceFault(code=Code.STORE_IO, path=str(tmp_path), detail="No such file or directory")
    assert error.value.fault == fault


def test_what_is_no_failure_of_the_disk_is_left_alone(tmp_path: Path) -> None:
    """Other refusals pass through as they are."""
    refusal = Misuse(UsageFault(code=Code.MISUSE, what="x"))
    with pytest.raises(Misuse) as error, own_disk(tmp_path):
        raise refusal
    assert error.value is refusal


def test_a_failure_without_words_is_shown_as_it_is() -> None:
    """There is always something to read."""
    assert why(OSError(28, "No space left on device")) == "No space left on device"
    assert why(OSError("odd")) == "odd"


def open_files() -> int:
    """How many files this process holds open."""
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize(("most", "read"), [(0, b"0"), (3, b"0123"), (10, b"0123456789")])
def test_one_byte_more_than_asked_for_shows_that_there_is_more(
    tmp_path: Path, most: int, read: bytes
) -> None:
    """A file is never read far beyond its bound, and one that exceeds it is seen to."""
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    assert read_file(path, most) == read


def test_a_pipe_or_a_folder_is_no_file(tmp_path: Path) -> None:
    """Nobody waits for a pipe that nobody writes to."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path(os.devnull)):
        before = open_files()
        with pytest.raises(OSError, match="not a file"):
            open_file(path)
        assert open_files() == before


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    """Absence keeps its own name."""
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "missing", 1)
