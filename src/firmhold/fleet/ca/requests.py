"""Certificate signing requests (PKCS #10, RFC 2986), of which the key and nothing else is taken."""

import binascii
from base64 import b64decode
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key

from firmhold.pkix.public import PublicKey, entry_of, spki_sha256
from firmhold.protocol.est import NAMES_KEY, SIGNING_REQUEST
from firmhold.trust.encoding import JsonObject
from firmhold.trust.errors import Code, Refused
from firmhold.trust.outer_faults import FleetFault

T = TypeVar("T")

SIGNING, TLS, SERVER = "signing key", "TLS key", "server key"


def signing_key(der: bytes) -> JsonObject:
    """Return the device signing key that a request proves, as an entry of a key table.

    Ed25519, or P-256, which is what TPMs make.
    """
    return entry_of(_of_ours(der, SIGNING))


def tls_key(der: bytes) -> PublicKey:
    """Return the TLS key that a request proves: P-256 or Ed25519."""
    return _of_ours(der, TLS)


def server_key(spki: bytes) -> PublicKey:
    """Return a key of the gateway's, by its SubjectPublicKeyInfo (DER): P-256 or Ed25519."""
    try:
        return _ours(load_der_public_key(spki), SERVER)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _refusal(SERVER, "not one that can be read") from error


def _of_ours(der: bytes, what: str) -> PublicKey:
    return _ours(_proven(der, what), what)


def _ours(key: object, what: str) -> PublicKey:
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return key
    if isinstance(key, Ed25519PublicKey):
        return key
    raise _refusal(what, "neither P-256 nor Ed25519")


def linked(der: bytes) -> tuple[bytes, bytes]:
    """Return the signing key's request, and the TLS key's, of a request as EST has it.

    The signing key's stands in an attribute of the TLS key's, and names the TLS key.
    """
    outer = _request(der, TLS)
    text = _attribute(outer, SIGNING_REQUEST, TLS)
    try:
        inner_der = b64decode(text, validate=True)
    except binascii.Error as error:
        raise _refusal(SIGNING, "its request is no base64") from error
    inner = _request(inner_der, SIGNING)
    if _attribute(inner, NAMES_KEY, SIGNING) != spki_sha256(outer.public_key()).hex().encode():
        raise _refusal(SIGNING, "its request names another TLS key")
    return inner_der, der


def _attribute(request: x509.CertificateSigningRequest, oid: str, what: str) -> bytes:
    try:
        return request.attributes.get_attribute_for_oid(x509.ObjectIdentifier(oid)).value
    except (x509.AttributeNotFound, ValueError) as error:
        raise _refusal(what, f"no attribute {oid}") from error


def _proven(der: bytes, what: str) -> object:
    """The key of a request whose holder has signed it, in one encoding and no other."""
    return _request(der, what).public_key()


def _request(der: bytes, what: str) -> x509.CertificateSigningRequest:
    try:
        request = x509.load_der_x509_csr(der)
        if request.public_bytes(Encoding.DER) != der or not request.is_signature_valid:
            raise _refusal(what, "not signed by its own key")
        request.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _refusal(what, "no request that can be read") from error
    return request


def _refusal(what: str, detail: str) -> Refused:
    return Refused(FleetFault(code=Code.CA_REQUEST, what=what, detail=detail))
