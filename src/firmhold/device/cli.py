"""`firmhold device`: one device of this machine, from the command line.

    enrol      make this machine a device of a fleet, by the invitation that an operator wrote
    agent      stay, check in with the server, install what it means for this device
    check      check in once
    init       make a device that has no server; updates come on a medium
    install    install what a medium brings, after all the checks there are
    start      what the system runs at every boot: go on, check health, confirm or go back
    confirm    the same, for a person: judge what runs now
    boot       play the boot chain, where the loader reads the record in files
    verify     measure what is in the slots against what was signed
    status     what runs, what is under way, what was refused

Exit status 0 if what was asked was done, else 1. Where a reboot is wanted, that is said last.
"""

import argparse
import json
import shlex
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from firmhold.device.adapters.walls import no_network
from firmhold.terminal import Parser, run, say
from firmhold.trust.advice import advice_for
from firmhold.trust.errors import FirmholdError

COMMANDS = "firmhold.device.commands"
"""Loaded for all but the agent, which stays in memory and needs nothing of it."""


class _Commands(Protocol):
    def perform(self, options: argparse.Namespace, wall: Callable[[], None]) -> None: ...


def main(arguments: Sequence[str], wall: Callable[[], None] = no_network) -> int:
    """Run one command; report a failure on standard error in one line and one of advice.

    `wall` is what takes the network from this process, for good, before it reads what came from
    outside; a test that goes on in the same process has another one.
    """
    return run(lambda: _run(_parser().parse_args(arguments), wall))


def _run(options: argparse.Namespace, wall: Callable[[], None]) -> None:
    if options.command == "agent":
        _stay(options)
        return
    commands = cast("_Commands", import_module(COMMANDS))
    try:
        commands.perform(options, wall)
    except FirmholdError as error:
        if getattr(options, "json", False):
            say(json.dumps(_failure(error)))
        raise


def _failure(error: FirmholdError) -> dict[str, str]:
    family, code = type(error).__name__.lower(), error.code
    return {"failed": code.value, "family": family, "what": str(error), "do": advice_for(code)}


def _stay(options: argparse.Namespace) -> None:
    from firmhold.device.agent import Agent  # noqa: PLC0415 - only what stays is loaded

    Agent(options.state.absolute(), options.fetch, shlex.split(options.on_reboot)).run()


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="firmhold device", description="One device of this machine.")
    parser.add_argument("--state", type=Path, required=True, help="the device's own folder")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser)
    _add_making(commands)
    _add_running(commands)
    return parser


def _add_making(commands: "argparse._SubParsersAction[Parser]") -> None:
    enrol = commands.add_parser("enrol", help="become a device of a fleet, by an invitation")
    enrol.add_argument("--invitation", type=Path, required=True, help="what an operator wrote")
    enrol.add_argument("--fetch", type=Path, help=_FETCH)
    enrol.add_argument("--fetch-user", help="a user of its own for the process with the network")
    enrol.add_argument(
        "--tpm",
        nargs="?",
        const="device:/dev/tpmrm0",
        help="make the signing key in the TPM; reached by this TCTI, else by the kernel",
    )
    init = commands.add_parser("init", help="make a device that has no server")
    for name, what in (
        ("device", "the device's name"),
        ("product", "the product whose releases it takes"),
        ("component", "the component that lives in the slots"),
        ("model", "its hardware model"),
    ):
        init.add_argument(f"--{name}", required=True, help=what)
    init.add_argument("--revision", type=int, required=True, help="its hardware revision")
    for name, what in (
        ("image-root", "the image repository's first root"),
        ("director-root", "the Director's first root"),
        ("settings", "the first trust settings"),
    ):
        init.add_argument(f"--{name}", type=Path, required=True, help=what)
    for parser in (enrol, init):
        parser.add_argument("--slot-a", type=Path, required=True, help=f"{_MEDIUM}; what runs now")
        parser.add_argument("--slot-b", type=Path, required=True, help=f"{_MEDIUM}; the spare one")
        parser.add_argument("--group", action="append", default=[], help="a group it belongs to")


def _add_running(commands: "argparse._SubParsersAction[Parser]") -> None:
    agent = commands.add_parser("agent", help="stay, and keep this device up to date")
    agent.add_argument("--on-reboot", default="", help="the command that reboots; none: end")
    check = commands.add_parser("check", help="check in with the server once")
    for parser in (agent, check):
        parser.add_argument("--fetch", type=Path, help=_FETCH)
    commands.add_parser("boot", help="play the boot chain: choose what runs")
    start = commands.add_parser(
        "start", help="go on after a boot; check health, confirm or go back"
    )
    confirm = commands.add_parser("confirm", help="judge what runs now; confirm or go back")
    install = commands.add_parser("install", help="install what a medium brings")
    install.add_argument("--from", dest="medium", type=Path, required=True, help="its folder")
    verify = commands.add_parser("verify", help="measure what is in the slots")
    status = commands.add_parser("status", help="what runs, what is under way")
    for parser in (check, start, confirm, verify, status):
        parser.add_argument("--json", action="store_true", help="as JSON, for programs")


_MEDIUM = "file or block device"
_FETCH = "socket of a fetch process that runs; none: one is started"
