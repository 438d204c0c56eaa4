"""What the README tells a stranger to type works as it stands there."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from firmhold.sim.network import SimNetwork

README = Path(__file__).parents[2] / "README.md"
SERVED_AT = "http://127.0.0.1:8000"


def commands(heading: str) -> list[list[str]]:
    """The commands of the first block below a heading, split as a shell splits them."""
    block = README.read_text(encoding="utf-8").split(f"## {heading}")[1].split("```")[1]
    lines = block.replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True) for line in lines if line.strip()]


@pytest.mark.slow
def test_a_first_release_by_hand_reaches_a_device(tmp_path: Path) -> None:
    """A stranger who types the README's commands ends with the verified file."""
    (tmp_path / "firmware.img").write_bytes(b"a stranger's firmware" * 1000)
    environment = os.environ | {"FIRMHOLD_PASSPHRASE": "for this test", "COLUMNS": "200"}
    with SimNetwork(tmp_path / "site") as network:
        for words in commands("A first release by hand"):
            if words[0] == "export":
                continue  # the passphrase: above
            assert words[0] == "firmhold"
            given = [word.replace(SERVED_AT, network.url) for word in words[1:]]
            subprocess.run(  # noqa: S603 - the README's own words
                [sys.executable, "-m", "firmhold", *given],
                cwd=tmp_path,
                env=environment,
                check=True,
                timeout=60,
            )
    (arrived,) = (tmp_path / "out").iterdir()
    assert arrived.read_bytes() == (tmp_path / "firmware.img").read_bytes()
