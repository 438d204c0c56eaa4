"""Who asks: the certificate says it, and nothing else that a device sends.

The handshake has shown that the device holds the key and that the authority signed the certificate.
Whether it still counts is looked up for each request, so a revocation ends open connections too.
"""

import hashlib
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

_STATUS = select(
    CERTIFICATES.c.revoked,
    CERTIFICATES.c.superseded_at,
    CERTIFICATES.c.sha256,
    CERTIFICATES.c.authority,
)


@dataclass(frozen=True, slots=True)
class Caller:
    """A device at the other end of a connection."""

    identity: Identity
    serial: str
    sha256: str
    """Of the whole certificate."""


class Superseded(Refused):
    """A certificate that a later one has replaced: of an older backup, or of a copy."""

    def __init__(self, by: Caller) -> None:
        what, code = by.identity.device, Code.GATEWAY_SUPERSEDED
        super().__init__(FleetFault(code=code, what=what, detail="a later one has its place"))
        self.by = by


def caller(request: Request, database: Engine, accepted: frozenset[str], now: datetime) -> Caller:
    """Return who sent a request. Raises `Refused`, of which `Superseded` is one.

    `accepted` are the ids of authorities whose certificates count. It is the certificate that was
    issued and no other: whoever stole an authority's key can write any serial number.
    """
    found = named_by(request.state._state.get(CERTIFICATE))  # noqa: SLF001 - a plain dictionary
    with database.connect() as connection:
        query = _STATUS.where(CERTIFICATES.c.serial == found.serial)
        row = connection.execute(query).one_or_none()
    if row is None or row.sha256 != found.sha256:
        raise _not_let_in(found, Code.GATEWAY_REVOKED, "not issued here")
    if row.revoked:
        raise _not_let_in(found, Code.GATEWAY_REVOKED, "revoked")
    if row.authority not in accepted:
        raise _not_let_in(found, Code.GATEWAY_AUTHORITY, "its authority was revoked")
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
    digest = hashlib.sha256(certificate).hexdigest()
    return Caller(read_identity(names[0].value), f"{parsed.serial_number:x}", digest)


def _not_let_in(found: Caller, code: Code, detail: str) -> Refused:
    return Refused(FleetFault(code=code, what=found.identity.device, detail=detail))


def _refusal(what: str, detail: str) -> Refused:
    return Refused(FleetFault(code=Code.GATEWAY_CERTIFICATE, what=what, detail=detail))
