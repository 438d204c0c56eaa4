"""Runs all parts of a server on one machine, each as a process of its own.

A part that ends is started again, after a pause that grows while it keeps ending. When this process
is told to end, it tells the parts, and waits for them.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from firmhold.fleet.home import PARTS, Home
from firmhold.signing.passphrases import VARIABLE, credential_name
from firmhold.signing.ports import Secrets
from firmhold.signing.uri import FILE_SCHEME

OFFICES_OF = {"ca": ("ca",), "director": ("director", "freshness")}
"""Which parts hold keys that may live in tokens."""

LOOK_SECONDS = 0.2
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
SETTLED_SECONDS = 10.0
END_SECONDS = 15.0


def pins_of(home: Home, secrets: Secrets) -> dict[str, dict[str, str]]:
    """Ask for the PIN of each token, and of each TPM key, of the parts; return them by part."""
    known: dict[str, str] = {}
    found: dict[str, dict[str, str]] = {}
    for part, offices in OFFICES_OF.items():
        uris = [uri for office in offices for uri in home.uris(office)]
        found[part] = {}
        for uri in (each for each in uris if not each.startswith(FILE_SCHEME)):
            token = credential_name(uri)  # one PIN opens all keys of a token
            if token not in known:
                known[token] = secrets.pin(uri)
            found[part][uri] = known[token]
    return found


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
    pins: Mapping[str, Mapping[str, str]]
    """By part, the PIN of each of its keys that lives in a token or a TPM."""
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
        pins = "".join(f"{uri}\t{pin}\n" for uri, pin in self.pins.get(name, {}).items())
        if not pins:
            return subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL)  # noqa: S603 - own words
        reading, writing = os.pipe()
        try:
            os.write(writing, pins.encode())
            os.close(writing)
            words += ["--pin-fd", str(reading)]
            return subprocess.Popen(  # noqa: S603 - own words
                words, env=environment, stdin=subprocess.DEVNULL, pass_fds=(reading,)
            )
        finally:
            os.close(reading)

    def _end(self, *_: object) -> None:
        self.ending = True
