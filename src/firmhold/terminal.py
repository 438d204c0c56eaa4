"""What commands without an extra have in common: exit status 0 or 1, and how they speak."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from firmhold.trust.advice import advice_for
from firmhold.trust.errors import Code, Damaged, FirmholdError, Misuse, UsageFault
from firmhold.trust.outer_faults import PlaceFault
from firmhold.trust.tuf.wire import MAX_BYTES


class Parser(argparse.ArgumentParser):
    """Says what is wrong with a call in the same way as everything else here."""

    def error(self, message: str) -> NoReturn:
        """Refuse the call."""
        raise Misuse(UsageFault(code=Code.MISUSE, what=message))

    def exit(self, status: int = 0, _message: str | None = None) -> NoReturn:
        """End after the help, when all of it has left."""
        say("")
        super().exit(status)


def run(command: Callable[[], None]) -> int:
    """Run a command; report a failure on standard error in one line and one of advice."""
    try:
        command()
    except FirmholdError as error:
        print(shown(f"{type(error).__name__.lower()}: {error}"), file=sys.stderr)
        print(f"  {advice_for(error.code)}", file=sys.stderr)
        return 1
    return 0


def read_root(path: Path) -> bytes:
    """Return the bytes of a root that somebody brought; never more than a verifier would read."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES["root"] + 1)
    except OSError as error:
        detail = error.strerror or str(error)
        raise Misuse(PlaceFault(code=Code.STORE_IO, path=str(path), detail=detail)) from error


def shown(text: str) -> str:
    """Text that may be hostile, with no character that would steer a terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def say(text: str) -> None:
    """Print now: a reader that has gone away is a failure of this run, not of its end."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        fault = PlaceFault(code=Code.STORE_IO, path="standard output", detail=str(error))
        raise Damaged(fault) from error
