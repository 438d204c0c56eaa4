"""Who asks: the certificate says it, and nothing else that a device sends.

The handshake has shown that the device holds the key and that the authority signed the certificate.
Whether it still counts is looked up for each request, so a revocation ends open connections too.
"""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from sqlalchemy import Engine, select
from starlette.requests import Request

from firmhold.fleet.listen import CERTIFICATE
from firmhold.fleet.tables import CERTIFICATES
from firmhold.protocol.identity import Identity, read_identity
from firmhold.trust.errors import Code, Refused
from firmhold.trust.outer_faults import FleetFault

_STATUS = select(CERTIFICATES.c.revoked, CERTIFICATES.c.superseded_at)


@dataclass(frozen=True, slots=True)
class Caller:
    """A device at the other end of a connection."""

    identity: Identity
    serial: str


class Superseded(Refused):
    """A certificate that a later one has replaced: of an older backup, or of a copy."""

    def __init__(self, by: Caller) -> None:
        what, code = by.identity.device, Code.GATEWAY_SUPERSEDED
        super().__init__(FleetFault(code=code, what=what, detail="a later one has its place"))
        self.by = by


def caller(request: Request, database: Engine, now: datetime) -> Caller:
    """Return who sent a request. Raises `Refused`, of which `Superseded` is one."""
    found = named_by(request.state._state.get(CERTIFICATE))  # noqa: SLF001 - a plain dictionary
    with database.connect() as connection:
        query = _STATUS.where(CERTIFICATES.c.serial == found.serial)
        row = connection.execute(query).one_or_none()
    if row is None or row.revoked:
        detail = "not issued here" if row is None else "revoked"
        fault = FleetFault(code=Code.GATEWAY_REVOKED, what=found.identity.device, detail=detail)
        raise Refused(fault)
    if row.superseded_at is not None and row.superseded_at <= int(now.timestamp()):
        raise Superseded(found)
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
