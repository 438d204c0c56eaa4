import io
from pathlib import Path

from fuzz.promises import SEEDS
from fuzz.run import NAMES, main
from fuzz.targets import TARGETS


def test_every_target_is_run() -> None:
    """The runner, the targets and the folders of seeds name the same things."""
    assert set(NAMES) == set(TARGETS) == {folder.name for folder in SEEDS.iterdir()}


def test_replay_names_the_target_by_its_folder() -> None:
    """A finding is replayed through the target in whose folder it stands, without the fuzzer."""
    out = io.StringIO()
    assert main(["--replay", str(SEEDS / "names" / "dot_dot")], out) == 0
    assert out.getvalue().startswith("names:")


def test_replay_of_a_stray_file(tmp_path: Path) -> None:
    """A file from elsewhere is replayed through the target that is named, and else through none."""
    stray = tmp_path / "stray"
    stray.write_bytes(b"..")
    assert main(["--replay", str(stray)], io.StringIO()) == 2
    assert main(["--replay", str(stray), "--target", "json"], io.StringIO()) == 0
