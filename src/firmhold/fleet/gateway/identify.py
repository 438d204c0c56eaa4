"""Who asks: the certificate says it, and nothing else that a device sends.

The handshake has shown that the device holds the key and that the authority signed the certificate.
Whether it still counts is looked up for each request, so a revocation ends open connections too.
"""

from dataclasses import dataclass

from cryptography import x509
from sqlalchemy import Engine, select
from starlette.requests import Request

from firmhold.fleet.listen import CERTIFICATE
from firmhold.fleet.tables import CERTIFICATES
from firmhold.protocol.identity import Identity, read_identity
from firmhold.trust.errors import Code, Refused
from firmhold.trust.outer_faults import FleetFault

_STATUS = select(CERTIFICATES.c.revoked)


@dataclass(frozen=True, slots=True)
class Caller:
    """A device at the other end of a connection."""

    identity: Identity
    serial: str


def caller(request: Request, database: Engine) -> Caller:
    """Return who sent a request. Raises `Refused`."""
    found = named_by(request.state._state.get(CERTIFICATE))  # noqa: SLF001 - a plain dictionary
    with database.connect() as connection:
        query = _STATUS.where(CERTIFICATES.c.serial == found.serial)
        revoked = connection.execute(query).scalar_one_or_none()
    if revoked is not False:
        detail = "revoked" if revoked else "not issued here"
        fault = FleetFault(code=Code.GATEWAY_REVOKED, what=found.identity.device, detail=detail)
        raise Refused(fault)
    return found


def named_by(certificate: bytes | None) -> Caller:
    """Return the device that a certificate names: one URI, and no other name."""
    if certificate is None:
        raise _refusal("certificate", "none was shown")
    parsed = x509.load_der_x509_certificate(certificate)
    try:
        extension = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound as error:
        raise _refusal("names", "none") from error
    names = list(extension.value)
    if len(names) != 1 or not isinstance(names[0], x509.UniformResourceIdentifier):
        raise _refusal("names", "not one URI alone")
    return Caller(read_identity(names[0].value), f"{parsed.serial_number:x}")


def _refusal(what: str, detail: str) -> Refused:
    return Refused(FleetFault(code=Code.GATEWAY_CERTIFICATE, what=what, detail=detail))
