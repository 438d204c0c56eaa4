"""What the guides tell a stranger to type works as it stands there, one guide after the other."""

import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from firmhold.sim.postgresql import Cluster

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
ORDER = (
    "first-release",
    "first-device",
    "offline-update",
    "device-does-not-come-back",
    "postgresql",
)
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


@contextmanager
def typist(folder: Path, database: Cluster) -> Iterator[Callable[[list[str]], None]]:
    """Somebody who types commands; after one that ends in `&` the next ones are tried again."""
    environment = os.environ | {"FIRMHOLD_PASSPHRASE": "for this test", "COLUMNS": "200"}
    environment |= {"PGHOST": str(database.folder / "run"), "PGUSER": "postgres"}
    beside: list[subprocess.Popen[bytes]] = []

    def typed(words: list[str]) -> None:
        program = [sys.executable, "-m", "firmhold"] if words[0] == "firmhold" else words[:1]
        line = [*program, *words[1:]]
        if words[-1] == "&":
            beside.append(subprocess.Popen(line[:-1], cwd=folder, env=environment))  # noqa: S603
            return
        tries = 60 if beside else 1
        for number in range(1, tries + 1):
            done = subprocess.run(line, cwd=folder, env=environment, check=False, timeout=60)  # noqa: S603
            if done.returncode == 0:
                return
            assert number < tries, words
            time.sleep(0.5)

    try:
        yield typed
    finally:
        for process in beside:
            process.terminate()
            process.wait(30)


@pytest.mark.slow
def test_the_guides_lead_from_an_image_to_devices_that_run_it() -> None:
    """A stranger who types the guides' commands has two devices with the release in both slots."""
    with (
        Cluster(peers=True) as database,
        tempfile.TemporaryDirectory(prefix="firmhold-") as name,
        typist(Path(name), database) as typed,
    ):
        folder = Path(name)
        (folder / "camera-1.0.img").write_bytes(IMAGE)
        (folder / "camera-1.0.toml").write_text(blocks("first-release", "toml")[0])
        for guide in ORDER:
            for words in commands(guide):
                typed(words)
        for slot in ("slot-a", "slot-b", "camera-9/slot-a", "camera-9/slot-b"):
            assert (folder / slot).read_bytes()[: len(IMAGE)] == IMAGE


def test_every_guide_is_run() -> None:
    """No guide is written that nobody types."""
    assert {path.stem for path in GUIDES.glob("*.md")} == set(ORDER)
