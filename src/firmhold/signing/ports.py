"""What everybody else knows of a private key: its public half, and that it can sign."""

from collections.abc import Mapping
from enum import StrEnum, unique
from typing import Protocol

from firmhold.trust.encoding import JsonValue
from firmhold.trust.keys import KeyId


@unique
class Tier(StrEnum):
    """Where a private key lives, which is what its protection is worth."""

    FILE = "file"
    """An encrypted file: whoever has the file and the passphrase has the key. Staging only."""
    TOKEN = "token"  # noqa: S105 - a tier, not a secret
    """A PKCS#11 token, which signs and does not give the key away."""
    TPM = "tpm"
    """Bound to the TPM of one machine."""
    SERVICE = "service"
    """A key service of somebody else, over the network."""


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

    @property
    def tier(self) -> Tier:
        """Where the key lives."""
        ...

    def sign(self, payload: bytes) -> str:
        """Return the signature over `payload`, in hexadecimal; ECDSA as DER (RFC 3279).

        Raises `Unavailable` where the token or the service does not answer.
        """
        ...


class Secrets(Protocol):
    """Whoever knows passphrases and PINs: a prompt, a file, a test."""

    def passphrase(self, key: str) -> str:
        """Return the passphrase of the key at the URI `key`."""
        ...

    def pin(self, key: str) -> str:
        """Return the PIN of the token, or of the TPM key, at the URI `key`."""
        ...
