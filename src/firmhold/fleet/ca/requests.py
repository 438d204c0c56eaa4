"""Certificate signing requests (PKCS #10, RFC 2986), of which the key and nothing else is taken."""

from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding

from firmhold.pkix.public import PublicKey
from firmhold.trust.encoding import JsonObject
from firmhold.trust.errors import Code, Refused
from firmhold.trust.keys import ed25519_entry
from firmhold.trust.outer_faults import FleetFault

T = TypeVar("T")

SIGNING, TLS = "signing key", "TLS key"


def signing_key(der: bytes) -> JsonObject:
    """Return the device signing key that a request proves, as an entry of a key table."""
    key = _proven(der, SIGNING)
    if not isinstance(key, Ed25519PublicKey):
        raise _refusal(SIGNING, "not Ed25519")
    return ed25519_entry(key.public_bytes_raw())


def tls_key(der: bytes) -> PublicKey:
    """Return the TLS key that a request proves: P-256 or Ed25519."""
    key = _proven(der, TLS)
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return key
    if isinstance(key, Ed25519PublicKey):
        return key
    raise _refusal(TLS, "neither P-256 nor Ed25519")


def _proven(der: bytes, what: str) -> object:
    """The key of a request whose holder has signed it, in one encoding and no other."""
    try:
        request = x509.load_der_x509_csr(der)
        if request.public_bytes(Encoding.DER) != der or not request.is_signature_valid:
            raise _refusal(what, "not signed by its own key")
        return request.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _refusal(what, "no request that can be read") from error


def _refusal(what: str, detail: str) -> Refused:
    return Refused(FleetFault(code=Code.CA_REQUEST, what=what, detail=detail))
