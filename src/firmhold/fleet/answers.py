"""What the parts of a fleet server answer over HTTP, on whichever socket: bytes, or a problem.

A refusal leaves the server as its code and nothing more; the log of the part has the rest.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from sqlalchemy.exc import OperationalError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from firmhold.protocol.problem import MEDIA_TYPE, Problem
from firmhold.trust.errors import Code, FirmholdError, Misuse, Refused, Unavailable
from firmhold.trust.outer_faults import FleetFault

JSON = "application/json"
MOST_SECONDS = 30
"""How long a request may take, its body included."""

log = logging.getLogger("firmhold.fleet")

_STATUS = {
    Code.GATEWAY_CERTIFICATE: 403,
    Code.GATEWAY_REVOKED: 403,
    Code.GATEWAY_NOT_FOUND: 404,
    Code.GATEWAY_TOO_LARGE: 413,
    Code.GATEWAY_TOO_OFTEN: 429,
    Code.FLEET_NO_DEVICE: 404,
    Code.FLEET_NO_ROLLOUT: 404,
    Code.FLEET_DEVICE_THERE: 409,
}
_FAMILIES = ((Refused, 403), (Misuse, 400), (Unavailable, 503))

Handler = Callable[[Request], Awaitable[Response]]


def answer(data: bytes, media_type: str = JSON) -> Response:
    """Return a good answer with these bytes, which nobody may keep for another."""
    return Response(data, media_type=media_type, headers={"Cache-Control": "no-store"})


def refusal(error: FirmholdError) -> Response:
    """Return the problem that a failure is to the one who asked."""
    status = _STATUS.get(error.code)
    if status is None:
        status = next((each for family, each in _FAMILIES if isinstance(error, family)), 500)
    return problem(status, error.code)


def problem(status: int, code: str) -> Response:
    """Return a problem body (RFC 9457)."""
    return Response(Problem(status, code).to_bytes(), status, media_type=MEDIA_TYPE)


async def body_of(request: Request, max_bytes: int) -> bytes:
    """Return the body of a request, which is refused beyond `max_bytes` without being read on."""
    data = bytearray()
    try:
        async for part in request.stream():
            data += part
            if len(data) > max_bytes:
                detail = f"more than {max_bytes} bytes"
                fault = FleetFault(code=Code.GATEWAY_TOO_LARGE, what="body", detail=detail)
                raise Refused(fault)
    except ClientDisconnect as error:
        fault = FleetFault(code=Code.GATEWAY_BUSY, what="body", detail="the sender went away")
        raise Unavailable(fault) from error
    return bytes(data)


def guarded(handler: Handler) -> Handler:
    """Return a handler whose every failure is a problem body, and whose bodies come in time."""

    async def answered(request: Request) -> Response:
        try:
            async with asyncio.timeout(MOST_SECONDS):
                return await handler(request)
        except FirmholdError as error:
            log.info("refused", extra={"code": error.code, "path": request.url.path})
            return refusal(error)
        except TimeoutError:
            return problem(408, Code.GATEWAY_TOO_SLOW)
        except OperationalError:
            log.warning("no database", extra={"path": request.url.path})
            return problem(503, Code.GATEWAY_BUSY)
        except Exception:
            log.exception("failed", extra={"path": request.url.path})
            return problem(500, Code.GATEWAY_BUSY)

    return answered
