"""The enrolment port: its routes, in our own tongue and in EST, and each place's share of turns."""

import time
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from firmhold.fleet.answers import guarded
from firmhold.fleet.gateway.enrol import Ca
from firmhold.fleet.gateway.est import Est
from firmhold.fleet.gateway.limits import of_places, place_of
from firmhold.protocol import est
from firmhold.protocol.paths import ACTIVATION, CHALLENGE, ENROL, RECOVERY

Handler = Callable[[Request], Awaitable[Response]]


def enrolment_app(ca: Ca, by_est: Est) -> Starlette:
    """Return what the enrolment port serves."""
    turns = of_places()

    def in_turn(handler: Handler) -> Handler:
        """Each place has its share, and no more."""

        async def counted(request: Request) -> Response:
            if request.client is not None:
                turns.take(place_of(request.client.host), time.monotonic())
            return await handler(request)

        return guarded(counted)

    return Starlette(
        routes=[
            Route(ENROL, in_turn(ca.enrol), methods=["POST"]),
            Route(ACTIVATION, in_turn(ca.activate), methods=["POST"]),
            Route(CHALLENGE, in_turn(ca.challenge), methods=["GET"]),
            Route(RECOVERY, in_turn(ca.certificate), methods=["POST"]),
            Route(est.CA_CERTIFICATES, in_turn(by_est.authorities), methods=["GET"]),
            Route(est.ATTRIBUTES, in_turn(by_est.attributes), methods=["GET"]),
            Route(est.ENROL, in_turn(by_est.enrol), methods=["POST"]),
        ]
    )
