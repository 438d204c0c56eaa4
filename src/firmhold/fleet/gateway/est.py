"""EST (RFC 7030) at both ports: it is taken apart here, and decided by the CA.

GET  cacerts          the authority under which devices have their certificates
GET  csrattrs         what a request must bear
POST simpleenroll     at the enrolment port, with the device and its token as HTTP Basic
POST simplereenroll   at the device port; the certificate says who asks
"""

from dataclasses import dataclass

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import serialize_certificates
from cryptography.x509 import load_der_x509_certificate
from starlette.requests import Request
from starlette.responses import Response

from firmhold.fleet.answers import body_of
from firmhold.fleet.authorities import Known
from firmhold.fleet.gateway.enrol import Ca
from firmhold.fleet.gateway.identify import Caller
from firmhold.protocol import est
from firmhold.protocol.enrolment import parse_issued
from firmhold.trust.encoding import JsonObject, pretty_json
from firmhold.trust.errors import Code, Refused
from firmhold.trust.outer_faults import FleetFault

_CHALLENGE = {"WWW-Authenticate": 'Basic realm="device and token"'}
_BASE64 = {"Content-Transfer-Encoding": "base64"}


@dataclass(frozen=True, slots=True)
class Est:
    """What EST needs."""

    ca: Ca
    known: Known

    async def authorities(self, _: Request) -> Response:
        """Send the authorities, the one that issues first (RFC 7030 4.1)."""
        return _certificates(serialize_certificates([*self.known().accepted], Encoding.DER))

    async def attributes(self, _: Request) -> Response:
        """Send what a request must bear (RFC 7030 4.5)."""
        body = est.encoded(est.attributes())
        return Response(body, media_type=est.ATTRIBUTES_TYPE, headers=_BASE64)

    async def enrol(self, request: Request) -> Response:
        """Enrol a device (RFC 7030 4.2.1); without a device and a token it is asked for both."""
        header = request.headers.get("authorization")
        if header is None:
            return Response(status_code=401, headers=_CHALLENGE)
        device, token = est.credentials(header)
        return await self._asked(request, {"device": device, "token": token})

    async def renew(self, request: Request, by: Caller) -> Response:
        """Renew the certificate of the device that asks (RFC 7030 4.2.2)."""
        return await self._asked(request, {"device": by.identity.device})

    async def _asked(self, request: Request, asked: JsonObject) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != est.REQUEST_TYPE:
            fault = FleetFault(code=Code.CA_REQUEST, what="content type", detail=est.REQUEST_TYPE)
            raise Refused(fault)
        csr = est.decoded(await body_of(request, est.MAX_BODY_BYTES))
        found = await self.ca.passed("POST", "/est", pretty_json({**asked, "csr": csr.hex()}))
        if found.status_code != 200:  # noqa: PLR2004 - the CA's problem is the device's
            return found
        issued = load_der_x509_certificate(parse_issued(bytes(found.body)).certificate)
        return _certificates(serialize_certificates([issued], Encoding.DER))


def _certificates(der: bytes) -> Response:
    headers = {**_BASE64, "Cache-Control": "no-store"}
    return Response(est.encoded(der), media_type=est.CERTIFICATES_TYPE, headers=headers)
