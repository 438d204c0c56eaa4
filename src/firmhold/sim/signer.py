"""A key that is made from a name: the same name, the same key, in every run and on every machine.

Anybody can make it again, so it protects nothing outside a simulated world.
"""

import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firmhold.signing.file import FileSigner


def sim_signer(name: str) -> FileSigner:
    """Return the signer of the key that belongs to `name`."""
    return FileSigner(Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest()))
