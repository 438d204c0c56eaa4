"""Who sets a device up: its keys, its requests for certificates, honest unless bent."""

import hashlib
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from firmhold.pkix.borrowed import sign_request
from firmhold.protocol.enrolment import CertificateRequest, Enrolment
from firmhold.signing.file import FileSigner
from firmhold.sim.signer import sim_signer
from firmhold.trust.device_id import DeviceId

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def tls_key(name: str) -> ec.EllipticCurvePrivateKey:
    """Return the P-256 key that belongs to `name`: the same name, the same key."""
    number = int.from_bytes(hashlib.sha512(name.encode()).digest()) % (P256_ORDER - 1) + 1
    return ec.derive_private_key(number, ec.SECP256R1())


def pem_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a private key in PEM form."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@dataclass(slots=True)
class SimOwner:
    """One device's keys, and what it asks a server for."""

    device: DeviceId
    signer: FileSigner = field(init=False)
    tls: ec.EllipticCurvePrivateKey = field(init=False)

    def __post_init__(self) -> None:
        """Make the keys from the device's name."""
        self.signer = sim_signer(f"signing key of {self.device}")
        self.tls = tls_key(f"TLS key of {self.device}")

    @property
    def signing_csr(self) -> bytes:
        """A request that proves the signing key."""
        return sign_request(self.signer, _request()).public_bytes(Encoding.DER)

    @property
    def tls_csr(self) -> bytes:
        """A request that proves the TLS key."""
        return _request().sign(self.tls, SHA256()).public_bytes(Encoding.DER)

    def enrolment(self, token: str) -> bytes:
        """What the device brings when it is new."""
        return Enrolment(token, self.device, self.signing_csr, self.tls_csr).to_bytes()

    def request(self, challenge: bytes) -> bytes:
        """What the device asks afterwards."""
        asked = CertificateRequest(self.device, challenge, self.tls_csr)
        return asked.to_bytes([(self.signer.key_id, self.signer.sign(asked.payload))])


def _request() -> x509.CertificateSigningRequestBuilder:
    return x509.CertificateSigningRequestBuilder(x509.Name([]))
