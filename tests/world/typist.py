"""Somebody who types what a page of the documentation tells him to."""

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

Typed = Callable[[list[str]], None]

RESTART = ["systemctl", "restart"]


def blocks(page: Path, kind: str) -> list[str]:
    """The blocks of a page that are marked so."""
    text = page.read_text(encoding="utf-8")
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [block for marked, block in fenced if marked == kind]


def commands(page: Path) -> Iterator[list[str]]:
    """The commands of a page, split as a shell splits them."""
    for block in blocks(page, ""):
        for line in block.replace("\\\n", " ").splitlines():
            if words := shlex.split(line, comments=True):
                yield words


@contextmanager
def typist(folder: Path, more: Mapping[str, str]) -> Iterator[Typed]:
    """Types commands; after one that ends in `&` the next ones are tried again.

    There is no service manager here: a part that is to be restarted is ended, and `fleet serve`
    starts it again.
    """
    environment = os.environ | {"FIRMHOLD_PASSPHRASE": "for this test", "COLUMNS": "200", **more}
    beside: list[subprocess.Popen[bytes]] = []

    def typed(words: list[str]) -> None:
        if words[:2] == RESTART:
            _restart(words[2].partition("@")[2])
            return
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

    def _restart(part: str) -> None:
        (process,) = [each for each in beside if each.poll() is None]
        words = ["pkill", "-P", str(process.pid), "-f", f" {part}$"]
        subprocess.run(words, check=True)  # noqa: S603

    try:
        yield typed
    finally:
        for process in beside:
            process.terminate()
            process.wait(30)
