"""The enrolment port: whoever comes here has no certificate, and gets what the CA decides.

The gateway hands the device's words on and the CA's words back; it holds no token and judges none.
"""

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from firmhold.fleet.answers import body_of, guarded
from firmhold.protocol.enrolment import MAX_BYTES
from firmhold.protocol.paths import CERTIFICATE, CHALLENGE
from firmhold.trust.errors import Code, Unavailable
from firmhold.trust.outer_faults import FleetFault


class Ca:
    """The CA behind its socket."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def enrol(self, request: Request) -> Response:
        """Hand on what a new device brings."""
        return await self.passed("POST", "/enrol", await body_of(request, MAX_BYTES))

    async def activate(self, request: Request) -> Response:
        """Hand on what a device shows of its TPM."""
        return await self.passed("POST", "/activation", await body_of(request, MAX_BYTES))

    async def challenge(self, _: Request) -> Response:
        """Hand on a challenge."""
        return await self.passed("GET", "/challenge", b"")

    async def certificate(self, request: Request) -> Response:
        """Hand on a request that the device's own key has signed."""
        return await self.passed("POST", "/certificate", await body_of(request, MAX_BYTES))

    async def passed(self, method: str, path: str, body: bytes) -> Response:
        """Ask the CA, and answer as it answers."""
        try:
            found = await self._client.request(method, path, content=body)
        except httpx.HTTPError as error:
            fault = FleetFault(code=Code.GATEWAY_BUSY, what="ca", detail=type(error).__name__)
            raise Unavailable(fault) from error
        media = found.headers.get("content-type")
        return Response(found.content, found.status_code, media_type=media)


def renewal_routes(ca: Ca) -> list[Route]:
    """Return the routes by which a device with a certificate gets the next one."""
    return [
        Route(CHALLENGE, guarded(ca.challenge), methods=["GET"]),
        Route(CERTIFICATE, guarded(ca.certificate), methods=["POST"]),
    ]
