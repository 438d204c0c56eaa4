"""Private keys at rest: PKCS#8 under PBES2 with scrypt (RFC 5958, RFC 7914), as OpenSSL reads it.

The library that reads these files writes them with PBKDF2 of 2,048 rounds only, which a graphics
card guesses through in no time; so the outer structure is written here, with scrypt at N=2^14, r=8,
p=5. The primitives are the library's; what is ours is seven nested lengths.
"""

import base64
import os
import textwrap
from collections.abc import Callable
from typing import TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
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
_SHORT_LENGTH = 0x80


def seal_key(key: Ed25519PrivateKey, passphrase: str, random: Random = os.urandom) -> bytes:
    """Return the encrypted PEM of `key`; only `passphrase` opens it again."""
    salt, iv = random(16), random(16)
    secret = Scrypt(salt, _KEY_BYTES, _N, _R, _P).derive(passphrase.encode())
    padder = PKCS7(AES.block_size).padder()
    plain = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    encryptor = Cipher(AES(secret), CBC(iv)).encryptor()
    sealed = encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()
    numbers = b"".join(_integer(number) for number in (_N, _R, _P, _KEY_BYTES))
    kdf = _der(_SEQUENCE, _SCRYPT, _der(_SEQUENCE, _der(_OCTETS, salt), numbers))
    scheme = _der(_SEQUENCE, _AES_256_CBC, _der(_OCTETS, iv))
    algorithm = _der(_SEQUENCE, _PBES2, _der(_SEQUENCE, kdf, scheme))
    return _pem(_der(_SEQUENCE, algorithm, _der(_OCTETS, sealed)))


def open_key(pem: bytes, passphrase: str) -> Ed25519PrivateKey:
    """Return the key in an encrypted PEM.

    Raises `ValueError` if it is no such PEM, is not encrypted, holds another kind of key, or does
    not open under `passphrase`.
    """
    try:
        key = load_pem_private_key(pem, passphrase.encode())
    except TypeError as error:
        raise ValueError("the key is not encrypted") from error  # noqa: TRY003 - turned into a fault by the caller
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("not an Ed25519 key")  # noqa: TRY003, TRY004 - the same
    return key


def _der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    if size < _SHORT_LENGTH:
        return bytes([tag, size]) + content
    return bytes([tag, 0x81, size]) + content


def _integer(number: int) -> bytes:
    return _der(_INTEGER, number.to_bytes(number.bit_length() // 8 + 1))


def _pem(der: bytes) -> bytes:
    lines = textwrap.wrap(base64.b64encode(der).decode(), 64)
    label = "ENCRYPTED PRIVATE KEY"
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode()
