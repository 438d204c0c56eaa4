"""Arguments and options that several `firmhold fleet` commands have."""

from pathlib import Path
from typing import Annotated

import typer

from firmhold.trust.errors import Code, Misuse, UsageFault

HomePath = Annotated[Path, typer.Argument(help="The server's folder.")]
PassphraseFile = Annotated[Path | None, typer.Option(help="A file with the keys' passphrase.")]
PinFd = Annotated[
    int | None, typer.Option(help="An open descriptor with the PINs of tokens, one a line.")
]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]


def require_new(path: Path) -> None:
    """Pass if there is nothing at a path yet. Raises `Misuse`."""
    if path.exists():
        raise Misuse(UsageFault(code=Code.MISUSE, what=f"{path} is there already"))
