"""The other end of the socket: asks the process with the network. Used by the half that decides.

What it answers is bounded and read strictly; a failure comes back as what it was there. Who asks
nothing for a while, because it writes a large image, is left by the other side: a connection that
was used before and is found closed is opened anew, once. One with a senseless answer is dropped.
"""

import socket
from pathlib import Path
from typing import Literal

from firmhold.device.fetch.lines import MAX_LINE_BYTES, Lines
from firmhold.trust.encoding import JsonObject, JsonValue, parse_json
from firmhold.trust.errors import Code, Refused, Unavailable
from firmhold.trust.outer_faults import FetchFault
from firmhold.trust.shape import Shape

PATIENCE_SECONDS = 3600.0
"""A large payload takes its time; how slow it may be, the other process decides."""

Port = Literal["device", "enrolment"]

_SHAPE = Shape(Code.PROTOCOL_SHAPE)


class FetchClient:
    """The process with the network, as it is asked."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: Lines | None = None
        self._connection: socket.socket | None = None

    def check_in(self, body: bytes) -> bytes:
        """Send a check-in; return the answer."""
        return _body(self._ask({"do": "check-in", "body": body.hex()}))

    def report(self, body: bytes) -> None:
        """Send a report."""
        self._ask({"do": "report", "body": body.hex()})

    def metadata(self, repository: str, path: str, most: int) -> bool:
        """Have metadata brought into the spool; tell whether there are any."""
        asked: JsonObject = {"do": "metadata", "repository": repository, "path": path}
        return _there(self._ask({**asked, "most": most}))

    def target(self, path: str, most: int) -> bool:
        """Have a small target brought into the spool; tell whether there is one."""
        return _there(self._ask({"do": "target", "path": path, "most": most}))

    def payload(self, sha256: str, length: int) -> None:
        """Have a payload brought into the spool."""
        self._ask({"do": "payload", "sha256": sha256, "length": length})

    def drop(self, sha256: str) -> None:
        """Say that a payload is needed no more."""
        self._ask({"do": "drop", "sha256": sha256})

    def forget(self) -> None:
        """Have the spool emptied."""
        self._ask({"do": "forget"})

    def get(self, port: Port, path: str, most: int) -> bytes:
        """Return what stands at a path of one of the server's ports."""
        return _body(self._ask({"do": "get", "port": port, "path": path, "most": most}))

    def post(self, port: Port, path: str, body: bytes, most: int) -> bytes:
        """Send something to a path of one of the server's ports; return the answer."""
        asked: JsonObject = {"do": "post", "port": port, "path": path, "body": body.hex()}
        return _body(self._ask({**asked, "most": most}))

    def close(self) -> None:
        """Ask no more."""
        if self._connection is not None:
            self._connection.close()
            self._connection = self._lines = None

    def _ask(self, asked: JsonObject) -> JsonObject:
        used = self._lines is not None
        line = self._line(asked)
        if line is None and used:
            line = self._line(asked)
        if line is None:
            raise _unavailable(Code.FETCH_CUT, str(self._path), "no answer")
        try:
            answer = _SHAPE.an_object(parse_json(line, max_bytes=MAX_LINE_BYTES), "answer")
        except Refused:
            self.close()
            raise
        if answer.get("ok") is not True:
            raise _failure(answer)
        return answer

    def _line(self, asked: JsonObject) -> bytes | None:
        """Ask; return the answer's line. None: the other side had left, and so do we."""
        try:
            lines = self._opened()
            lines.write(asked)
            line = lines.read()
        except (BrokenPipeError, ConnectionResetError):
            line = None
        except OSError as error:
            self.close()
            raise _unavailable(Code.FETCH_UNREACHABLE, str(self._path), str(error)) from error
        except Unavailable:
            self.close()
            raise
        if line is None:
            self.close()
        return line

    def _opened(self) -> Lines:
        if self._lines is None:
            self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._connection.settimeout(PATIENCE_SECONDS)
            self._connection.connect(str(self._path))
            self._lines = Lines(self._connection)
        return self._lines


def _failure(answer: JsonObject) -> Unavailable:
    """What the other process could not bring. It judges nothing, so it can refuse nothing."""
    known = {str(code): code for code in FetchFault.codes}
    code = known.get(str(answer.get("code")), Code.FETCH_STATUS)
    said = answer.get("code") if code is Code.FETCH_STATUS else answer.get("detail")
    return _unavailable(code, _shown(answer.get("about")), _shown(said))


def _shown(value: JsonValue) -> str:
    return value if isinstance(value, str) else ""


def _body(answer: JsonObject) -> bytes:
    text = _SHAPE.a_text(answer.get("body"), "answer.body", MAX_LINE_BYTES)
    return _SHAPE.some_bytes(text, "answer.body", len(text) // 2)


def _there(answer: JsonObject) -> bool:
    return _SHAPE.a_flag(answer.get("there"), "answer.there")


def _unavailable(code: Code, url: str, detail: str) -> Unavailable:
    return Unavailable(FetchFault(code=code, url=url, detail=detail))
