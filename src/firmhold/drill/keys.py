"""Where the keys of a play live: in tokens, where this machine has SoftHSM2, else in files."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from firmhold.pkix.public import Algorithm
from firmhold.release.documents import ROLES
from firmhold.release.keys import default_holders
from firmhold.signing.file import FileSigner
from firmhold.signing.ports import Signer
from firmhold.signing.uri import create_signer, open_signer
from firmhold.sim.token import SimTokens, softhsm_module
from firmhold.trust.errors import FirmholdError

SECRET_BYTES = 16


class KeyCase(Protocol):
    """Makes and opens keys by the name of whoever holds them."""

    @property
    def words(self) -> str:
        """Where the keys live, for people."""
        ...

    def make(self, name: str) -> Signer:
        """Make a key."""
        ...

    def open(self, name: str) -> Signer:
        """Open a key that was made."""
        ...


class FileCase:
    """Encrypted files under one passphrase."""

    words = (
        "warning: keys in encrypted files, which whoever copies has (install softhsm2 for tokens)"
    )

    def __init__(self, folder: Path) -> None:
        self._folder, self._passphrase = folder, secrets.token_urlsafe(SECRET_BYTES)

    def make(self, name: str) -> Signer:
        """Make a key in a file."""
        return FileSigner.create(self._place(name), self._passphrase)

    def open(self, name: str) -> Signer:
        """Open the file of a key."""
        return FileSigner.load(self._place(name), self._passphrase)

    def _place(self, name: str) -> Path:
        return self._folder / f"{name}.pem"


class TokenCase:
    """A PKCS#11 token for each holder, each with a PIN of its own."""

    words = "every holder's key in a PKCS#11 token of his own (SoftHSM2): it signs and cannot leave"

    def __init__(self, tokens: SimTokens) -> None:
        self._tokens = tokens
        names = (name for role in ROLES for name in default_holders(role))
        self._pins = {name: secrets.token_urlsafe(SECRET_BYTES) for name in names}
        for name, pin in self._pins.items():  # all before the first is used: the library looks once
            tokens.add(name, pin)

    def make(self, name: str) -> Signer:
        """Make a key in a holder's token."""
        return create_signer(self._tokens.uri(name, "key"), self, Algorithm.ED25519)

    def open(self, name: str) -> Signer:
        """Open the key in a holder's token."""
        return open_signer(self._tokens.uri(name, "key"), self)

    def passphrase(self, key: str) -> str:
        """No file is opened here."""
        raise NotImplementedError(key)

    def pin(self, key: str) -> str:
        """Return the PIN of a holder's token."""
        return next(pin for name, pin in self._pins.items() if f"token={name};" in key)


@contextmanager
def key_case(folder: Path) -> Iterator[KeyCase]:
    """Return where the keys of a play live, until it is over."""
    module = softhsm_module()
    if module is None or not _speaks(module):
        yield FileCase(folder / "keys")
        return
    with SimTokens.make(folder / "tokens", module) as tokens:
        yield TokenCase(tokens)


def _speaks(module: Path) -> bool:
    """Tell whether what speaks to tokens is installed and the library loads."""
    try:
        import pkcs11  # noqa: PLC0415 - an extra

        pkcs11.lib(str(module))
    except (ImportError, RuntimeError, FirmholdError):
        return False
    return True
