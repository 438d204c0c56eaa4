"""X.509 by a key that only signs: certificates and requests under a token's key.

The library signs with objects of its own key classes; these are such objects that hold no key and
hand what is to be signed to a `Signer`.
"""

from collections.abc import Mapping
from typing import NoReturn, Protocol

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.x509 import (
    Certificate,
    CertificateBuilder,
    CertificateSigningRequest,
    CertificateSigningRequestBuilder,
)

from firmhold.pkix.public import CURVES, HASHES, PublicKey, public_key_of
from firmhold.trust.encoding import JsonValue
from firmhold.trust.errors import Code, Misuse, UsageFault


class Signer(Protocol):
    """A key that signs, wherever it lives."""

    @property
    def entry(self) -> Mapping[str, JsonValue]:
        """The public half as an entry of a key table."""
        ...

    def sign(self, payload: bytes) -> str:
        """Return the signature over `payload`, in hexadecimal; ECDSA as DER."""
        ...


def public_half(signer: Signer) -> PublicKey:
    """Return the public half of a signer's key as certificates bear it."""
    return public_key_of(signer.entry)


def sign_certificate(signer: Signer, builder: CertificateBuilder) -> Certificate:
    """Return the certificate that `builder` describes, signed."""
    key, algorithm = borrowed(signer)
    return builder.sign(key, algorithm)


def sign_request(
    signer: Signer, builder: CertificateSigningRequestBuilder
) -> CertificateSigningRequest:
    """Return the certificate signing request that `builder` describes, signed."""
    key, algorithm = borrowed(signer)
    return builder.sign(key, algorithm)


def borrowed(
    signer: Signer,
) -> tuple[Ed25519PrivateKey | ec.EllipticCurvePrivateKey, SHA256 | SHA384 | None]:
    """Return an object that stands for a signer's key, and the digest that goes with it."""
    public = public_half(signer)
    if isinstance(public, Ed25519PublicKey):
        return _Ed25519(signer, public), None
    return _EllipticCurve(signer, public), HASHES[CURVES[public.curve.name]]


def _not_here() -> NoReturn:
    what = "a key that only signs was asked for more"
    raise Misuse(UsageFault(code=Code.MISUSE, what=what))


class _Ed25519(Ed25519PrivateKey):
    """An Ed25519 key that lives elsewhere."""

    def __init__(self, signer: Signer, public: Ed25519PublicKey) -> None:
        self._signer, self._public = signer, public

    def public_key(self) -> Ed25519PublicKey:
        return self._public

    def sign(self, data: bytes | bytearray | memoryview) -> bytes:
        return bytes.fromhex(self._signer.sign(bytes(data)))

    def private_bytes(
        self,
        encoding: serialization.Encoding,  # noqa: ARG002 - the library's names
        format: serialization.PrivateFormat,  # noqa: A002, ARG002
        encryption_algorithm: serialization.KeySerializationEncryption,  # noqa: ARG002
    ) -> bytes:
        _not_here()

    def private_bytes_raw(self) -> bytes:
        _not_here()

    def __copy__(self) -> Ed25519PrivateKey:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Ed25519PrivateKey:
        return self


class _EllipticCurve(ec.EllipticCurvePrivateKey):
    """A key on a NIST curve that lives elsewhere."""

    def __init__(self, signer: Signer, public: ec.EllipticCurvePublicKey) -> None:
        self._signer, self._public = signer, public

    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self._public

    @property
    def curve(self) -> ec.EllipticCurve:
        return self._public.curve

    @property
    def key_size(self) -> int:
        return self._public.key_size

    def sign(
        self,
        data: bytes | bytearray | memoryview,
        signature_algorithm: ec.EllipticCurveSignatureAlgorithm,
    ) -> bytes:
        meant, asked = HASHES[CURVES[self.curve.name]], signature_algorithm.algorithm
        if isinstance(asked, Prehashed) or asked.name != meant.name:
            _not_here()
        return bytes.fromhex(self._signer.sign(bytes(data)))

    def exchange(
        self,
        algorithm: ec.ECDH,  # noqa: ARG002 - the library's names
        peer_public_key: ec.EllipticCurvePublicKey,  # noqa: ARG002
    ) -> bytes:
        _not_here()

    def private_numbers(self) -> ec.EllipticCurvePrivateNumbers:
        _not_here()

    def private_bytes(
        self,
        encoding: serialization.Encoding,  # noqa: ARG002 - the library's names
        format: serialization.PrivateFormat,  # noqa: A002, ARG002
        encryption_algorithm: serialization.KeySerializationEncryption,  # noqa: ARG002
    ) -> bytes:
        _not_here()

    def __copy__(self) -> ec.EllipticCurvePrivateKey:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> ec.EllipticCurvePrivateKey:
        return self
