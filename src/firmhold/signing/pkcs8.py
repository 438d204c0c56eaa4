"""Private keys at rest: PKCS#8 under PBES2 with scrypt (RFC 5958, RFC 7914), as OpenSSL reads it.

The library that reads these files writes them with PBKDF2 of 2,048 rounds only, which a graphics
card guesses through in no time; so the outer structure is written here, with scrypt at N=2^14, r=8,
p=5. The primitives are the library's; what is ours is seven nested lengths.
"""

import base64
import os
import re
import textwrap
from collections.abc import Callable
from typing import TypeAlias

from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

Random: TypeAlias = Callable[[int], bytes]

_N, _R, _P, _KEY_BYTES = 1 << 14, 8, 5, 32
_PBES2 = bytes.fromhex("06092a864886f70d01050d")
_SCRYPT = bytes.fromhex("06092b06010401da47040b")
_AES_256_CBC = bytes.fromhex("060960864801650304012a")
_SEQUENCE, _INTEGER, _OCTETS = 0x30, 0x02, 0x04
_SHORT_LENGTH, _BYTE = 0x80, 0xFF
_LABEL = "ENCRYPTED PRIVATE KEY"
_FRAME = re.compile(
    rf"-----BEGIN {_LABEL}-----\s[A-Za-z0-9+/=\s]+\s-----END {_LABEL}-----\s*".encode()
)


def seal_key(
    key: Ed25519PrivateKey | EllipticCurvePrivateKey,
    passphrase: str,
    random: Random = os.urandom,
) -> bytes:
    """Return the encrypted PEM of `key`; only `passphrase` opens it again."""
    salt, iv = random(16), random(16)
    secret = Scrypt(salt, _KEY_BYTES, _N, _R, _P).derive(_octets(passphrase))
    padder = PKCS7(AES.block_size).padder()
    plain = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    encryptor = Cipher(AES(secret), CBC(iv)).encryptor()
    sealed = encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()
    numbers = b"".join(_integer(number) for number in (_N, _R, _P, _KEY_BYTES))
    kdf = _der(_SEQUENCE, _SCRYPT, _der(_SEQUENCE, _der(_OCTETS, salt), numbers))
    scheme = _der(_SEQUENCE, _AES_256_CBC, _der(_OCTETS, iv))
    algorithm = _der(_SEQUENCE, _PBES2, _der(_SEQUENCE, kdf, scheme))
    return _pem(_der(_SEQUENCE, algorithm, _der(_OCTETS, sealed)))


def is_sealed(pem: bytes) -> bool:
    """Tell whether `pem` is one encrypted PKCS#8 key in PEM form, whole and with nothing around."""
    return _FRAME.fullmatch(pem) is not None


def open_key(pem: bytes, passphrase: str) -> PrivateKeyTypes:
    """Return the private key in an encrypted PEM, of whatever kind.

    Raises `ValueError` if it does not open under `passphrase`; a damaged one cannot be told from
    one under another passphrase, since nothing but the padding says whether decryption succeeded.
    """
    try:
        return load_pem_private_key(pem, _octets(passphrase))
    except (TypeError, UnsupportedAlgorithm, InternalError) as error:
        # An empty passphrase; parameters or contents that the library does not know.
        raise ValueError("the key does not open") from error  # noqa: TRY003 - turned into a fault by the caller


def _octets(passphrase: str) -> bytes:
    # Bytes of a terminal or an environment that are no UTF-8 come back as they were.
    return passphrase.encode(errors="surrogateescape")


def _der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    if size < _SHORT_LENGTH:
        return bytes([tag, size]) + content
    if size <= _BYTE:
        return bytes([tag, 0x81, size]) + content
    return bytes([tag, 0x82]) + size.to_bytes(2) + content


def _integer(number: int) -> bytes:
    return _der(_INTEGER, number.to_bytes(number.bit_length() // 8 + 1))


def _pem(der: bytes) -> bytes:
    lines = textwrap.wrap(base64.b64encode(der).decode(), 64)
    return "\n".join([f"-----BEGIN {_LABEL}-----", *lines, f"-----END {_LABEL}-----", ""]).encode()
