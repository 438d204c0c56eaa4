"""Plain HTTP/1.1 that cannot be kept waiting, flooded or led elsewhere.

* Time: every wait on the socket (headers included) ends at a deadline that moves on only as bytes
  arrive, and for no more bytes than were asked for: `grace + received / minimum rate`. A server
  that trickles meets it soon, and one that is merely slow does not (TUF 1.5.2 slow retrieval).
* Size: reading stops at the first byte beyond the bound; what comes before the body, and the marks
  of chunks, have bounds of their own (endless data).
* Lines: a carriage return inside a line is refused. The library's header parser would take it for
  the end of one, and could be led into work without end.
* Place: a redirect is an answer like any other, and not the one that was asked for. No other host,
  scheme or file is ever opened, and no credentials exist that could go there.
* Form: only identity encoding is asked for and taken, so nothing is unpacked before it is verified.
"""

import http.client
import io
import re
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from firmhold.trust.errors import Code, Refused, Unavailable
from firmhold.trust.faults import FetchFault, OverLimit

_PIECE_BYTES = 1 << 16
_HEAD_BYTES = 1 << 16
"""What may come before the body: status line, headers, interim answers."""

_FRAMING_BYTES = 1 << 18
_FRAMING_FACTOR = 8
"""What chunk marks may add to a body, so that framing is no endless data either."""

_HEAD_CREDIT_BYTES = 1 << 12
"""For how many bytes of head the deadline moves on, as it does for those of the body."""

_URL = re.compile(r"[!-~]+")
"""Visible ASCII: anything else would be dropped on the way, or stands for something unsaid."""
_BARE_RETURN = "a carriage return inside a line"
_UNREADABLE_HEAD = "headers that cannot be read"
_OK = 200
_REDIRECTS = range(300, 400)
_NOT_THERE = frozenset({403, 404, 410})
"""Static hosts answer 403 for a name that they do not hold."""


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


class _Impatient(socket.socket):
    """A socket whose every read ends at the moving deadline."""

    patience: Patience
    started: float
    received: int = 0
    credit: int
    most: int = _HEAD_BYTES

    def begin(self, patience: Patience, max_bytes: int) -> None:
        self.patience, self.credit = patience, max_bytes + _HEAD_CREDIT_BYTES
        self.settimeout(patience.grace_seconds)  # for the request; each read sets its own
        self.started = time.monotonic()

    def recv_into(self, *args: int | memoryview | bytearray) -> int:  # type: ignore[override]
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
        return _Lines(super().makefile("rb", buffering=0))


class _Connection(http.client.HTTPConnection):
    def __init__(self, parts: SplitResult, patience: Patience, max_bytes: int) -> None:
        host, port = parts.hostname or "", parts.port or http.client.HTTP_PORT
        super().__init__(host, port, timeout=patience.grace_seconds)
        self._patience, self._max_bytes = patience, max_bytes
        self._impatient: _Impatient | None = None

    def connect(self) -> None:
        plain = socket.create_connection((self.host, self.port), self.timeout)
        self.sock = self._impatient = _Impatient(fileno=plain.detach())
        self._impatient.begin(self._patience, self._max_bytes)

    def getresponse(self) -> http.client.HTTPResponse:
        response = super().getresponse()
        if self._impatient is not None:
            self._impatient.most = _FRAMING_BYTES + _FRAMING_FACTOR * self._max_bytes
        return response


class HttpFetcher:
    """Fetches from `http://` URLs, one connection a request, nothing repeated."""

    def __init__(self, patience: Patience | None = None) -> None:
        self._patience = patience or Patience()

    @contextmanager
    def fetch(self, url: str, max_bytes: int) -> Iterator[Iterator[bytes]]:
        """Bring the bytes of `url`; see the port `Fetcher`."""
        parts = _split(url)
        connection = _Connection(parts, self._patience, max_bytes)
        try:
            with _reported(url):
                response = _ask(connection, parts)
            # The connection hands its socket over to a response that ends it: both are closed.
            with closing(response):
                _check_answer(url, response)
                yield _pieces(url, response, max_bytes)
        finally:
            connection.close()


def _split(url: str) -> SplitResult:
    fault = FetchFault(code=Code.FETCH_URL, url=url, detail="not an http:// URL with a host")
    try:
        parts = urlsplit(url)
        whole = not parts.fragment and _URL.fullmatch(url)
        if whole and parts.scheme == "http" and parts.hostname and parts.port != 0:
            return parts
    except ValueError as error:
        raise Refused(fault) from error
    raise Refused(fault)


def _ask(connection: _Connection, parts: SplitResult) -> http.client.HTTPResponse:
    path = parts.path or "/"
    if parts.query:
        path = f"{path}?{parts.query}"
    connection.request("GET", path, headers={"Accept-Encoding": "identity"})
    try:
        return connection.getresponse()
    except (LookupError, RecursionError, TypeError, ValueError) as error:
        # The header parser of the library is one for mail, and stumbles over much.
        raise http.client.HTTPException(_UNREADABLE_HEAD) from error


def _check_answer(url: str, response: http.client.HTTPResponse) -> None:
    status = response.status
    if status in _NOT_THERE:
        raise Unavailable(FetchFault(code=Code.FETCH_NOT_FOUND, url=url, detail=str(status)))
    if status in _REDIRECTS:
        elsewhere = response.headers.get("Location", "")
        raise Refused(FetchFault(code=Code.FETCH_REDIRECTED, url=url, detail=elsewhere))
    if status != _OK:
        raise Unavailable(FetchFault(code=Code.FETCH_STATUS, url=url, detail=str(status)))
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        raise Refused(FetchFault(code=Code.FETCH_ENCODED, url=url, detail=encoding))


def _pieces(url: str, response: http.client.HTTPResponse, max_bytes: int) -> Iterator[bytes]:
    received = 0
    while piece := _next_piece(url, response):
        received += len(piece)
        if received > max_bytes:
            raise Refused(OverLimit(code=Code.FETCH_TOO_LONG, what=url, limit=max_bytes))
        yield piece
    if response.length:
        detail = f"{response.length} bytes missing"
        raise Unavailable(FetchFault(code=Code.FETCH_CUT, url=url, detail=detail))


def _next_piece(url: str, response: http.client.HTTPResponse) -> bytes:
    # read1, not read: the latter waits until a whole piece has trickled in.
    with _reported(url):
        return response.read1(_PIECE_BYTES)


@contextmanager
def _reported(url: str) -> Iterator[None]:
    """Turn what the network does into the family that tells the caller to try later."""
    try:
        yield
    except TimeoutError as error:
        fault = FetchFault(code=Code.FETCH_TOO_SLOW, url=url, detail="deadline passed")
        raise Unavailable(fault) from error
    except http.client.IncompleteRead as error:
        raise Unavailable(FetchFault(code=Code.FETCH_CUT, url=url, detail=str(error))) from error
    except (OSError, UnicodeError, http.client.HTTPException) as error:
        # UnicodeError: a host name that no resolver can be asked for.
        detail = f"{type(error).__name__} {error}"
        fault = FetchFault(code=Code.FETCH_UNREACHABLE, url=url, detail=detail)
        raise Unavailable(fault) from error
