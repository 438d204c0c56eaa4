"""A key that is made from a name: the same name, the same key, in every run and on every machine.

Anybody can make it again, so it protects nothing outside a simulated world.
"""

import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from firmhold.signing.file import FileSigner


def sim_signer(name: str) -> FileSigner:
    """Return the signer of the key that belongs to `name`."""
    return FileSigner(_key(name))


def sim_pem(name: str) -> bytes:
    """Return the key that belongs to `name` in PEM form, in the open."""
    return _key(name).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _key(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
