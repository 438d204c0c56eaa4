"""`firmhold tuf-client`: a plain TUF client as a command, for outside suites and shell scripts.

Exit status 0 if everything that was asked for is done and verified, else 1.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from firmhold.interop.adapters.folder import MetadataFolder, TargetFolder
from firmhold.interop.adapters.http import HttpFetcher
from firmhold.interop.adapters.system import SystemClock
from firmhold.interop.client import Client, pin
from firmhold.trust.advice import advice_for
from firmhold.trust.errors import Code, Damaged, FirmholdError, Misuse, PlaceFault, UsageFault
from firmhold.trust.tuf.wire import MAX_BYTES


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with a call in the same way as everything else here."""

    def error(self, message: str) -> NoReturn:
        raise Misuse(UsageFault(code=Code.MISUSE, what=message))

    def exit(self, status: int = 0, _message: str | None = None) -> NoReturn:
        """End after the help, when all of it has left."""
        _say("")
        super().exit(status)


def main(arguments: Sequence[str]) -> int:
    """Run one command; report a failure on standard error in one line and one of advice."""
    try:
        _run(_parser().parse_args(arguments))
    except FirmholdError as error:
        print(_shown(f"{type(error).__name__.lower()}: {error}"), file=sys.stderr)
        print(f"  {advice_for(error.code)}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="firmhold tuf-client", description="A plain TUF client.", allow_abbrev=False
    )
    parser.add_argument("--metadata-dir", type=Path, required=True, help="verified metadata")
    parser.add_argument("--metadata-url", help="base URL of the repository's metadata")
    parser.add_argument("--target-name", action="append", default=[], help="a target path")
    parser.add_argument("--target-base-url", help="base URL of the repository's targets")
    parser.add_argument("--target-dir", type=Path, help="where verified targets go")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    init = commands.add_parser("init", help="pin a trusted root; no network")
    init.add_argument("trusted_root", type=Path)
    commands.add_parser("refresh", help="bring the metadata up to date")
    commands.add_parser("download", help="refresh, then fetch and verify targets")
    return parser


def _run(options: argparse.Namespace) -> None:
    store = MetadataFolder(options.metadata_dir)
    if options.command == "init":
        root = _read(options.trusted_root)
        store.make()
        with store.alone():
            pin(store, root)
        return
    _require(options, "metadata_url")
    if options.command == "download":
        _require(options, "target_name", "target_base_url", "target_dir")
        _check_targets(options)
    with store.alone():
        _bring(options, Client(HttpFetcher(), store, options.metadata_url, SystemClock().now()))


def _bring(options: argparse.Namespace, client: Client) -> None:
    trusted = client.refresh()
    for name in options.target_name if options.command == "download" else []:
        trusted, target = client.find(trusted, name)
        folder = TargetFolder(options.target_dir)
        _say(_shown(str(client.download(trusted, target, options.target_base_url, folder))))


def _require(options: argparse.Namespace, *names: str) -> None:
    for name in names:
        if not getattr(options, name):
            flag = "--" + name.replace("_", "-")
            raise Misuse(UsageFault(code=Code.MISUSE, what=f"{options.command} needs {flag}"))


def _check_targets(options: argparse.Namespace) -> None:
    if os.path.realpath(options.target_dir) == os.path.realpath(options.metadata_dir):
        # Else a target that is called `root.json` would become the root of trust.
        raise Misuse(UsageFault(code=Code.MISUSE, what="two folders are needed, not one for both"))
    for name in options.target_name:
        if name != name.encode(errors="replace").decode():
            raise Misuse(UsageFault(code=Code.MISUSE, what=f"not UTF-8: {name}"))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES["root"] + 1)
    except OSError as error:
        detail = error.strerror or str(error)
        raise Misuse(PlaceFault(code=Code.STORE_IO, path=str(path), detail=detail)) from error


def _shown(text: str) -> str:
    """Text that may be hostile, with no character that would steer a terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _say(text: str) -> None:
    """Print now: a reader that has gone away is a failure of this run, not of its end."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        fault = PlaceFault(code=Code.STORE_IO, path="standard output", detail=str(error))
        raise Damaged(fault) from error
