"""Sockets that cannot be kept waiting or flooded, plain and with TLS, and a connection on them.

* Time: every wait on the socket (headers included) ends at a deadline that moves on only as bytes
  arrive, and for no more bytes than were asked for: `grace + received / minimum rate`. A server
  that trickles meets it soon, and one that is merely slow does not (TUF 1.5.2 slow retrieval).
* Size: what comes before the body, and the marks of chunks, have bounds of their own.
* Lines: a carriage return inside a line is refused. The library's header parser would take it for
  the end of one, and could be led into work without end.
"""

import http.client
import io
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import OverLimit

HEAD_BYTES = 1 << 16
"""What may come before the body: status line, headers, interim answers."""

_FRAMING_BYTES = 1 << 18
_FRAMING_FACTOR = 8
"""What chunk marks may add to a body, so that framing is no endless data either."""

_HEAD_CREDIT_BYTES = 1 << 12
"""For how many bytes of head the deadline moves on, as it does for those of the body."""

_BARE_RETURN = "a carriage return inside a line"
_UNREADABLE_HEAD = "headers that cannot be read"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait: seconds before the first byte must have come, then bytes a second."""

    grace_seconds: float = 15.0
    minimum_bytes_per_second: float = 1024.0


class _Lines(io.BufferedReader):
    """A reader for which a line ends as HTTP says, and nowhere else (RFC 9112 2.2)."""

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if b"\r" in line.removesuffix(b"\n").removesuffix(b"\r"):
            raise http.client.HTTPException(_BARE_RETURN)
        return line


class PlainSocket(socket.socket):
    """A socket whose every read ends at the moving deadline."""

    patience: Patience
    started: float
    received: int
    credit: int
    most: int

    def begin(self, patience: Patience, max_bytes: int) -> None:
        """Begin to wait for an answer whose body has `max_bytes` at most."""
        self.patience, self.credit = patience, max_bytes + _HEAD_CREDIT_BYTES
        self.received, self.most = 0, HEAD_BYTES
        self.settimeout(patience.grace_seconds)  # for the request; each read sets its own
        self.started = time.monotonic()

    def expect_body(self, max_bytes: int) -> None:
        """The head is there: let a body of `max_bytes` come, framed as it may be."""
        self.most = _FRAMING_BYTES + _FRAMING_FACTOR * max_bytes

    def recv_into(self, *args: int | memoryview | bytearray) -> int:  # type: ignore[override]
        """Read some bytes, unless the deadline has passed or too many came."""
        earned = min(self.received, self.credit) / self.patience.minimum_bytes_per_second
        left = self.started + self.patience.grace_seconds + earned - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.settimeout(left)
        count = super().recv_into(*args)  # type: ignore[arg-type]
        self.received += count
        if self.received > self.most:
            raise Refused(OverLimit(code=Code.FETCH_TOO_LONG, what="answer", limit=self.most))
        return count

    def makefile(self, *_: object, **__: object) -> _Lines:  # type: ignore[override]
        """Return the reader for an answer."""
        return _Lines(super().makefile("rb", buffering=0))


class TlsSocket(PlainSocket, ssl.SSLSocket):  # type: ignore[misc]
    """The same above TLS: what counts is what was deciphered, as late as it comes."""


Impatient: TypeAlias = PlainSocket | TlsSocket


class Connection(http.client.HTTPConnection):
    """A connection to one server, for one answer after another."""

    def __init__(self, host: str, port: int, patience: Patience) -> None:
        super().__init__(host, port, timeout=patience.grace_seconds)
        self.patience = patience
        self.impatient: Impatient | None = None

    def opened(self) -> PlainSocket:
        """Return a new socket to the server."""
        plain = socket.create_connection((self.host, self.port), self.timeout)
        return PlainSocket(fileno=plain.detach())

    def connect(self) -> None:
        """Open the connection."""
        self.sock = self.impatient = self.opened()

    def ask(
        self,
        method: str,
        path: str,
        max_bytes: int,
        headers: Mapping[str, str],
        body: bytes | None = None,
    ) -> http.client.HTTPResponse:
        """Send a request; return the head of its answer, whose body is not read yet."""
        if self.sock is None or self.impatient is None:
            self.connect()
        impatient = self.impatient
        if impatient is None:
            raise http.client.NotConnected
        impatient.begin(self.patience, max_bytes)
        self.request(method, path, body, {"Accept-Encoding": "identity", **headers})
        try:
            response = self.getresponse()
        except (LookupError, RecursionError, TypeError, ValueError) as error:
            # The header parser of the library is one for mail, and stumbles over much.
            raise http.client.HTTPException(_UNREADABLE_HEAD) from error
        impatient.expect_body(max_bytes)
        return response
