"""Runs all parts of a server on one machine, each as a process of its own.

A part that ends is started again, after a pause that grows while it keeps ending. When this process
is told to end, it tells the parts, and waits for them.
"""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from firmhold.fleet.home import PARTS
from firmhold.signing.passphrases import VARIABLE

LOOK_SECONDS = 0.2
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
SETTLED_SECONDS = 10.0
END_SECONDS = 15.0


@dataclass(slots=True)
class _Part:
    """One part: its process, and how long to wait before the next one."""

    name: str
    process: subprocess.Popen[bytes]
    began: float
    pause: float = FIRST_PAUSE_SECONDS
    due: float | None = None
    """When it is to be started again; None: it runs."""


@dataclass(slots=True)
class Supervisor:
    """Keeps the parts of the server in a folder running."""

    folder: Path
    passphrase: str
    ending: bool = False
    _parts: list[_Part] = field(default_factory=list)

    def run(self) -> None:
        """Run the parts until this process is told to end."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        self._parts = [_Part(name, self._start(name), time.monotonic()) for name in PARTS]
        while not self.ending:
            time.sleep(LOOK_SECONDS)
            for part in self._parts:
                self._look_at(part)
        for part in self._parts:
            part.process.terminate()
        for part in self._parts:
            part.process.wait(END_SECONDS)

    def _look_at(self, part: _Part) -> None:
        now = time.monotonic()
        if part.due is None and part.process.poll() is not None:
            settled = now - part.began > SETTLED_SECONDS
            part.pause = FIRST_PAUSE_SECONDS if settled else part.pause
            part.due = now + part.pause
            part.pause = min(2 * part.pause, LONGEST_PAUSE_SECONDS)
        if part.due is not None and now >= part.due:
            part.process, part.began, part.due = self._start(part.name), now, None

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        own = [sys.executable, "-P", "-m", "firmhold"]
        words = [*own, "fleet", "run", str(self.folder), name]
        environment = {**os.environ, VARIABLE: self.passphrase}
        return subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL)  # noqa: S603 - own words

    def _end(self, *_: object) -> None:
        self.ending = True
