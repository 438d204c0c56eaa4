"""A fleet server as an operator sets it up, by commands, whose parts are processes."""

import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from firmhold.fleet.cli import main
from firmhold.fleet.home import SOCKETS, Home, open_home
from firmhold.release.cli import main as release
from firmhold.sim.fleet import PATIENCE_SECONDS, free_port


def staged(folder: Path) -> list[str]:
    """Make a staging desk and publish its settings; return the words by which `init` takes it."""
    desk, site = str(folder / "desk"), str(folder / "site")
    assert release(["keys", "init", desk]) == 0
    assert release(["keys", "fleet", desk]) == 0
    assert release(["settings", desk, str(folder / "desk/fleet/settings.json")]) == 0
    for number in (1, 2):
        key = f"file:{folder}/desk/keys/targets-{number}.pem"
        assert release(["sign", desk, "--role", "targets", "--key", key]) == 0
    assert release(["publish", desk, "--to", site]) == 0
    words = ["--desk", desk, "--site", site]
    return [*words, "--device-port", str(free_port()), "--enrolment-port", str(free_port())]


def new_server(folder: Path, *words: str) -> Home:
    """Set a server up below `folder`."""
    home = folder / "h"
    assert main(["init", str(home), *staged(folder), *words]) == 0
    return open_home(home)


def answers(home: Home) -> bool:
    """Whether all ports and sockets of a server answer."""
    for family, place in [
        *((socket.AF_INET, (home.host, port)) for port in (home.device_port, home.enrolment_port)),
        *((socket.AF_UNIX, str(home.socket(name))) for name in SOCKETS),
    ]:
        with socket.socket(family) as probe:
            if probe.connect_ex(place) != 0:  # type: ignore[arg-type]
                return False
    return True


def until(happens: Callable[[], bool]) -> None:
    """Wait until something happens."""
    deadline = time.monotonic() + 3 * PATIENCE_SECONDS
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def process_of(home: Home, part: str) -> str:
    """The process of a part."""
    words = ["pgrep", "-f", f"fleet run {home.folder} {part}"]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
