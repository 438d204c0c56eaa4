"""The public area of a TPM's key, byte by byte."""

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from firmhold.trust.attestation.tpm_public import (
    DECRYPT,
    FIXED_PARENT,
    FIXED_TPM,
    RESTRICTED,
    SENSITIVE_ORIGIN,
    SIGN,
    parse_public,
)
from firmhold.trust.errors import Code, Refused

SIGNS = FIXED_TPM | FIXED_PARENT | SENSITIVE_ORIGIN | SIGN
NULL, RSA, ECC, SHA256, SHA384, SHA1 = 0x10, 0x01, 0x23, 0x0B, 0x0C, 0x04
AES, CFB, ECDSA, ECDAA, RSAES, P256, P384, P521 = 0x06, 0x43, 0x18, 0x1A, 0x15, 3, 4, 5
P256_KEY = ec.generate_private_key(ec.SECP256R1()).public_key()
P384_KEY = ec.generate_private_key(ec.SECP384R1()).public_key()
RSA_KEY = rsa.generate_private_key(65_537, 2048).public_key()


def two(*numbers: int) -> bytes:
    """Numbers of two bytes."""
    return b"".join(number.to_bytes(2) for number in numbers)


def sized(data: bytes) -> bytes:
    """Bytes behind their length."""
    return two(len(data)) + data


def area(
    kind: int, body: bytes, *, name: int = SHA256, attributes: int = SIGNS, policy: bytes = b""
) -> bytes:
    """A `TPM2B_PUBLIC`."""
    return sized(two(kind, name) + attributes.to_bytes(4) + sized(policy) + body)


def ecc(
    key: ec.EllipticCurvePublicKey = P256_KEY,
    curve: int = P256,
    scheme: bytes = two(ECDSA, SHA256),
    symmetric: bytes = two(NULL),
    kdf: bytes = two(NULL),
) -> bytes:
    """What follows in a key on a curve."""
    numbers, size = key.public_numbers(), key.curve.key_size // 8
    point = sized(numbers.x.to_bytes(size)) + sized(numbers.y.to_bytes(size))
    return symmetric + scheme + two(curve) + kdf + point


def of_rsa(
    bits: int = 2048,
    scheme: bytes = two(NULL),
    symmetric: bytes = two(AES, 128, CFB),
    exponent: int = 0,
) -> bytes:
    """What follows in an RSA key."""
    modulus = RSA_KEY.public_numbers().n.to_bytes(256)
    return symmetric + scheme + two(bits) + exponent.to_bytes(4) + sized(modulus)


GOOD = {
    "a key that signs": (area(ECC, ecc()), P256_KEY, 0),
    "on P-384": (area(ECC, ecc(P384_KEY, P384, two(ECDSA, SHA384)), name=SHA384), P384_KEY, 0),
    "with ECDAA": (area(ECC, ecc(scheme=two(ECDAA, SHA256, 1))), P256_KEY, 0),
    "with a KDF": (area(ECC, ecc(kdf=two(0x20, SHA256))), P256_KEY, 0),
    "with a policy": (area(ECC, ecc(), policy=bytes(32)), P256_KEY, 0),
    "of RSA, that wraps": (area(RSA, of_rsa(), attributes=RESTRICTED | DECRYPT), RSA_KEY, 128),
    "of RSA, RSAES": (area(RSA, of_rsa(scheme=two(RSAES), symmetric=two(NULL))), RSA_KEY, 0),
    "of RSA, its exponent said": (area(RSA, of_rsa(exponent=65_537)), RSA_KEY, 128),
}


@pytest.mark.parametrize(("data", "key", "bits"), GOOD.values(), ids=GOOD)
def test_a_public_area_is_the_key_that_it_says(data: bytes, key: object, bits: int) -> None:
    """Key, what it wraps with, and its Name: the digest of all of it."""
    found = parse_public(data)
    assert found.key == key
    assert found.symmetric_bits == bits
    algorithm = "sha384" if data[4:6] == two(SHA384) else "sha256"
    assert found.name == data[4:6] + hashlib.new(algorithm, data[2:]).digest()


@pytest.mark.parametrize(
    ("attributes", "signs"),
    [
        (SIGNS, True),
        (SIGNS | RESTRICTED, True),
        (SIGNS | DECRYPT, False),
        *((SIGNS & ~flag, False) for flag in (FIXED_TPM, FIXED_PARENT, SENSITIVE_ORIGIN, SIGN)),
    ],
)
def test_a_key_signs_for_its_tpm_alone_if_it_can_do_nothing_else(
    attributes: int, *, signs: bool
) -> None:
    """Each attribute that makes it so is looked at."""
    found = parse_public(area(ECC, ecc(), attributes=attributes))
    assert found.signs_for_its_tpm_alone is signs


POINT = sized(b"\1" * 32) + sized(b"\1" * 32)
BAD = {
    "nothing": b"",
    "too long": bytes(2000),
    "behind its end": area(ECC, ecc()) + b"!",
    "behind the key": area(ECC, ecc() + b"!"),
    "another kind": area(0x25, ecc()),
    "SHA-1": area(ECC, ecc(), name=SHA1),
    "another curve": area(ECC, ecc(curve=P521)),
    "no point of the curve": area(ECC, two(NULL, NULL, P256, NULL) + POINT),
    "a longer point": area(ECC, two(NULL, NULL, P256, NULL) + sized(bytes(33)) + sized(bytes(32))),
    "a longer y": area(ECC, two(NULL, NULL, P256, NULL) + sized(bytes(32)) + sized(bytes(33))),
    "bits that are not the modulus'": area(RSA, of_rsa(bits=3072)),
    "a short RSA key": area(RSA, two(NULL, NULL, 1024) + bytes(4) + sized(b"\xff" * 128)),
    "an even exponent": area(RSA, of_rsa(exponent=4)),
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_what_is_no_public_area_is_refused(data: bytes) -> None:
    """Nothing is guessed, and nothing is left over."""
    with pytest.raises(Refused) as error:
        parse_public(data)
    assert error.value.code is Code.ATTESTATION_PUBLIC


@pytest.mark.parametrize("whole", [area(ECC, ecc()), area(RSA, of_rsa())], ids=["ECC", "RSA"])
def test_every_beginning_of_a_public_area_is_refused(whole: bytes) -> None:
    """Cut anywhere, with the length that it had or with one that fits: it is not whole."""
    for size in range(len(whole)):
        with pytest.raises(Refused):
            parse_public(whole[:size])
    for size in range(len(whole) - 2):
        with pytest.raises(Refused):
            parse_public(sized(whole[2 : size + 2]))
