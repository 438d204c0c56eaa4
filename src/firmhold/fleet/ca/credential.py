"""A secret that one TPM alone gives back, and only while it holds one certain key.

TPM2_MakeCredential in software (TPM 2.0 part 1, 24 and B.10, C.6): the secret is enciphered for the
endorsement key and bound to the Name of the other key. TPM2_ActivateCredential opens it where both
keys are loaded. So whoever gives the secret back has a TPM with that endorsement key, and in it a
key with that Name.
"""

import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, Hash

from firmhold.trust.attestation.tpm_public import DECRYPT, RESTRICTED, TpmPublic
from firmhold.trust.errors import Code, Refused
from firmhold.trust.outer_faults import FleetFault

_LABEL = "IDENTITY"
_HASHES = {"sha256": SHA256(), "sha384": SHA384()}
_AES_BITS = (128, 256)


@dataclass(frozen=True, slots=True)
class Credential:
    """What is sent: the two arguments of TPM2_ActivateCredential."""

    blob: bytes
    """`TPM2B_ID_OBJECT`."""
    secret: bytes
    """`TPM2B_ENCRYPTED_SECRET`."""


def make_credential(
    endorsement: TpmPublic,
    name: bytes,
    secret: bytes,
    random: Callable[[int], bytes] = os.urandom,
) -> Credential:
    """Return `secret`, enciphered for a TPM with `endorsement` that holds the key of `name`.

    Raises `Refused` (`ca.tpm`) for a key that is no storage key.
    """
    bits = endorsement.symmetric_bits
    if not endorsement.has(RESTRICTED, DECRYPT) or bits not in _AES_BITS:
        raise Refused(FleetFault(code=Code.CA_TPM, what="endorsement", detail="no storage key"))
    seed, sealed = _seed(endorsement, random)
    chosen = endorsement.hash_name
    key = kdf_a(chosen, seed, "STORAGE", name, b"", bits)
    encryptor = Cipher(AES(key), CFB(bytes(16))).encryptor()
    identity = encryptor.update(_sized(secret)) + encryptor.finalize()
    size = 8 * _HASHES[chosen].digest_size
    outer = hmac.digest(kdf_a(chosen, seed, "INTEGRITY", b"", b"", size), identity + name, chosen)
    return Credential(_sized(_sized(outer) + identity), _sized(sealed))


def kdf_a(chosen: str, key: bytes, label: str, u: bytes, v: bytes, bits: int) -> bytes:
    """Return so many bits from a key (TPM 2.0 part 1, 11.4.10.2: SP800-108 in counter mode)."""
    found, counter = b"", 0
    while len(found) * 8 < bits:
        counter += 1
        words = counter.to_bytes(4) + label.encode() + b"\0" + u + v + bits.to_bytes(4)
        found += hmac.digest(key, words, chosen)
    return found[: bits // 8]


def kdf_e(chosen: str, z: bytes, label: str, u: bytes, v: bytes, bits: int) -> bytes:
    """Return so many bits from a shared point (TPM 2.0 part 1, 11.4.10.3: SP800-56A)."""
    found, counter = b"", 0
    while len(found) * 8 < bits:
        counter += 1
        digest = Hash(_HASHES[chosen])
        digest.update(counter.to_bytes(4) + z + label.encode() + b"\0" + u + v)
        found += digest.finalize()
    return found[: bits // 8]


def _seed(endorsement: TpmPublic, random: Callable[[int], bytes]) -> tuple[bytes, bytes]:
    """A seed, and the same enciphered for the endorsement key."""
    algorithm, key = _HASHES[endorsement.hash_name], endorsement.key
    if isinstance(key, RSAPublicKey):
        seed = random(algorithm.digest_size)
        padding = OAEP(MGF1(algorithm), algorithm, _LABEL.encode() + b"\0")
        return seed, key.encrypt(seed, padding)
    own = ec.generate_private_key(key.curve)
    z = own.exchange(ec.ECDH(), key)
    numbers, size = own.public_key().public_numbers(), key.curve.key_size // 8
    theirs = key.public_numbers().x.to_bytes(size)
    x, y = numbers.x.to_bytes(size), numbers.y.to_bytes(size)
    bits = 8 * algorithm.digest_size
    return kdf_e(endorsement.hash_name, z, _LABEL, x, theirs, bits), _sized(x) + _sized(y)


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(2) + data
