"""A gateway in somebody else's hands: it has the key that devices pin, and bends what it says.

stolen = StolenGateway(the honest application)
stolen.on("/v1/director/*", trickled)      # from now on, for paths that match
stolen.calm()                              # honest again

A bend is told what the honest gateway would say, and says what it likes.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

PART_BYTES = 65_536
MOST_BYTES = 64 * 1024 * 1024
"""What stands for no end: far more than any reader takes."""
PAUSE_SECONDS = 0.2
LONGER_SECONDS = 3.0
"""What stands for ever: longer than a hasty reader waits, and no longer, for a test's sake."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the honest gateway would answer."""

    status: int
    headers: Headers
    body: bytes


Bend = Callable[[Said, Send], Awaitable[None]]


@dataclass
class StolenGateway:
    """An application in front of the honest one."""

    honest: App
    asked: list[str] = field(default_factory=list)
    """Each path that was asked for."""
    said: dict[str, Said] = field(default_factory=dict)
    """What the honest one answered last, by path."""
    _bends: list[tuple[str, Bend]] = field(default_factory=list)

    def on(self, pattern: str, bend: Bend) -> None:
        """Bend what is said on paths of a pattern (`fnmatch`)."""
        self._bends.append((pattern, bend))

    def calm(self) -> None:
        """Bend nothing any more."""
        self._bends.clear()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request."""
        path = str(scope["path"])
        self.asked.append(path)
        said = await self._honestly(scope, receive)
        self.said[path] = said
        bends = [bend for pattern, bend in self._bends if fnmatchcase(path, pattern)]
        await (bends[-1] if bends else honestly)(said, send)

    async def _honestly(self, scope: Message, receive: Receive) -> Said:
        status, headers, body = 0, Headers(), bytearray()

        async def kept(message: Message) -> None:
            nonlocal status, headers
            if message["type"] == "http.response.start":
                status, headers = message["status"], list(message["headers"])
            else:
                body.extend(message.get("body", b""))

        await self.honest(scope, receive, kept)
        return Said(status, headers, bytes(body))


async def honestly(said: Said, send: Send) -> None:
    """Say what the honest one would say."""
    await _begin(send, said.status, said.headers)
    await _part(send, said.body, more=False)


async def endless(said: Said, send: Send) -> None:
    """Say it, and go on without an end."""
    await _begin(send, said.status, _without(said.headers, b"content-length"))
    await _part(send, said.body)
    for _ in range(MOST_BYTES // PART_BYTES):
        await _part(send, b"x" * PART_BYTES)
        await asyncio.sleep(0)
    await _part(send, b"", more=False)


async def trickled(said: Said, send: Send) -> None:
    """Say it a byte at a time."""
    await _begin(send, said.status, said.headers)
    for at in range(int(LONGER_SECONDS / PAUSE_SECONDS)):
        await _part(send, said.body[at : at + 1])
        await asyncio.sleep(PAUSE_SECONDS)
    await _part(send, said.body[at + 1 :], more=False)


async def silent(_: Said, send: Send) -> None:
    """Say nothing for longer than anybody waits."""
    await asyncio.sleep(LONGER_SECONDS)
    await _begin(send, 503, [])
    await _part(send, b"", more=False)


async def broken_off(said: Said, send: Send) -> None:
    """Promise all of it, send half, hang up."""
    await _begin(send, said.status, said.headers)
    await _part(send, said.body[: len(said.body) // 2])
    raise ConnectionResetError


async def not_there(_: Said, send: Send) -> None:
    """Say that there is no such thing."""
    await _begin(send, 404, [(b"content-length", b"0")])
    await _part(send, b"", more=False)


async def flipped(said: Said, send: Send) -> None:
    """Say it with one bit another way."""
    at = len(said.body) // 2
    bent = said.body[:at] + bytes([said.body[at] ^ 1]) + said.body[at + 1 :]
    await honestly(Said(said.status, said.headers, bent), send)


def elsewhere(url: str, status: int = 302) -> Bend:
    """Send whoever asks to another server."""

    async def bend(_: Said, send: Send) -> None:
        headers = [(b"location", url.encode()), (b"content-length", b"0")]
        await _begin(send, status, headers)
        await _part(send, b"", more=False)

    return bend


def again(before: Said) -> Bend:
    """Say what was said before, whatever would be said now."""

    async def bend(_: Said, send: Send) -> None:
        await honestly(before, send)

    return bend


def _without(headers: Headers, name: bytes) -> Headers:
    return [(key, value) for key, value in headers if key.lower() != name]


async def _begin(send: Send, status: int, headers: Headers) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def _part(send: Send, body: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})
