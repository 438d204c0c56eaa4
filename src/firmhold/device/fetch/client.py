"""Asks one server, whatever it does: bounded answers over one connection that is kept for a while.

A connection that the server has closed in the meantime is opened anew, once. What a server answers
instead of what was asked for says which of them it is: not there, refused, or a fault of its own.
"""

import http.client
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass

from firmhold.device.fetch.tls import Meant, SecureConnection, said_no
from firmhold.protocol.problem import MAX_BYTES as MAX_PROBLEM_BYTES
from firmhold.protocol.problem import parse_problem
from firmhold.trust.errors import Code, Refused, Unavailable
from firmhold.trust.outer_faults import FetchFault
from firmhold.wire.answers import pieces, reported, require_not_elsewhere, require_unpacked
from firmhold.wire.sockets import Connection, Patience

IDLE_SECONDS = 30.0
NO_HEADERS: Mapping[str, str] = {}

_OK = range(200, 300)
_NOT_THERE = 404
_CLIENT_ERRORS = range(400, 500)
_GONE = (http.client.RemoteDisconnected, ConnectionError, http.client.CannotSendRequest)


@dataclass(frozen=True, slots=True)
class Response:
    """The head of an answer, and where its body comes from."""

    status: int
    headers: Mapping[str, str]
    body: Iterator[bytes]


class Server:
    """One server; `meant` says what makes it the one that is asked, None is plain HTTP."""

    def __init__(
        self, host: str, port: int, meant: Meant | None, patience: Patience | None = None
    ) -> None:
        self._host, self._port, self._meant = host, port, meant
        self._patience = patience or Patience()
        self._open: Connection | None = None
        self._used = 0.0

    def get(self, path: str, max_bytes: int) -> bytes | None:
        """Return what stands at a path; None: nothing. Raises `Refused` or `Unavailable`."""
        with self.asked("GET", path, max_bytes) as response:
            if response.status == _NOT_THERE:
                return None
            self._require_good(path, response)
            return b"".join(response.body)

    def post(self, path: str, body: bytes, max_bytes: int) -> bytes:
        """Send something; return the answer. Raises `Refused` or `Unavailable`."""
        with self.asked("POST", path, max_bytes, body=body) as response:
            self._require_good(path, response)
            return b"".join(response.body)

    @contextmanager
    def asked(
        self,
        method: str,
        path: str,
        max_bytes: int,
        headers: Mapping[str, str] = NO_HEADERS,
        body: bytes | None = None,
    ) -> Iterator[Response]:
        """Ask, and have the answer's body while the block lasts."""
        url = self.url(path)
        try:
            with reported(url), said_no(url):
                response = self._sent(method, path, max_bytes, headers, body)
            with closing(response):
                require_not_elsewhere(url, response)
                require_unpacked(url, response)
                most = max_bytes if response.status in _OK else MAX_PROBLEM_BYTES
                told = {name.lower(): value for name, value in response.headers.items()}
                yield Response(response.status, told, pieces(url, response, most))
                if response.will_close or not response.isclosed():
                    self.close()
            self._used = time.monotonic()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Keep no connection."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def url(self, path: str) -> str:
        """Return the whole URL of a path, for people."""
        scheme = "http" if self._meant is None else "https"
        return f"{scheme}://{self._host}:{self._port}{path}"

    def _sent(
        self,
        method: str,
        path: str,
        max_bytes: int,
        headers: Mapping[str, str],
        body: bytes | None,
    ) -> http.client.HTTPResponse:
        if self._open is not None and time.monotonic() - self._used > IDLE_SECONDS:
            self.close()
        if self._open is not None:
            try:
                return self._open.ask(method, path, max_bytes, headers, body)
            except _GONE:
                self.close()
        self._open = self._made()
        return self._open.ask(method, path, max_bytes, headers, body)

    def _made(self) -> Connection:
        if self._meant is None:
            return Connection(self._host, self._port, self._patience)
        return SecureConnection(self._host, self._port, self._patience, self._meant)

    def _require_good(self, path: str, response: Response) -> None:
        if response.status in _OK:
            return
        url = self.url(path)
        if response.status in _CLIENT_ERRORS:
            fault = FetchFault(code=Code.FETCH_REFUSED, url=url, detail=_why(response))
            raise Unavailable(fault)
        detail = f"status {response.status}"
        raise Unavailable(FetchFault(code=Code.FETCH_STATUS, url=url, detail=detail))


def _why(response: Response) -> str:
    """The code in a problem body, if that is what it is."""
    try:
        return parse_problem(b"".join(response.body)).code
    except Refused:
        return f"status {response.status}"
