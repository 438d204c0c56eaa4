"""Plays the demo with everything watched: what secrets were made, and every byte on the wire.

python watched_demo.py FOLDER OLD NEW

Run in a network namespace of its own, as root. FOLDER/kept is what the demo leaves behind,
FOLDER/wire every packet, FOLDER/secrets.json each secret with where it was made.
"""

import json
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from types import ModuleType, SimpleNamespace

from firmhold.drill import demo
from firmhold.drill import keys as drill_keys
from firmhold.fleet.ca import tokens as ca_tokens
from firmhold.sim import fleet as sim_fleet

EVERYTHING = 3


def watched(module: ModuleType, made: list[list[str]]) -> None:
    """Have a module's random texts written down."""

    def token_urlsafe(size: int) -> str:
        found = secrets.token_urlsafe(size)
        made.append([module.__name__, found])
        return found

    module.secrets = SimpleNamespace(token_urlsafe=token_urlsafe)  # type: ignore[attr-defined]


def captured(to: Path) -> None:
    """Write every packet of this namespace down, until the process ends."""
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(EVERYTHING))
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 26)
    wire.bind(("lo", 0))

    def listen() -> None:
        with to.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(wire.recv(1 << 17))

    threading.Thread(target=listen, daemon=True).start()


def main(folder: Path, old: str, new: str) -> int:
    """Play it."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)  # noqa: S607 - by its name
    captured(folder / "wire")
    made: list[list[str]] = []
    for module in (drill_keys, ca_tokens):
        watched(module, made)
    (folder / "places").mkdir()
    tempfile.tempdir = str(folder / "places")
    # The server's own folder is looked at afterwards too.
    vars(sim_fleet)["shutil"] = SimpleNamespace(rmtree=lambda *_, **__: None)
    assert shutil.which("softhsm2-util") is not None
    status = demo.main(["--old", old, "--new", new, "--keep", str(folder / "kept")])
    (folder / "secrets.json").write_text(json.dumps(made))
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
