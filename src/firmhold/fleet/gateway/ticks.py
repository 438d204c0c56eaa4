"""Asks the director for the time, once for all devices that ask within a moment.

The director signs one statement for all of them; each gets its own proof. What the gateway says of
a device is only who asked with which nonce: the answer is about the Director's own word.
"""

import asyncio
from dataclasses import dataclass

import httpx

from firmhold.protocol.check_in import Known, News
from firmhold.trust.device_id import DeviceId
from firmhold.trust.encoding import JsonObject, JsonValue, parse_json, pretty_json
from firmhold.trust.errors import Code, Refused, Unavailable
from firmhold.trust.outer_faults import FleetFault
from firmhold.trust.shape import Shape

MOMENT_SECONDS = 0.02
PATIENCE_SECONDS = 10
MOST_IN_A_TICK = 1000
MAX_BYTES = 64 * 1024 * 1024

_SHAPE = Shape(Code.PROTOCOL_SHAPE)
_MOST_TEXT = 131_072


@dataclass(frozen=True, slots=True)
class Asked:
    """A device's question, as far as the director needs it."""

    device: DeviceId
    nonce: bytes
    director: Known


@dataclass(frozen=True, slots=True)
class Told:
    """The director's answer to one device."""

    statement: bytes
    proof: bytes
    image: News
    director: News


Waiting = tuple[Asked, asyncio.Future[Told]]


class Ticks:
    """Collects questions, and hands each its answer."""

    def __init__(self, director: httpx.AsyncClient) -> None:
        self._director = director
        self._waiting: list[Waiting] = []
        self._running: set[asyncio.Task[None]] = set()

    async def ask(self, question: Asked) -> Told:
        """Return the director's answer. Raises `Refused` or `Unavailable`."""
        future: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if len(self._waiting) == 1:
            task = asyncio.create_task(self._tick())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return await future

    async def _tick(self) -> None:
        await asyncio.sleep(MOMENT_SECONDS)
        waiting, self._waiting = self._waiting, []
        while waiting:
            now, waiting = _once_each(waiting)
            await self._settle(now)

    async def _settle(self, waiting: list[Waiting]) -> None:
        try:
            told = await self._post([question for question, _ in waiting])
        except (httpx.HTTPError, Refused) as error:
            detail = type(error).__name__
            for _, future in waiting:
                _fail(future, Unavailable(_fault(Code.GATEWAY_BUSY, "director", detail)))
            return
        for (question, future), answer in zip(waiting, told, strict=True):
            if answer is not None and not future.done():
                future.set_result(answer)
            _fail(future, Refused(_fault(Code.FLEET_NO_DEVICE, question.device, "no word")))

    async def _post(self, questions: list[Asked]) -> list[Told | None]:
        body: list[JsonValue] = [_written(question) for question in questions]
        response = await self._director.post("/tick", content=pretty_json({"questions": body}))
        response.raise_for_status()
        return _read(response.content, [question.device for question in questions])


def _fail(future: "asyncio.Future[Told]", error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def _once_each(waiting: list[Waiting]) -> tuple[list[Waiting], list[Waiting]]:
    """Take as many as go into a tick, each device once; return them and those that wait on."""
    first: dict[DeviceId, Waiting] = {}
    others = []
    for each in waiting:
        device = each[0].device
        if device in first or len(first) == MOST_IN_A_TICK:
            others.append(each)
        else:
            first[device] = each
    return [*first.values()], others


def _written(question: Asked) -> JsonObject:
    return {
        "device": question.device,
        "nonce": question.nonce.hex(),
        "timestamp": question.director.timestamp,
        "timestamp_sha256": question.director.timestamp_sha256.hex(),
    }


def _read(data: bytes, devices: list[DeviceId]) -> list[Told | None]:
    found = _SHAPE.members(
        parse_json(data, max_bytes=MAX_BYTES), "tick", ("statement", "image", "answers")
    )
    statement = _text(found["statement"], "tick.statement")
    image = _news(found["image"], "tick.image")

    def one(value: JsonValue, where: str) -> tuple[str, Told | None]:
        members = _SHAPE.an_object(value, where)
        device = _SHAPE.a_name(members.get("device"), f"{where}.device")
        if "code" in members:
            return device, None
        names = ("device", "proof", "root", "timestamp")
        known = _SHAPE.members(value, where, names)
        proof = _text(known["proof"], f"{where}.proof")
        news = _news({name: known[name] for name in ("root", "timestamp")}, where)
        return device, Told(statement, proof, image, news)

    told = dict(_SHAPE.a_list(found["answers"], "tick.answers", len(devices), one))
    return [told.get(device) for device in devices]


def _news(value: JsonValue, where: str) -> News:
    members = _SHAPE.members(value, where, ("root", "timestamp"))
    return News(
        _SHAPE.a_number(members["root"], f"{where}.root", 1),
        _text(members["timestamp"], f"{where}.timestamp"),
    )


def _text(value: JsonValue, where: str) -> bytes:
    return _SHAPE.a_text(value, where, _MOST_TEXT).encode()


def _fault(code: Code, what: str, detail: str) -> FleetFault:
    return FleetFault(code=code, what=what, detail=detail)
