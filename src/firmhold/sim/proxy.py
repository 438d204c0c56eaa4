"""Somebody between a device and its server, who sees enciphered bytes and can cut or withhold them.

with Between(server_port) as wire:
    wire.cut_after = 65_536          # bytes from the server; then the line is dead
    ...                              # the device talks to wire.port
    wire.mend()
"""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

HOST = "127.0.0.1"
_PART_BYTES = 4096


@dataclass
class Between:
    """A line to a port of this machine."""

    target: int
    cut_after: int | None = None
    """Bytes from the server until the line is cut; None: never."""
    moments: dict[int, Callable[[], None]] = field(default_factory=dict)
    """What happens, once, when so many bytes have come from the server."""
    refuse_connections: int = 0
    """How many of the next connections are cut before their first byte."""
    passed: int = 0
    """Bytes from the server that came through since the last `mend`."""
    connections: int = 0
    _listener: socket.socket = field(init=False)
    _open: list[socket.socket] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Listen."""
        self._listener = socket.create_server((HOST, 0))

    def __enter__(self) -> Self:
        """Begin to carry."""
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Cut everything."""
        self._listener.close()
        self._cut()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    @property
    def dead(self) -> bool:
        """Whether the line is cut."""
        return self.cut_after is not None and self.passed >= self.cut_after

    def mend(self) -> None:
        """Carry everything from now on, and count anew."""
        self._cut()
        self.cut_after, self.passed, self.connections = None, 0, 0
        self.moments.clear()

    def _accept(self) -> None:
        with suppress(OSError):  # closed: the line is gone
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        self.connections += 1
        if self.dead or self.refuse_connections > 0:
            self.refuse_connections = max(0, self.refuse_connections - 1)
            near.close()
            return
        try:
            far = socket.create_connection((HOST, self.target))
        except OSError:
            near.close()
            return
        with self._lock:
            self._open += [near, far]
        up = threading.Thread(target=self._pump, args=(near, far, bytes), daemon=True)
        up.start()
        self._pump(far, near, self._allowed)
        up.join()
        for end in (near, far):
            end.close()

    def _pump(
        self, source: socket.socket, sink: socket.socket, allowed: Callable[[bytes], bytes]
    ) -> None:
        with suppress(OSError):
            while not self.dead and (part := source.recv(_PART_BYTES)):
                sink.sendall(allowed(part))
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _allowed(self, part: bytes) -> bytes:
        with self._lock:
            if self.cut_after is not None:
                part = part[: self.cut_after - self.passed]
            self.passed += len(part)
            for moment in [each for each in self.moments if each <= self.passed]:
                self.moments.pop(moment)()
            return part

    def _cut(self) -> None:
        with self._lock:
            ends, self._open = self._open, []
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
