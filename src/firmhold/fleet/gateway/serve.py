"""The device port: every route is about the device that the certificate names, and about no other.

POST /v1/check-in                 what there is, and the time
POST /v1/report                   the device's signed word of itself
GET  /v1/image/metadata/NAME      the image repository
GET  /v1/image/targets/PATH
GET  /v1/director/NAME            the Director's word for this device
GET  /v1/payloads/SHA256          by Range, if asked so
GET  /v1/challenge, POST /v1/certificate
GET  /.well-known/est/…           the same, for those who speak EST
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from firmhold.fleet.answers import answer, body_of, guarded
from firmhold.fleet.authorities import Known
from firmhold.fleet.gateway.check_in import Desk, check_in
from firmhold.fleet.gateway.enrol import Ca, renewal_routes
from firmhold.fleet.gateway.est import Est
from firmhold.fleet.gateway.files import Files
from firmhold.fleet.gateway.identify import Caller, Superseded, caller
from firmhold.fleet.gateway.inbox import MAX_REPORT_BYTES, Inbox
from firmhold.fleet.gateway.limits import of_devices
from firmhold.protocol import est
from firmhold.protocol.check_in import MAX_QUESTION_BYTES
from firmhold.protocol.paths import (
    CHECK_IN,
    DIRECTOR_METADATA,
    IMAGE_METADATA,
    IMAGE_TARGETS,
    PAYLOADS,
    REPORT,
)

OCTETS = "application/octet-stream"
WRITE_SECONDS = 1

Asked = Callable[[Request, Caller], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Gateway:
    """What the device port needs."""

    database: Engine
    """For reading alone."""
    desk: Desk
    inbox: Inbox
    files: Files
    ca: Ca
    est: Est
    authorities: Known
    clock: Callable[[], datetime]

    async def check_in(self, request: Request, by: Caller) -> Response:
        """Answer a check-in."""
        body, now = await body_of(request, MAX_QUESTION_BYTES), self.clock()
        told = await check_in(self.desk, by, body, now)
        self.inbox.saw(by.identity.device, now)
        return answer(told)

    async def report(self, request: Request, by: Caller) -> Response:
        """Take a report in; it is durable when the device hears of it."""
        body = await body_of(request, MAX_REPORT_BYTES)
        device, now = by.identity.device, self.clock()
        await run_in_threadpool(self.inbox.take_report, device, body, now)
        return Response(status_code=204)

    async def metadata(self, request: Request, _: Caller) -> Response:
        """Send metadata of the image repository."""
        return FileResponse(self.files.published("metadata", request.path_params["path"]))

    async def target(self, request: Request, _: Caller) -> Response:
        """Send a small target of the image repository."""
        place = self.files.published("targets", request.path_params["path"])
        return FileResponse(place, media_type=OCTETS)

    async def payload(self, request: Request, _: Caller) -> Response:
        """Send a payload, or the part of it that is asked for."""
        place = self.files.payload(request.path_params["sha256"])
        return FileResponse(place, media_type=OCTETS)

    async def word(self, request: Request, by: Caller) -> Response:
        """Send a file of the Director's word for the caller."""
        device, name = by.identity.device, request.path_params["name"]
        return answer(await run_in_threadpool(self.files.word, device, name))


def device_app(gateway: Gateway) -> Starlette:
    """Return what the device port serves."""
    turns = of_devices()

    def for_device(handler: Asked) -> Callable[[Request], Awaitable[Response]]:
        async def identified(request: Request) -> Response:
            now = gateway.clock()
            try:
                accepted = gateway.authorities().accepted_keys
                by = await run_in_threadpool(caller, request, gateway.database, accepted, now)
            except Superseded as error:
                gateway.inbox.saw_superseded(error.by.identity.device, error.by.serial, now)
                raise
            return await handler(request, by)

        return guarded(identified)

    def in_turn(handler: Asked) -> Callable[[Request], Awaitable[Response]]:
        """For what costs a signature or a row: each device has its share, and no more."""

        async def counted(request: Request, by: Caller) -> Response:
            turns.take(by.identity.device, time.monotonic())
            return await handler(request, by)

        return for_device(counted)

    routes: list[BaseRoute] = [
        Route(CHECK_IN, in_turn(gateway.check_in), methods=["POST"]),
        Route(REPORT, in_turn(gateway.report), methods=["POST"]),
        Route(f"{IMAGE_METADATA}{{path:path}}", for_device(gateway.metadata)),
        Route(f"{IMAGE_TARGETS}{{path:path}}", for_device(gateway.target)),
        Route(f"{DIRECTOR_METADATA}{{name}}", for_device(gateway.word)),
        Route(f"{PAYLOADS}{{sha256}}", for_device(gateway.payload)),
        *renewal_routes(gateway.ca),
        Route(est.CA_CERTIFICATES, guarded(gateway.est.authorities), methods=["GET"]),
        Route(est.ATTRIBUTES, guarded(gateway.est.attributes), methods=["GET"]),
        Route(est.RENEW, in_turn(gateway.est.renew), methods=["POST"]),
    ]
    return Starlette(routes=routes)


async def keep_writing(inbox: Inbox) -> None:
    """Write check-ins down once a second, until cancelled."""
    while True:
        await asyncio.sleep(WRITE_SECONDS)
        await run_in_threadpool(inbox.write_noted)
