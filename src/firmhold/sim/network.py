"""A real HTTP server on loopback, and a wire to it that drops, slows, floods, alters and replays.

Every answer is first made honestly from the files of a folder; then the rule that fits its path, if
any, spoils it on the wire::

    with SimNetwork(folder) as network:
        network.on("*timestamp.json", Replay(old_bytes))
        network.url          # http://127.0.0.1:PORT
        network.requests     # every path that was asked for, in order
"""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Protocol, Self
from urllib.parse import unquote

_PIECE = b"\xa5" * 65536


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer before it goes onto the wire."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Wire(Protocol):
    """What happens to an answer on its way."""

    def carry(self, answer: Answer, send: "Line") -> None:
        """Send `answer`, or something else, or nothing."""
        ...


class Line(Protocol):
    """The server's end of one connection."""

    def head(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the status line and headers."""
        ...

    def body(self, data: bytes) -> None:
        """Send bytes of the body."""
        ...

    def raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        ...


def _send(answer: Answer, send: Line) -> None:
    send.head(answer.status, {"Content-Length": str(len(answer.body)), **answer.headers})
    send.body(answer.body)


@dataclass(frozen=True, slots=True)
class Honest:
    """Delivers what the folder holds."""

    def carry(self, answer: Answer, send: Line) -> None:
        """Send the answer."""
        _send(answer, send)


@dataclass(frozen=True, slots=True)
class Drop:
    """Closes the connection after `after_bytes` of the body; None: before any answer."""

    after_bytes: int | None = None

    def carry(self, answer: Answer, send: Line) -> None:
        """Promise all, send less."""
        if self.after_bytes is not None:
            send.head(answer.status, {"Content-Length": str(len(answer.body))})
            send.body(answer.body[: self.after_bytes])


@dataclass(frozen=True, slots=True)
class Trickle:
    """Sends one byte every `pause_seconds`, headers too if `headers` says so."""

    pause_seconds: float = 0.05
    headers: bool = False

    def carry(self, answer: Answer, send: Line) -> None:
        """Send the answer so that it lasts."""
        if not self.headers:
            send.head(answer.status, {"Content-Length": str(len(answer.body))})
        for byte in answer.body if not self.headers else b"HTTP/1.1 200 OK\r\n" + b"X" * 1000:
            send.raw(bytes([byte]))
            time.sleep(self.pause_seconds)


@dataclass(frozen=True, slots=True)
class Endless:
    """Sends the answer and then goes on for ever, chunked or under a lying Content-Length."""

    chunked: bool = False

    def carry(self, answer: Answer, send: Line) -> None:
        """Send until the other end hangs up."""
        if self.chunked:
            send.head(answer.status, {"Transfer-Encoding": "chunked"})
        else:
            send.head(answer.status, {"Content-Length": str(1 << 62)})
        for piece in _with_filler(answer.body):
            send.raw(b"%x\r\n%s\r\n" % (len(piece), piece) if self.chunked else piece)


def _with_filler(body: bytes) -> "_Filler":
    return _Filler(body)


class _Filler:
    def __init__(self, first: bytes) -> None:
        self._next = first

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        piece, self._next = self._next or _PIECE, _PIECE
        return piece


@dataclass(frozen=True, slots=True)
class InterimFlood:
    """Sends `100 Continue` for ever and never an answer."""

    def carry(self, _answer: Answer, send: Line) -> None:
        """Send until the other end hangs up."""
        while True:
            send.raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)


@dataclass(frozen=True, slots=True)
class Alter:
    """Changes the body on its way."""

    change: Callable[[bytes], bytes]

    def carry(self, answer: Answer, send: Line) -> None:
        """Send the changed body with the length that it then has."""
        _send(Answer(answer.status, self.change(answer.body)), send)


@dataclass(frozen=True, slots=True)
class Replay:
    """Sends recorded bytes, whatever the folder holds now."""

    body: bytes

    def carry(self, _answer: Answer, send: Line) -> None:
        """Send the recorded body."""
        _send(Answer(200, self.body), send)


@dataclass(frozen=True, slots=True)
class Respond:
    """Sends a status and headers of its own choice, with the honest body."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)

    def carry(self, answer: Answer, send: Line) -> None:
        """Send the chosen head."""
        _send(Answer(self.status, answer.body, self.headers), send)


class SimNetwork:
    """Serves a folder on a port of loopback, through a wire that may be hostile."""

    def __init__(self, folder: Path) -> None:
        self.requests: list[str] = []
        self.seen_headers: list[Mapping[str, str]] = []
        self._folder = folder
        self._rules: list[tuple[str, Wire]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def on(self, pattern: str, wire: Wire) -> None:
        """Let `wire` carry the answers to paths that match the glob `pattern`; the newest wins."""
        self._rules.insert(0, (pattern, wire))

    def calm(self) -> None:
        """Forget all rules: the wire is honest again."""
        self._rules.clear()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, path: str) -> Answer:
        """The honest answer to a path: of the file of that very name, or of its unquoted one."""
        name = path.partition("?")[0].lstrip("/")
        for candidate in (name, unquote(name)):
            with suppress(OSError, ValueError):  # too long, or not a name at all: not there
                file = (self._folder / candidate).resolve()
                if file.is_relative_to(self._folder.resolve()) and file.is_file():
                    return Answer(200, file.read_bytes())
        return Answer(404, b"")

    def carrier(self, path: str) -> Wire:
        """The wire that carries the answer to a path."""
        return next((wire for rule, wire in self._rules if fnmatchcase(path, rule)), Honest())

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        network = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                network.requests.append(self.path)
                network.seen_headers.append(dict(self.headers))
                self.close_connection = True
                try:
                    network.carrier(self.path).carry(network.answer(self.path), self)
                except OSError:
                    return  # the other end hung up, as it should

            def head(self, status: int, headers: Mapping[str, str]) -> None:
                self.send_response(status)
                for name, value in {**headers, "Connection": "close"}.items():
                    self.send_header(name, value)
                self.end_headers()

            def body(self, data: bytes) -> None:
                self.wfile.write(data)

            def raw(self, data: bytes) -> None:
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Requests are kept in `SimNetwork.requests`, not printed."""

        return Handler
