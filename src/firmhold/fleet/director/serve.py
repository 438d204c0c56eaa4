"""The director behind its two sockets, and the round that it makes by itself every second.

The gateway may ask for the time and for nothing else. Operators look, add devices to the inventory,
and hand over acts that they have signed: the socket lets them in, the signature is what counts.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from firmhold.fleet.answers import answer, body_of, guarded
from firmhold.fleet.beliefs import Beliefs
from firmhold.fleet.director import tell
from firmhold.fleet.director.alarms import acknowledge
from firmhold.fleet.director.appointed import Appointed
from firmhold.fleet.director.hear import hear_act
from firmhold.fleet.director.inventory import add_device
from firmhold.fleet.director.messages import read_device, read_questions, told_bytes
from firmhold.fleet.director.receive import receive
from firmhold.fleet.director.settle import Settling, settle
from firmhold.fleet.director.tick import Asked, Told, ahead, tick
from firmhold.trust.device_id import DeviceId
from firmhold.trust.encoding import JsonValue, pretty_json
from firmhold.trust.errors import Code, FirmholdError
from firmhold.trust.governance.rollout_act import MAX_BYTES as MAX_ACT_BYTES
from firmhold.trust.shape import Shape

ROUND_SECONDS = 1
MAX_TICK_BYTES = 1024 * 1024
MAX_DEVICE_BYTES = 4096

log = logging.getLogger("firmhold.fleet.director")

_SHAPE = Shape(Code.PROTOCOL_SHAPE)

R = TypeVar("R")


@dataclass(slots=True)
class Director:
    """The director at work."""

    database: Engine
    beliefs: Beliefs
    appointed: Appointed
    wait: int
    """Seconds between two check-ins of a device."""
    clock: Callable[[], datetime]
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def tick(self, request: Request) -> Response:
        """Tell the time to the devices that asked."""
        asked = read_questions(await body_of(request, MAX_TICK_BYTES), MAX_TICK_BYTES)
        told = await self._in_turn(lambda connection: self._tick(connection, asked))
        image = (self.beliefs.root_version, self.beliefs.timestamp)
        return answer(told_bytes(told, asked, image, self.appointed.roots.version))

    async def act(self, request: Request) -> Response:
        """Hear an operator's act, and settle at once."""
        data = await body_of(request, MAX_ACT_BYTES)

        def heard(connection: Connection) -> JsonValue:
            act = hear_act(connection, self.beliefs, data, self.clock())
            settle(connection, self._settling())
            return tell.rollout(connection, act.rollout)

        return _json(await self._in_turn(heard))

    async def add(self, request: Request) -> Response:
        """Add a device to the inventory; it has a word at once."""
        known = read_device(await body_of(request, MAX_DEVICE_BYTES), MAX_DEVICE_BYTES)

        def added(connection: Connection) -> None:
            add_device(connection, known, self.clock())
            settle(connection, self._settling())

        await self._in_turn(added)
        return Response(status_code=204)

    async def devices(self, _: Request) -> Response:
        """Tell of all devices."""
        return _json(await self._in_turn(lambda each: tell.devices(each, self._moment())))

    async def device(self, request: Request) -> Response:
        """Tell all there is about one device."""
        name = _named(request, "device")
        return _json(await self._in_turn(lambda each: tell.device(each, name, self._moment())))

    async def acknowledge(self, request: Request) -> Response:
        """End the alarms of a device."""
        name = DeviceId(_named(request, "device"))
        await self._in_turn(lambda connection: acknowledge(connection, name))
        return Response(status_code=204)

    async def rollouts(self, _: Request) -> Response:
        """Tell of all rollouts."""
        return _json(await self._in_turn(tell.rollouts))

    async def acts(self, request: Request) -> Response:
        """Send the acts of a rollout, in their order; none, if nobody has begun it."""
        name = _named(request, "rollout")
        return _json(await self._in_turn(lambda connection: tell.acts(connection, name)))

    async def settings(self, _: Request) -> Response:
        """Send the trust settings that stand now."""
        return _json({"settings": self.beliefs.settings_data.decode()})

    async def release(self, request: Request) -> Response:
        """Send the manifest of a release, as the director has verified it."""
        path = request.query_params.get("path", "")
        found = await self._in_turn(lambda _: self.beliefs.release(path, self.clock()))
        return _json({"manifest": found.data.decode(), "sha256": found.release.digest.hex()})

    async def run(self) -> None:
        """Go round until cancelled: what was published, what came in, what follows from it."""
        while True:
            try:
                await self._in_turn(self._round)
            except FirmholdError as error:
                log.warning("round", extra={"code": error.code})
            except OperationalError:
                log.warning("no database")
            except Exception:
                log.exception("round")
            await asyncio.sleep(ROUND_SECONDS)

    def _round(self, connection: Connection) -> None:
        now = self.clock()
        for what, refresh in (
            ("site", lambda: self.beliefs.refresh(now)),
            ("roots", self.appointed.roots.refresh),
        ):
            try:
                refresh()
            except FirmholdError as error:
                log.warning(what, extra={"code": error.code})
        received = receive(connection, now)
        for device, code in received.refused:
            log.warning("report refused", extra={"device": device, "code": code})
        for device in settle(connection, self._settling()):
            log.info("word signed", extra={"device": device})

    def _tick(self, connection: Connection, asked: list[Asked]) -> Told:
        seen = ahead(connection, asked)
        if seen:
            settle(connection, self._settling(), seen)
        return tick(connection, self.beliefs, self.appointed.clock, asked, self.clock())

    def _moment(self) -> tell.Moment:
        return tell.Moment(self.clock(), self.wait)

    def _settling(self) -> Settling:
        return Settling(self.beliefs, self.appointed.signer, self.clock())

    async def _in_turn(self, work: Callable[[Connection], R]) -> R:
        """Do one thing at a time, wholly or not at all, off the loop."""

        def done() -> R:
            with self.database.begin() as connection:
                return work(connection)

        async with self._turn:
            return await run_in_threadpool(done)


def gateway_app(director: Director) -> Starlette:
    """Return what the gateway's socket serves."""
    return Starlette(routes=[Route("/tick", guarded(director.tick), methods=["POST"])])


def operators_app(director: Director) -> Starlette:
    """Return what the operators' socket serves."""
    return Starlette(
        routes=[
            Route("/devices", guarded(director.devices), methods=["GET"]),
            Route("/devices", guarded(director.add), methods=["POST"]),
            Route("/devices/{device}", guarded(director.device), methods=["GET"]),
            Route("/devices/{device}/acknowledge", guarded(director.acknowledge), methods=["POST"]),
            Route("/rollouts", guarded(director.rollouts), methods=["GET"]),
            Route("/rollouts/{rollout}/acts", guarded(director.acts), methods=["GET"]),
            Route("/settings", guarded(director.settings), methods=["GET"]),
            Route("/releases", guarded(director.release), methods=["GET"]),
            Route("/acts", guarded(director.act), methods=["POST"]),
        ]
    )


def _named(request: Request, what: str) -> str:
    return _SHAPE.a_name(request.path_params[what], what)


def _json(value: JsonValue) -> Response:
    return answer(pretty_json(value))
