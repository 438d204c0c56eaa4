"""Where passphrases come from: a file, the environment, or the person at the terminal."""

import getpass
import os
import sys
from pathlib import Path

from firmhold.storage.disk import read_file, why
from firmhold.trust.errors import Code, Misuse, UsageFault
from firmhold.trust.outer_faults import PlaceFault

VARIABLE = "FIRMHOLD_PASSPHRASE"

_MAX_BYTES = 4096


class Passphrases:
    """From a file, from FIRMHOLD_PASSPHRASE, or from the person at the terminal."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def passphrase(self, key: str) -> str:
        """Return the passphrase of `key`."""
        if self._file is not None:
            return _first_line(self._file)
        if from_environment := os.environ.get(VARIABLE):
            return from_environment
        if sys.stdin.isatty():
            return getpass.getpass(f"Passphrase of {_shown(key)}: ")
        what = f"no passphrase for {key}: give --passphrase-file or {VARIABLE}"
        raise Misuse(UsageFault(code=Code.MISUSE, what=what))


def _first_line(file: Path) -> str:
    try:
        data = read_file(file, _MAX_BYTES)
    except OSError as error:
        raise Misuse(PlaceFault(code=Code.STORE_IO, path=str(file), detail=why(error))) from error
    return os.fsdecode(data.partition(b"\n")[0].removesuffix(b"\r"))


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
