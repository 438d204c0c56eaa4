"""The CA behind its two sockets: what the gateway hands on, and what operators decide."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from firmhold.fleet.answers import answer, body_of, guarded
from firmhold.fleet.ca.issue import Desk, State
from firmhold.protocol.challenge import challenge_bytes
from firmhold.protocol.enrolment import MAX_BYTES, MOST_TOKEN_CHARACTERS
from firmhold.protocol.identity import device_id
from firmhold.trust.encoding import parse_json, pretty_json
from firmhold.trust.errors import Code
from firmhold.trust.shape import Shape

_SHAPE = Shape(Code.PROTOCOL_SHAPE)
_MAX_SECONDS = 366 * 86_400


@dataclass(frozen=True, slots=True)
class Ca:
    """The routes of the CA."""

    desk: Desk
    clock: Callable[[], datetime]

    async def enrol(self, request: Request) -> Response:
        """Enrol a device."""
        body = await body_of(request, MAX_BYTES)
        return answer(await run_in_threadpool(self.desk.enrol, body, self.clock()))

    async def activate(self, request: Request) -> Response:
        """Give a secret out that a device's TPM is to open."""
        body = await body_of(request, MAX_BYTES)
        return answer(await run_in_threadpool(self.desk.activate, body, self.clock()))

    async def est(self, request: Request) -> Response:
        """Enrol, or renew, one who speaks EST; the gateway has taken the request apart."""
        value = parse_json(await body_of(request, MAX_BYTES), max_bytes=MAX_BYTES)
        members = _SHAPE.members(value, "est", ("device", "csr"), optional=("token",))
        device = device_id(_SHAPE.a_name(members["device"], "est.device"), "est.device")
        text = _SHAPE.a_text(members["csr"], "est.csr", MAX_BYTES)
        csr, now = _SHAPE.some_bytes(text, "est.csr", len(text) // 2), self.clock()
        if "token" not in members:
            return answer(await run_in_threadpool(self.desk.renew_by_est, device, csr, now))
        token = _SHAPE.a_text(members["token"], "est.token", MOST_TOKEN_CHARACTERS)
        return answer(await run_in_threadpool(self.desk.enrol_by_est, device, token, csr, now))

    async def challenge(self, _: Request) -> Response:
        """Give a challenge out."""
        return answer(challenge_bytes(self.desk.challenge(self.clock())))

    async def certificate(self, request: Request) -> Response:
        """Issue a certificate to a device that is enrolled."""
        body = await body_of(request, MAX_BYTES)
        return answer(await run_in_threadpool(self.desk.certificate, body, self.clock()))

    async def for_server(self, request: Request) -> Response:
        """Issue a certificate that the gateway shows."""
        spki, now = await body_of(request, MAX_BYTES), self.clock()
        name = request.path_params["authority"]
        return answer(await run_in_threadpool(self.desk.for_server, name, spki, now))

    async def invite(self, request: Request) -> Response:
        """Make a token."""
        value = parse_json(await body_of(request, MAX_BYTES), max_bytes=MAX_BYTES)
        members = _SHAPE.members(value, "token", ("device", "seconds"))
        device = device_id(_SHAPE.a_name(members["device"], "token.device"), "token.device")
        seconds = _SHAPE.a_number(members["seconds"], "token.seconds", 1, _MAX_SECONDS)
        lifetime = timedelta(seconds=seconds)
        token = await run_in_threadpool(self.desk.invite, device, self.clock(), lifetime)
        return answer(pretty_json({"token": token}))

    async def authorities(self, _: Request) -> Response:
        """Tell how many certificates of each authority are good now."""
        found = await run_in_threadpool(self.desk.good_by_authority, self.clock())
        return answer(pretty_json({**found}))

    async def set_state(self, request: Request) -> Response:
        """Change what is thought of a device."""
        value = parse_json(await body_of(request, MAX_BYTES), max_bytes=MAX_BYTES)
        found = _SHAPE.a_name(_SHAPE.members(value, "state", ("state",))["state"], "state")
        if found not in set(State):
            raise _SHAPE.refusal("state", " or ".join(State))
        device = device_id(request.path_params["device"], "device")
        await run_in_threadpool(self.desk.set_state, device, State(found))
        return Response(status_code=204)


def gateway_app(ca: Ca) -> Starlette:
    """Return what the gateway's socket serves."""
    return Starlette(
        routes=[
            Route("/enrol", guarded(ca.enrol), methods=["POST"]),
            Route("/est", guarded(ca.est), methods=["POST"]),
            Route("/activation", guarded(ca.activate), methods=["POST"]),
            Route("/challenge", guarded(ca.challenge), methods=["GET"]),
            Route("/certificate", guarded(ca.certificate), methods=["POST"]),
            Route("/server/{authority}", guarded(ca.for_server), methods=["POST"]),
        ]
    )


def operators_app(ca: Ca) -> Starlette:
    """Return what the operators' socket serves."""
    return Starlette(
        routes=[
            Route("/tokens", guarded(ca.invite), methods=["POST"]),
            Route("/authorities", guarded(ca.authorities), methods=["GET"]),
            Route("/devices/{device}/state", guarded(ca.set_state), methods=["POST"]),
        ]
    )
