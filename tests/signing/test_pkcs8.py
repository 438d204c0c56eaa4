"""The form of a key file: PKCS#8 under PBES2 with scrypt, to the byte."""

import base64
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from firmhold.signing.pkcs8 import is_sealed, open_key, seal_key

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SALT, IV = b"S" * 16, b"I" * 16


def chosen() -> Iterator[bytes]:
    """Salt and initialisation vector that are not random."""
    yield SALT
    yield IV


@pytest.fixture(scope="module")
def sealed() -> bytes:
    """A key file made without chance."""
    random = chosen()
    return seal_key(KEY, "p", lambda _: next(random))


def der(pem: bytes) -> bytes:
    """The bytes inside a PEM."""
    return base64.b64decode(b"".join(pem.splitlines()[1:-1]))


def sealed_again(data: bytes) -> bytes:
    """A PEM around bytes."""
    label = b"ENCRYPTED PRIVATE KEY"
    body = base64.encodebytes(data)
    return b"-----BEGIN " + label + b"-----\n" + body + b"-----END " + label + b"-----\n"


def test_a_key_file_says_how_it_is_sealed(sealed: bytes) -> None:
    """RFC 5958 around RFC 8018 around RFC 7914: scrypt with N=2^14, r=8, p=5, then AES-256-CBC."""
    secret = Scrypt(SALT, 32, 1 << 14, 8, 5).derive(b"p")
    plain = bytes.fromhex("302e020100300506032b657004220420") + bytes(range(32)) + b"\x10" * 16
    encryptor = Cipher(AES(secret), CBC(IV)).encryptor()
    ciphertext = encryptor.update(plain) + encryptor.finalize()
    assert der(sealed) == (
        bytes.fromhex("30819e305a06092a864886f70d01050d304d")
        + bytes.fromhex("302c06092b06010401da47040b301f0410")
        + SALT
        + bytes.fromhex("02024000020108020105020120")
        + bytes.fromhex("301d060960864801650304012a0410")
        + IV
        + bytes.fromhex("0440")
        + ciphertext
    )


def test_each_file_has_a_salt_of_its_own() -> None:
    """The same key under the same passphrase is never the same file twice."""
    assert seal_key(KEY, "p") != seal_key(KEY, "p")


def test_what_was_sealed_opens(sealed: bytes) -> None:
    """The key that comes out is the key that went in."""
    opened = open_key(sealed, "p")
    assert isinstance(opened, Ed25519PrivateKey)
    assert opened.private_bytes_raw() == KEY.private_bytes_raw()


SPOILT = {
    "outer length": 1,
    "scheme": 7,
    "derivation": 22,
    "salt": 40,
    "cost": 53,
    "block size": 57,
    "cipher": 70,
    "kind of key": 88,
    "length of the key": 90,
    "padding": 150,
}


@pytest.mark.parametrize("position", SPOILT.values(), ids=SPOILT)
def test_a_spoilt_file_opens_as_nothing(sealed: bytes, position: int) -> None:
    """Whatever byte is spoilt, the answer is one refusal that can be caught."""
    data = bytearray(der(sealed))
    data[position] ^= 1
    with pytest.raises(ValueError):  # noqa: PT011 - the library has a text for each
        open_key(sealed_again(bytes(data)), "p")


def test_a_file_that_is_spoilt_in_the_key_itself_is_another_key(sealed: bytes) -> None:
    """The form has no seal of its own: what opens may be another key, never the one that was."""
    data = bytearray(der(sealed))
    data[120] ^= 1
    opened = open_key(sealed_again(bytes(data)), "p")
    assert isinstance(opened, Ed25519PrivateKey)
    assert opened.public_key() != KEY.public_key()


def test_the_costliest_parameters_do_not_stop_the_machine(sealed: bytes) -> None:
    """A file that asks for more memory than there is is refused, not obeyed."""
    greedy = der(sealed).replace(bytes.fromhex("02024000"), bytes.fromhex("02024001"))
    with pytest.raises(ValueError, match="the key does not open"):
        open_key(sealed_again(greedy), "p")


@pytest.mark.parametrize(
    "change",
    [
        lambda pem: pem.replace(b"\n", b"\r\n"),
        lambda pem: pem + b"\n",
        lambda pem: pem.rstrip(),
        lambda pem: pem[:0],
        lambda pem: b"x" + pem,
        lambda pem: pem + b"x",
        lambda pem: pem * 2,
        lambda pem: pem.replace(b"ENCRYPTED ", b""),
        lambda pem: pem.replace(b"-----END", b"----END"),
        lambda pem: pem[: len(pem) // 2],
    ],
)
def test_the_frame_is_one_whole_key_and_nothing_else(
    request: pytest.FixtureRequest, sealed: bytes, change: object
) -> None:
    """White space at the end and other line breaks are the same file; all else is none."""
    assert callable(change)
    position = int(request.node.callspec.indices["change"])
    assert is_sealed(change(sealed)) == (position < 3)
    assert is_sealed(sealed)
