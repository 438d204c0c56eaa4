"""What everybody else knows of a private key: its public half, and that it can sign."""

from collections.abc import Mapping
from typing import Protocol

from firmhold.trust.encoding import JsonValue
from firmhold.trust.keys import KeyId


class Signer(Protocol):
    """A private key that cannot be read, only used."""

    @property
    def key_id(self) -> KeyId:
        """The derived key id of the public half (TUF 4.2)."""
        ...

    @property
    def entry(self) -> Mapping[str, JsonValue]:
        """The public half as an entry of a key table: `{keytype, scheme, keyval}`."""
        ...

    def sign(self, payload: bytes) -> str:
        """Return the signature over `payload`, in hexadecimal."""
        ...


class Secrets(Protocol):
    """Whoever knows the passphrases: a prompt, a file, a test."""

    def passphrase(self, key: str) -> str:
        """Return the passphrase of the key at the URI `key`."""
        ...
