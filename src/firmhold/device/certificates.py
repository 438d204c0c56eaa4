"""The device's TLS certificate: when it is to be renewed, and how it is asked for.

A certificate is renewed at about half its life, over the device port, while it is still good. Where
it is no longer good, or there is none, the device asks at the enrolment port; either way its own
signing key is what speaks for it. Judged by the device's own time, which is never ahead of the true
one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from firmhold.device.report import Signer
from firmhold.protocol.challenge import parse_challenge
from firmhold.protocol.enrolment import CertificateRequest, parse_issued
from firmhold.protocol.paths import CERTIFICATE, CHALLENGE, RECOVERY
from firmhold.trust.device_id import DeviceId
from firmhold.trust.errors import Code, Refused
from firmhold.trust.outer_faults import FetchFault


class Server(Protocol):
    """The server, on one of its ports. Failures are `Unavailable`."""

    def get(self, path: str, max_bytes: int) -> bytes:
        """Return what stands at a path."""
        ...

    def post(self, path: str, body: bytes, max_bytes: int) -> bytes:
        """Send something; return the answer."""
        ...


@dataclass(frozen=True, slots=True)
class TlsIdentity:
    """A key and a certificate for it, both in PEM form."""

    key: bytes
    certificate: bytes


NewKey = Callable[[], tuple[bytes, bytes]]
"""Makes a key: its PEM form, and a certificate signing request (DER)."""

MAX_BYTES = 262_144

EARLIEST, LATEST = 0.45, 0.55
"""Between which parts of its life a certificate is renewed."""


def due(certificate: x509.Certificate, now: datetime) -> bool:
    """Tell whether half of a certificate's life has passed, sooner or later by a tenth of it.

    When exactly follows from the certificate: devices that were enrolled together do not come
    together to have it renewed.
    """
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    chance = int.from_bytes(certificate.fingerprint(SHA256())[:2]) / 0xFFFF
    return now >= begin + (end - begin) * (EARLIEST + (LATEST - EARLIEST) * chance)


def over(certificate: x509.Certificate, now: datetime) -> bool:
    """Tell whether a certificate is no longer good."""
    return now > certificate.not_valid_after_utc


def whole_identity(pem: bytes) -> x509.Certificate | None:
    """Return the certificate in a file with its key; None if they are not whole, or not a pair."""
    try:
        certificate, key = x509.load_pem_x509_certificate(pem), load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return certificate if certificate.public_key() == key.public_key() else None


def renewed(server: Server, device: DeviceId, key: Signer, new_key: NewKey) -> TlsIdentity:
    """Return a new identity, asked for over the device port."""
    return _asked(server, CERTIFICATE, device, key, new_key)


def recovered(server: Server, device: DeviceId, key: Signer, new_key: NewKey) -> TlsIdentity:
    """Return a new identity, asked for at the enrolment port."""
    return _asked(server, RECOVERY, device, key, new_key)


def identity(answer: bytes, key: bytes) -> TlsIdentity:
    """Return the identity that a server's answer makes of a key. Raises `Refused`."""
    issued = parse_issued(answer)
    try:
        certificate = x509.load_der_x509_certificate(issued.certificate)
    except ValueError as error:
        fault = FetchFault(code=Code.FETCH_CERTIFICATE, url="answer", detail="not a certificate")
        raise Refused(fault) from error
    return TlsIdentity(key, certificate.public_bytes(Encoding.PEM))


def _asked(
    server: Server, path: str, device: DeviceId, key: Signer, new_key: NewKey
) -> TlsIdentity:
    challenge = parse_challenge(server.get(CHALLENGE, MAX_BYTES))
    private, csr = new_key()
    request = CertificateRequest(device, challenge, csr)
    body = request.to_bytes([(key.key_id, key.sign(request.payload))])
    return identity(server.post(path, body, MAX_BYTES), private)
