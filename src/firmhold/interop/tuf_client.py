"""`firmhold tuf-client`: a plain TUF client as a command, for outside suites and shell scripts.

Exit status 0 if everything that was asked for is done and verified, else 1.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from firmhold.interop.adapters.folder import MetadataFolder, TargetFolder
from firmhold.interop.adapters.http import HttpFetcher
from firmhold.interop.adapters.system import SystemClock
from firmhold.interop.client import Client, pin
from firmhold.terminal import Parser, read_root, run, say, shown
from firmhold.trust.errors import Code, Misuse, UsageFault


def main(arguments: Sequence[str]) -> int:
    """Run one command; report a failure on standard error in one line and one of advice."""
    return run(lambda: _run(_parser().parse_args(arguments)))


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="firmhold tuf-client", description="A plain TUF client.", allow_abbrev=False
    )
    parser.add_argument("--metadata-dir", type=Path, required=True, help="verified metadata")
    parser.add_argument("--metadata-url", help="base URL of the repository's metadata")
    parser.add_argument("--target-name", action="append", default=[], help="a target path")
    parser.add_argument("--target-base-url", help="base URL of the repository's targets")
    parser.add_argument("--target-dir", type=Path, help="where verified targets go")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser)
    init = commands.add_parser("init", help="pin a trusted root; no network")
    init.add_argument("trusted_root", type=Path)
    commands.add_parser("refresh", help="bring the metadata up to date")
    commands.add_parser("download", help="refresh, then fetch and verify targets")
    return parser


def _run(options: argparse.Namespace) -> None:
    store = MetadataFolder(options.metadata_dir)
    if options.command == "init":
        root = read_root(options.trusted_root)
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
        say(shown(str(client.download(trusted, target, options.target_base_url, folder))))


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
