"""A device of somebody else's making that speaks EST and nothing else: two keys, one request."""

import base64
import hashlib
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from firmhold.protocol.est import NAMES_KEY, SIGNING_REQUEST

Key = ec.EllipticCurvePrivateKey


def _new_key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


@dataclass
class EstDevice:
    """Its signing key stays; it has a TLS key for each certificate."""

    name: str
    signing: Key = field(default_factory=_new_key)
    tls: Key = field(default_factory=_new_key)

    def signing_request(self, named: Key | None = None) -> bytes:
        """Return the signing key's request, which names the TLS key or another one (DER)."""
        spki = (
            (named or self.tls)
            .public_key()
            .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        )
        digest = hashlib.sha256(spki).hexdigest().encode()
        return _request(self.signing, NAMES_KEY, digest)

    def request(self, inner: bytes | None = None) -> bytes:
        """Return what is sent (DER); `inner` in place of the signing key's own request."""
        text = base64.b64encode(inner or self.signing_request())
        return _request(self.tls, SIGNING_REQUEST, text)


def _request(key: Key, oid: str, value: bytes) -> bytes:
    builder = x509.CertificateSigningRequestBuilder(x509.Name([]))
    builder = builder.add_attribute(x509.ObjectIdentifier(oid), value)
    return builder.sign(key, SHA256()).public_bytes(Encoding.DER)
