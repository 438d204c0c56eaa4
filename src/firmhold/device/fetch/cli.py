"""The process with the network: `python -m firmhold.device.fetch.cli CONFIG SOCKET`.

It walls itself in before it listens: run by root, it becomes the user that owns its spool. It then
reads its own folder and the system's libraries, and writes its spool and nothing else.
"""

import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from firmhold.device.adapters.user import become_owner
from firmhold.device.adapters.walls import only
from firmhold.device.fetch.config import SPOOL
from firmhold.device.fetch.serve import Fetcher, serve

_OWNER_AND_GROUP = 0o660
_SYSTEM = ("/usr", "/lib", "/lib64", "/etc", "/dev/null", "/dev/urandom", "/proc/self")


def main(arguments: Sequence[str]) -> int:
    """Listen until told to end."""
    config, place = (Path(each).absolute() for each in arguments)
    signal.signal(signal.SIGTERM, _end)
    spool = config.parent / SPOOL
    spool.mkdir(mode=0o750, exist_ok=True)
    listener = _listening(place)
    become_owner(spool)
    only(reads=[config.parent, *_libraries()], writes=[spool])
    serve(listener, Fetcher(config))
    return 0


def _listening(place: Path) -> socket.socket:
    place.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(place))
    place.chmod(_OWNER_AND_GROUP)
    listener.listen(1)
    return listener


def _libraries() -> list[Path]:
    """Where the interpreter and what it loads are."""
    named = [sys.prefix, sys.base_prefix, *_SYSTEM, *(each for each in sys.path if each)]
    return [Path(each) for each in named]


def _end(*_: object) -> None:
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
