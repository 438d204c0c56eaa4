"""What the guides tell a stranger to type works as it stands there, one guide after the other."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
ORDER = ("first-release", "offline-update", "device-does-not-come-back")
IMAGE = Random(7).randbytes(150_000)


def blocks(guide: str, kind: str) -> list[str]:
    """The blocks of a guide that are marked so."""
    text = (GUIDES / f"{guide}.md").read_text(encoding="utf-8")
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [block for marked, block in fenced if marked == kind]


def commands(guide: str) -> Iterator[list[str]]:
    """The commands of a guide, split as a shell splits them."""
    for block in blocks(guide, ""):
        for line in block.replace("\\\n", " ").splitlines():
            if words := shlex.split(line, comments=True):
                yield words


@pytest.mark.slow
def test_the_guides_lead_from_an_image_to_a_device_that_runs_it(tmp_path: Path) -> None:
    """A stranger who types the guides' commands has a device with the release in both slots."""
    (tmp_path / "camera-1.0.img").write_bytes(IMAGE)
    (tmp_path / "camera-1.0.toml").write_text(blocks("first-release", "toml")[0])
    environment = os.environ | {"FIRMHOLD_PASSPHRASE": "for this test", "COLUMNS": "200"}
    for guide in ORDER:
        for words in commands(guide):
            program = [sys.executable, "-m", "firmhold"] if words[0] == "firmhold" else words[:1]
            subprocess.run(  # noqa: S603 - the guides' own words
                [*program, *words[1:]], cwd=tmp_path, env=environment, check=True, timeout=60
            )
    for slot in ("slot-a", "slot-b"):
        assert (tmp_path / slot).read_bytes()[: len(IMAGE)] == IMAGE


def test_every_guide_is_run() -> None:
    """No guide is written that nobody types."""
    assert {path.stem for path in GUIDES.glob("*.md")} == set(ORDER)
