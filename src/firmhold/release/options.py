"""What the commands of the desk have in common: options, and how a failure is told."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from firmhold.release.arguments import shown
from firmhold.trust.advice import advice_for
from firmhold.trust.errors import FirmholdError

DeskPath = Annotated[Path, typer.Argument(help="The desk's folder.")]
At = Annotated[str | None, typer.Option(help="The moment, as 2030-01-31T12:00:00Z.")]
PassphraseFile = Annotated[
    Path | None, typer.Option(help="A file whose first line opens key files.")
]
PinFd = Annotated[
    int | None, typer.Option(help="An open descriptor with the PINs of tokens, one a line.")
]
PinnedRoot = Annotated[
    Path | None, typer.Option("--root", help="The domain's first root, from a safe place of yours.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def run(app: typer.Typer, name: str, arguments: Sequence[str]) -> int:
    """Run one command; report a failure on standard error in one line and one of advice."""
    try:
        app(list(arguments), prog_name=name)
    except SystemExit as end:  # how the library ends a command, also after it reported a bad call
        return end.code if isinstance(end.code, int) else 1
    except FirmholdError as error:
        print(shown(f"{type(error).__name__.lower()}: {error}"), file=sys.stderr)
        print(f"  {advice_for(error.code)}", file=sys.stderr)
        return 1
    return 0
