"""Runs the process with the network for as long as it is needed, where the system does not."""

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from firmhold.trust.errors import Code, Damaged
from firmhold.trust.outer_faults import PlaceFault

START_SECONDS = 30.0
END_SECONDS = 5.0
LOOK_SECONDS = 0.02

PROGRAM = ("-P", "-m", "firmhold.device.fetch.cli")
"""Nothing is loaded from, or may be read in, the folder in which a command happens to be run."""


@contextmanager
def fetching(config: Path, given: Path | None = None) -> Iterator[Path]:
    """Have a process with the network while the block lasts; yield its socket.

    `given` is the socket of one that the system runs already. Raises `Damaged` if none starts.
    """
    if given is not None:
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="firmhold-"))  # short: a socket's path has 107 bytes
    place = folder / "fetch.sock"
    process = start_fetching(config, place)
    try:
        yield place
    finally:
        end(process)
        shutil.rmtree(folder, ignore_errors=True)


def start_fetching(config: Path, place: Path) -> subprocess.Popen[bytes]:
    """Start the process; return it when it listens. Raises `Damaged`."""
    words = [sys.executable, *PROGRAM, str(config), str(place)]
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL)  # noqa: S603 - own words
    deadline = time.monotonic() + START_SECONDS
    while not _listens(place):
        if process.poll() is not None or time.monotonic() > deadline:
            end(process)
            detail = "the process with the network did not start: see what it said above"
            raise Damaged(PlaceFault(code=Code.DEVICE_FETCH, path=str(place), detail=detail))
        time.sleep(LOOK_SECONDS)
    return process


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process, and see that it has ended."""
    process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _listens(place: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asker:
        try:
            asker.connect(str(place))
        except OSError:
            return False
    return True
