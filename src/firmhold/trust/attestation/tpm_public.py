"""The public area of a TPM's key (TPM 2.0 part 2, 12.2.4), taken apart strictly.

A key's *Name* is the digest of its public area, and so stands for the key with all its attributes:
what is proven of a Name is proven of a key that signs and cannot leave its TPM, or of no such key.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    EllipticCurve,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Malformed

Key: TypeAlias = RSAPublicKey | EllipticCurvePublicKey

MAX_BYTES = 1024
FIXED_TPM, FIXED_PARENT, SENSITIVE_ORIGIN = 1 << 1, 1 << 4, 1 << 5
RESTRICTED, DECRYPT, SIGN = 1 << 16, 1 << 17, 1 << 18

_RSA, _ECC, _NULL = 0x0001, 0x0023, 0x0010
_ECDAA, _RSAES = 0x001A, 0x0015
_HASHES: Mapping[int, str] = {0x000B: "sha256", 0x000C: "sha384"}
_CURVES: Mapping[int, EllipticCurve] = {0x0003: SECP256R1(), 0x0004: SECP384R1()}
_DEFAULT_EXPONENT = 65_537
_LEAST_RSA_BITS, _MOST_RSA_BITS = 2048, 4096


@dataclass(frozen=True, slots=True)
class TpmPublic:
    """A TPM's key, by its public area."""

    name: bytes
    """Name algorithm (2 bytes) and digest of the public area."""
    hash_name: str
    """The name algorithm, as `hashlib` calls it."""
    attributes: int
    symmetric_bits: int
    """Of the AES key with which a storage key wraps; 0: it wraps nothing."""
    key: Key

    def has(self, *flags: int) -> bool:
        """Tell whether all these attributes are set."""
        return all(self.attributes & flag for flag in flags)

    @property
    def signs_for_its_tpm_alone(self) -> bool:
        """True for a key that was made in its TPM, cannot leave it, and does nothing but sign."""
        bound = self.has(FIXED_TPM, FIXED_PARENT, SENSITIVE_ORIGIN, SIGN)
        return bound and not self.attributes & DECRYPT


def parse_public(data: bytes) -> TpmPublic:
    """Read a `TPM2B_PUBLIC`: RSA of 2048 to 4096 bits, or P-256, or P-384. Raises `Refused`."""
    if len(data) > MAX_BYTES:
        raise _refusal("public", f"at most {MAX_BYTES} bytes")
    outer = _Reader(data, "public")
    area = outer.sized("public area")
    outer.end()
    reader = _Reader(area, "public area")
    kind, name_hash = reader.number(2), reader.number(2)
    if name_hash not in _HASHES:
        raise _refusal("hash", "SHA-256 or SHA-384")
    attributes = reader.number(4)
    reader.sized("policy")
    symmetric_bits = _symmetric(reader)
    if kind == _RSA:
        key: Key = _rsa(reader)
    elif kind == _ECC:
        key = _ecc(reader)
    else:
        raise _refusal("type", "RSA or ECC")
    reader.end()
    digest = hashlib.new(_HASHES[name_hash], area).digest()
    name = name_hash.to_bytes(2) + digest
    return TpmPublic(name, _HASHES[name_hash], attributes, symmetric_bits, key)


class _Reader:
    """Bytes that are taken from the front, all of them in the end."""

    def __init__(self, data: bytes, what: str) -> None:
        self._data, self._what = data, what

    def take(self, size: int) -> bytes:
        if size > len(self._data):
            raise _refusal(self._what, "to be whole")
        taken, self._data = self._data[:size], self._data[size:]
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size))

    def sized(self, what: str) -> bytes:
        """Return what a length of two bytes stands before."""
        size = self.number(2)
        if size > len(self._data):
            raise _refusal(what, "to be whole")
        return self.take(size)

    def end(self) -> None:
        if self._data:
            raise _refusal(self._what, "nothing behind its end")


def _symmetric(reader: _Reader) -> int:
    if reader.number(2) == _NULL:
        return 0
    bits = reader.number(2)
    reader.number(2)
    return bits


def _scheme(reader: _Reader) -> None:
    scheme = reader.number(2)
    if scheme in (_NULL, _RSAES):
        return
    reader.number(2)
    if scheme == _ECDAA:
        reader.number(2)


def _rsa(reader: _Reader) -> RSAPublicKey:
    _scheme(reader)
    bits, exponent = reader.number(2), reader.number(4) or _DEFAULT_EXPONENT
    modulus = int.from_bytes(reader.sized("modulus"))
    if not _LEAST_RSA_BITS <= bits <= _MOST_RSA_BITS or modulus.bit_length() != bits:
        raise _refusal("modulus", f"{_LEAST_RSA_BITS} to {_MOST_RSA_BITS} bits, as many as it says")
    try:
        return RSAPublicNumbers(exponent, modulus).public_key()
    except ValueError as error:
        raise _refusal("modulus", "an RSA key") from error


def _ecc(reader: _Reader) -> EllipticCurvePublicKey:
    _scheme(reader)
    curve = _CURVES.get(reader.number(2))
    if reader.number(2) != _NULL:
        reader.number(2)
    x, y = reader.sized("x"), reader.sized("y")
    if curve is None:
        raise _refusal("curve", "P-256 or P-384")
    size = curve.key_size // 8
    if len(x) > size or len(y) > size:
        raise _refusal("point", f"coordinates of {size} bytes")
    point = b"\x04" + x.rjust(size, b"\0") + y.rjust(size, b"\0")
    try:
        return EllipticCurvePublicKey.from_encoded_point(curve, point)
    except ValueError as error:
        raise _refusal("point", "a point of its curve") from error


def _refusal(where: str, expected: str) -> Refused:
    return Refused(Malformed(code=Code.ATTESTATION_PUBLIC, where=where, expected=expected))
