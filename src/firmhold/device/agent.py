"""The agent: stays while the device is up, and has each cycle done by a process that then ends.

It holds no key and believes nothing; it only knows when to wait, whom to start again, and that a
reboot is wanted. So it stays small, and an install takes memory only while it lasts.
"""

import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from firmhold.device.events import Event, tell
from firmhold.device.fetch.back_off import next_wait
from firmhold.device.fetching import end, start_fetching
from firmhold.device.notify import notify

LOOK_SECONDS = 0.2
USUAL_WAIT_SECONDS = 3600.0
MOST_ANSWER_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Cycle:
    """How a command that the agent had run has ended."""

    good: bool
    told: dict[str, object]

    @property
    def reboot(self) -> bool:
        """Whether the device is to start anew."""
        return self.told.get("reboot") is True

    @property
    def wait(self) -> float:
        """Seconds until the next one, as the server said."""
        said = self.told.get("wait")
        return float(said) if isinstance(said, int | float) else USUAL_WAIT_SECONDS


@dataclass(slots=True)
class Agent:
    """One device's agent."""

    state: Path
    socket: Path | None
    """Of a process with the network that the system runs; None: the agent runs it."""
    on_reboot: Sequence[str]
    """The command that reboots the device; none: the agent ends, and whoever runs it sees to it."""
    ending: bool = False
    _failures: int = 0
    _fetch: subprocess.Popen[bytes] | None = None
    _child: subprocess.Popen[bytes] | None = None
    _folder: tempfile.TemporaryDirectory[str] | None = field(default=None)

    def run(self) -> int:
        """Run until told to end, or until a reboot is wanted; return the exit status."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        tell(Event.STARTED)
        try:
            self._live()
        finally:
            self._leave()
        return 0

    def _live(self) -> None:
        cycle = self._cycle("start", Event.JUDGED)
        notify("READY=1")
        while not self.ending and not cycle.reboot:
            cycle = self._cycle("check", Event.CHECKED, "--fetch", str(self._at_hand()))
            self._failures = 0 if cycle.good else self._failures + 1
            if not cycle.reboot:
                chance = random.random()  # noqa: S311 - spreads load, keeps no secret
                self._rest(next_wait(cycle.wait, self._failures, chance))
        if cycle.reboot:
            self._reboot()

    def _cycle(self, command: str, ended_well: Event, *more: str) -> Cycle:
        """Have a command run; return what it told."""
        own = [sys.executable, "-P", "-m", "firmhold"]
        words = [*own, "device", "--state", str(self.state), command]
        with tempfile.TemporaryFile() as answer:
            self._child = subprocess.Popen(  # noqa: S603 - own words
                [*words, "--json", *more], stdin=subprocess.DEVNULL, stdout=answer
            )
            while self._child.poll() is None:
                self._look()
            answer.seek(0)
            cycle = Cycle(self._child.returncode == 0, _told(answer.read(MOST_ANSWER_BYTES)))
        self._child = None
        if not self.ending:
            tell(ended_well if cycle.good else Event.CHECK_FAILED, command=command, **_said(cycle))
        return cycle

    def _rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        notify(f"STATUS=next check in {seconds:.0f} s")
        while not self.ending and time.monotonic() < until:
            self._look()

    def _look(self) -> None:
        """Say that all is well, and end what is under way if that is wanted."""
        notify("WATCHDOG=1")
        if self.ending and self._child is not None:
            self._child.terminate()
        time.sleep(LOOK_SECONDS)

    def _at_hand(self) -> Path:
        """Return the socket of the process with the network; start it if it does not run."""
        if self.socket is not None:
            return self.socket
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="firmhold-")
        place = Path(self._folder.name) / "fetch.sock"
        if self._fetch is not None and self._fetch.poll() is not None:
            tell(Event.FETCH_ENDED, status=self._fetch.returncode)
            self._fetch = None
        if self._fetch is None:
            self._fetch = start_fetching(self.state / "fetch" / "fetch.json", place)
            tell(Event.FETCH_STARTED)
        return place

    def _reboot(self) -> None:
        tell(Event.REBOOTING)
        notify("STOPPING=1", "STATUS=rebooting")
        if self.on_reboot:
            subprocess.run(self.on_reboot, check=False)  # noqa: S603 - the owner's words

    def _leave(self) -> None:
        for process in (self._child, self._fetch):
            if process is not None:
                end(process)
        if self._folder is not None:
            self._folder.cleanup()
        tell(Event.ENDED)

    def _end(self, *_: object) -> None:
        self.ending = True


def _told(answer: bytes) -> dict[str, object]:
    try:
        told = json.loads(answer)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _said(cycle: Cycle) -> dict[str, str | float | bool | None]:
    """Those members of an answer that a line of the log has room for."""
    return {
        name: value
        for name, value in cycle.told.items()
        if isinstance(value, str | int | float | bool) or value is None
    }
