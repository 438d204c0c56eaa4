"""Where passphrases and PINs come from.

Passphrases of key files: a file, FIRMHOLD_PASSPHRASE, or the person at the terminal. PINs of tokens
and TPM keys: a file descriptor, a systemd credential, or the person at the terminal; never an
argument, which every process of the machine can read, nor the environment, which children inherit.
"""

import getpass
import os
import re
import sys
from pathlib import Path

from firmhold.signing.pkcs11_uri import SCHEME, parse_token_key
from firmhold.storage.disk import read_file, why
from firmhold.trust.errors import Code, Misuse, UsageFault
from firmhold.trust.outer_faults import PlaceFault

VARIABLE = "FIRMHOLD_PASSPHRASE"
CREDENTIALS = "CREDENTIALS_DIRECTORY"
"""Where systemd lays the credentials of a unit (systemd.exec(5))."""

_MAX_BYTES = 4096
_UNFIT = re.compile(r"[^A-Za-z0-9_.-]")


class Passphrases:
    """What a command was given to open its keys with.

    `pin_fd` is an open descriptor with one PIN a line, in the order in which keys are opened; a
    line may begin with the key's URI and a tab, and is then for that key alone.
    """

    def __init__(self, file: Path | None, pin_fd: int | None = None) -> None:
        self._file, self._pin_fd = file, pin_fd
        self._pins: list[str] | None = None

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

    def pin(self, key: str) -> str:
        """Return the PIN of the token, or of the TPM key, at the URI `key`."""
        if self._pin_fd is not None:
            return self._next_line(self._pin_fd, key)
        if (credential := _credential(key)) is not None:
            return _first_line(credential)
        if sys.stdin.isatty():
            return getpass.getpass(f"PIN of {_shown(key)}: ")
        what = f"no PIN for {key}: give --pin-fd, or a systemd credential {credential_name(key)}"
        raise Misuse(UsageFault(code=Code.MISUSE, what=what))

    def _next_line(self, descriptor: int, key: str) -> str:
        if self._pins is None:
            self._pins = _lines(descriptor)
        for line in self._pins:
            if line.startswith(f"{key}\t"):
                return line.removeprefix(
                    f"{key}\t"
                )  # it stays: a session may have to be opened anew
        if not self._pins or "\t" in self._pins[0]:
            what = f"descriptor {descriptor} has no line for {key}: one PIN a line, in order"
            raise Misuse(UsageFault(code=Code.MISUSE, what=what))
        return self._pins.pop(0)


def credential_name(key: str) -> str:
    """Return the name of the systemd credential with the PIN of a key: by its token, or file."""
    if key.startswith(SCHEME):
        return f"pin.{_UNFIT.sub('_', str(parse_token_key(key)))}"
    path = key.partition(":")[2].partition("?")[0]
    return f"pin.{_UNFIT.sub('_', Path(path).stem)}"


def _credential(key: str) -> Path | None:
    folder = os.environ.get(CREDENTIALS)
    if folder is None:
        return None
    places = (Path(folder) / name for name in (credential_name(key), "pin"))
    return next((place for place in places if place.is_file()), None)


def _lines(descriptor: int) -> list[str]:
    try:
        with os.fdopen(descriptor, "rb") as file:
            data = file.read(_MAX_BYTES)
    except OSError as error:
        what = f"descriptor {descriptor} of --pin-fd: {why(error)}"
        raise Misuse(UsageFault(code=Code.MISUSE, what=what)) from error
    return [os.fsdecode(line.removesuffix(b"\r")) for line in data.splitlines()]


def _first_line(file: Path) -> str:
    try:
        data = read_file(file, _MAX_BYTES)
    except OSError as error:
        raise Misuse(PlaceFault(code=Code.STORE_IO, path=str(file), detail=why(error))) from error
    return os.fsdecode(data.partition(b"\n")[0].removesuffix(b"\r"))


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
