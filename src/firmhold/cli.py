"""`firmhold`: hands each command to the place that owns it, and loads nothing else.

Device commands must not load the release desk, nor a plain client the demo: so a command's module
is imported when it is asked for.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Protocol, cast

from firmhold import __version__

COMMANDS = {
    "release": ("firmhold.release.cli", "build, sign and publish releases"),
    "keys": (
        "firmhold.release.ceremony.cli",
        "make keys; ceremonies that say whose signatures count",
    ),
    "fleet": ("firmhold.fleet.cli", "the server: enrol devices, direct rollouts"),
    "device": ("firmhold.device.cli", "one device of this machine: install, confirm, status"),
    "tuf-client": ("firmhold.interop.tuf_client", "a plain TUF client, for outside suites"),
    "uptane-client": ("firmhold.interop.uptane_client", "one Uptane component, likewise"),
    "demo": ("firmhold.drill.demo", "the whole path on real firmware, then attacks on it"),
}
"""Each command with the module whose `main(arguments)` runs it, and what it is for."""

EXTRAS = {
    "rich": "operator",
    "typer": "operator",
    "httpx": "server",
    "sqlalchemy": "server",
    "starlette": "server",
    "uvicorn": "server",
    "pkcs11": "token",
    "tpm2_pytss": "tpm",
}
"""What only people's commands and servers need, and a device does not have, by its extra."""


class _Command(Protocol):
    def main(self, arguments: Sequence[str]) -> int: ...


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `firmhold COMMAND …`; return the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["--version"]:
        print(f"firmhold {__version__}")
        return 0
    if not given or given[0] in {"-h", "--help"}:
        print(_usage())
        return 0
    if given[0] not in COMMANDS:
        print(f"misuse: no command {given[0]!r}\n\n{_usage()}", file=sys.stderr)
        return 1
    return _run(given[0], given[1:])


def _run(command: str, arguments: Sequence[str]) -> int:
    try:
        return cast("_Command", import_module(COMMANDS[command][0])).main(arguments)
    except ModuleNotFoundError as error:
        extra = EXTRAS.get(error.name or "")
        if extra is None:
            raise
        print(f"misuse: `{command}` needs {error.name}, of the extra `{extra}`", file=sys.stderr)
        print(f"  Install it: pip install 'firmhold[{extra}]'.", file=sys.stderr)
        return 1


def _usage() -> str:
    lines = [f"  {name:<14} {purpose}" for name, (_, purpose) in COMMANDS.items()]
    return "\n".join(["usage: firmhold COMMAND [OPTION …]", "", *lines])
