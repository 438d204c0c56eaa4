"""The benchmarks run, on a small image; what they print is for people to compare."""

import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent


@pytest.mark.slow
def test_an_install_is_measured_beside_its_peers(tmp_path: Path) -> None:
    """Whoever reads a figure in `bench/README.md` can have it measured again."""
    words = [sys.executable, str(TOP / "bench" / "install.py"), "--mebibytes", "1", "--runs", "1"]
    ran = subprocess.run(words, cwd=tmp_path, check=True, capture_output=True, text=True)  # noqa: S603 - ours
    for line in ("sha256sum", "zstd -dc", "firmhold device install"):
        assert f"| `{line}` |" in ran.stdout


@pytest.mark.slow
def test_keys_are_measured_side_by_side(tmp_path: Path) -> None:
    """Files, a token and a TPM, in one table."""
    words = [sys.executable, str(TOP / "bench" / "keys.py"), "--seconds", "0.02"]
    ran = subprocess.run(words, cwd=tmp_path, check=True, capture_output=True, text=True)  # noqa: S603 - ours
    for kind in ("| file, ", "| SoftHSM2, ", "| swtpm, "):
        assert kind in ran.stdout
