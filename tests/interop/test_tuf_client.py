"""The command, called within the process: what it says and how it ends, without a network."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from firmhold.interop.tuf_client import main
from firmhold.sim.clock import SimClock
from firmhold.sim.repository import SimRepository

HERE = "http://127.0.0.1:9"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A trusted root, as a file."""
    repository = SimRepository(tmp_path / "repository", SimClock())
    return repository.metadata_place("root", 1)


def test_init_writes_the_root_down(root: Path, tmp_path: Path) -> None:
    """The folder is made, the root stands in it byte for byte, and again changes nothing."""
    folder = tmp_path / "new" / "metadata"
    for _ in range(2):
        assert main(["--metadata-dir", str(folder), "init", str(root)]) == 0
    assert [file.read_bytes() for file in folder.iterdir()] == [root.read_bytes()]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], "misuse"),
        (["--metadata-dir", "d", "init", "nowhere"], "store.io"),
        (["--metadata-dir", "d", "init", "."], "store.io"),
        (["--metadata-dir", "d", "refresh"], "misuse"),
        (["--metadata-dir", "d", "--metadata-url", HERE, "refresh"], "store.no_root"),
        (["--metadata-dir", "d", "--metadata-url", HERE, "download"], "misuse"),
    ],
)
def test_a_failure_is_a_line_and_a_line_of_advice(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: Sequence[str],
    code: str,
) -> None:
    """The first line bears family and code, the second says what to do, and the status is 1."""
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    said = capsys.readouterr()
    first, second = said.err.splitlines()
    assert first.split(": ")[1] == code
    assert second.startswith("  ")
    assert said.out == ""


@pytest.mark.parametrize("name", ["\udc80", "a\udcff"], ids=ascii)
def test_a_name_that_is_no_text_is_misuse(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Bytes of the shell that are no UTF-8 cannot be a target path, and are shown spelt."""
    folder = ["--metadata-dir", str(tmp_path / "d")]
    assert main([*folder, "init", str(root)]) == 0
    rest = ["--target-base-url", HERE, "--target-dir", str(tmp_path / "f"), "download"]
    assert main([*folder, "--metadata-url", HERE, "--target-name", name, *rest]) == 1
    said = capsys.readouterr().err
    assert said.startswith("misuse: ")
    assert "\\udc" in said


def test_one_folder_for_both_is_misuse(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Targets cannot go where metadata stand, by whatever way the folder is named."""
    folder = tmp_path / "d"
    (tmp_path / "link").symlink_to(folder)
    assert main(["--metadata-dir", str(folder), "init", str(root)]) == 0
    arguments = [
        "--metadata-dir",
        str(folder),
        "--metadata-url",
        HERE,
        "--target-name",
        "root.json",
    ]
    rest = ["--target-base-url", HERE, "--target-dir", str(tmp_path / "link"), "download"]
    assert main([*arguments, *rest]) == 1
    assert capsys.readouterr().err.startswith("misuse: ")


def test_hostile_text_is_spelt_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A path with control characters is shown without doing anything to the terminal."""
    assert main(["--metadata-dir", str(tmp_path), "init", "\x1b[2J\u202e\nmisuse: none"]) == 1
    said = capsys.readouterr().err
    assert "\\x1b[2J\\u202e\\nmisuse: none" in said
    assert len(said.splitlines()) == 2


def test_help_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    """Help is printed to the standard output, and the status is 0."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert "--metadata-dir" in capsys.readouterr().out


def test_help_that_cannot_be_told_ends_with_one(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An output that takes nothing is a failure that is reported."""
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        monkeypatch.setattr("sys.stdout", full)
        assert main(["--help"]) == 1
        assert os.path.samestat(os.fstat(full.fileno()), Path(os.devnull).stat())
    assert capfd.readouterr().err.startswith("damaged: store.io")
