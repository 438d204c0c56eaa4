"""How a part of the fleet server listens: on a unix socket, or on a port with TLS 1.3.

The one place that knows the web server. It hands the client's certificate to the application
(`scope["state"]["certificate"]`, DER, or None), and gives nobody more than `GRACE_SECONDS` to shake
hands, or to send the head of a request, nor more than `MOST_HEAD_BYTES` for it.
"""

import asyncio
import socket
import ssl
from asyncio import TimerHandle
from pathlib import Path
from typing import Any, cast

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

GRACE_SECONDS = 10
IDLE_SECONDS = 60
MOST_HEAD_BYTES = 32_768
READ_BYTES = 262_144
"""What a transport hands over at a time: the beginning of a body may come with the head."""
MOST_CONNECTIONS = 2000
BACKLOG = 512
CERTIFICATE = "certificate"

_OWNER_AND_GROUP = 0o660


class _Protocol(HttpToolsProtocol):
    """One connection: whose it is, and how long the head of its next request may take and be."""

    _deadline: TimerHandle | None = None
    _head_bytes: int = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        secured = transport.get_extra_info("ssl_object")
        certificate = secured.getpeercert(binary_form=True) if secured is not None else None
        self.app_state = {**self.app_state, CERTIFICATE: certificate}
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if self._deadline is None and (cycle is None or cycle.response_complete):
            self._await_head()
        if self._deadline is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES + READ_BYTES:
                self.transport.abort()
                return
        super().data_received(data)

    def on_headers_complete(self) -> None:
        self._head_is_there()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_there()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._head_bytes = 0
        self._deadline = self.loop.call_later(GRACE_SECONDS, self.transport.close)

    def _head_is_there(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class _Server(uvicorn.Server):
    """Listens on sockets that are open already, and gives up on a handshake that takes too long."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self.lifespan.startup()
        loop, config = asyncio.get_running_loop(), self.config

        def protocol() -> asyncio.Protocol:
            return _Protocol(config, self.server_state, self.lifespan.state)

        limits: dict[str, Any] = {"ssl_handshake_timeout": GRACE_SECONDS} if config.ssl else {}
        self.servers = [
            await loop.create_server(protocol, sock=each, ssl=config.ssl, backlog=BACKLOG, **limits)
            for each in sockets or []
        ]
        self.started = True


async def listen(app: Starlette, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
    """Serve an application on an open socket until the process is told to end, or cancelled."""
    config = uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        ssl_context_factory=None if tls is None else lambda _config, _default: tls,
    )
    server = _Server(config)
    serving = asyncio.ensure_future(server.serve([listener]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True  # it closes what is open, as when the process is told to end
        await serving
        raise


def port(host: str, number: int) -> socket.socket:
    """Return a socket that listens on a port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, number))
    return listener


def unix(path: Path) -> socket.socket:
    """Return a socket that listens on a path, for its owner and group."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    path.chmod(_OWNER_AND_GROUP)
    return listener


def server_context(
    certificate: Path, key: Path, passphrase: str, authorities: str, clients: ssl.VerifyMode
) -> ssl.SSLContext:
    """Return the TLS side of a device port: 1.3 only, no session is ever resumed.

    `authorities` (PEM) are those under which clients come in.
    `clients` is `CERT_REQUIRED` where a certificate is the identity, `CERT_NONE` for enrolment.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(certificate, key, passphrase)
    context.num_tickets = 0
    context.verify_mode = clients
    if clients is not ssl.CERT_NONE:
        context.load_verify_locations(cadata=authorities)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context
