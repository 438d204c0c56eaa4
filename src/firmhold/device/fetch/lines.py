"""One line of JSON after another over a socket, each of a bounded length."""

import json
import socket

from firmhold.trust.encoding import JsonObject
from firmhold.trust.errors import Code, Unavailable
from firmhold.trust.outer_faults import FetchFault

MAX_BODY_BYTES = 1 << 19
MAX_LINE_BYTES = 4 * MAX_BODY_BYTES

_PART_BYTES = 1 << 16


class Lines:
    """The lines of one connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._waiting = bytearray()

    def read(self) -> bytes | None:
        """Return the next line; None: there is none. Raises `Unavailable` if it does not end."""
        while b"\n" not in self._waiting:
            if len(self._waiting) > MAX_LINE_BYTES:
                raise _endless(len(self._waiting))
            part = self._connection.recv(_PART_BYTES)
            if not part:
                return None
            self._waiting += part
        line, _, self._waiting = self._waiting.partition(b"\n")
        return bytes(line)

    def write(self, value: JsonObject) -> None:
        """Send a line."""
        self._connection.sendall(json.dumps(value).encode() + b"\n")


def _endless(length: int) -> Unavailable:
    detail = f"{length} bytes and no end"
    return Unavailable(FetchFault(code=Code.FETCH_CUT, url="socket", detail=detail))
