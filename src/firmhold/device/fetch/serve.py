"""The process with the network: does what the other half of the device asks over a unix socket.

One line of JSON a request, one line an answer; bytes stand in hexadecimal. What is brought lies in
the spool. One who stops in the middle of a line, or sends one that is too long, is left.

    {"do": "check-in", "body": HEX}               → {"ok": true, "body": HEX}
    {"do": "report", "body": HEX}                 → {"ok": true}
    {"do": "metadata", "repository": "image" | "director", "path": P, "most": N}
                                                  → {"ok": true, "there": true | false}
    {"do": "target", "path": P, "most": N}        → {"ok": true, "there": true | false}
    {"do": "payload", "sha256": HEX, "length": N} → {"ok": true}
    {"do": "drop", "sha256": HEX}                 → {"ok": true}
    {"do": "forget"}                              → {"ok": true}
    {"do": "get", "port": "device" | "enrolment", "path": P, "most": N}
    {"do": "post", "port": "device" | "enrolment", "path": P, "body": HEX, "most": N}
                                                  → {"ok": true, "body": HEX}

A failure is `{"ok": false, "family": F, "code": C, "about": A, "detail": D}`.
"""

import socket
from pathlib import Path

from firmhold.device.fetch.client import Server
from firmhold.device.fetch.config import (
    AUTHORITY,
    CERTIFICATE,
    SPOOL,
    FetchConfig,
    read_fetch_config,
)
from firmhold.device.fetch.lines import MAX_BODY_BYTES, Lines
from firmhold.device.fetch.payloads import Sources
from firmhold.device.fetch.spool import DIRECTOR, METADATA, PAYLOADS, TARGETS, Spool
from firmhold.device.fetch.tls import Pinned
from firmhold.protocol import paths
from firmhold.protocol.check_in import MAX_ANSWER_BYTES
from firmhold.trust.encoding import JsonObject, parse_json
from firmhold.trust.errors import Code, FirmholdError, Unavailable
from firmhold.trust.outer_faults import FetchFault
from firmhold.trust.shape import Shape
from firmhold.wire.sockets import Patience

PATIENCE_SECONDS = 60.0
MOST_FILE = 1 << 24

_SHAPE = Shape(Code.PROTOCOL_SHAPE)
_PORTS = ("device", "enrolment")


class Fetcher:
    """Does what is asked, one thing after another."""

    def __init__(self, config: Path, patience: Patience | None = None) -> None:
        self._path, self._folder = config, config.parent
        self._patience = patience or Patience()
        self._sources = Sources(self._patience)
        self._known: tuple[FetchConfig, float] | None = None
        self._servers: dict[str, Server] = {}

    def answer(self, line: bytes) -> JsonObject:
        """Do what a line asks; return the answer."""
        try:
            return {"ok": True, **self._done(line)}
        except FirmholdError as error:
            return _failure(error)

    def _done(self, line: bytes) -> JsonObject:
        asked = _SHAPE.an_object(parse_json(line, max_bytes=2 * MAX_BODY_BYTES), "request")
        do = _SHAPE.a_name(asked.get("do"), "request.do")
        acts = {
            "check-in": self._check_in,
            "report": self._report,
            "metadata": self._metadata,
            "target": self._target,
            "payload": self._payload,
            "drop": self._drop,
            "forget": self._forget,
            "get": self._get,
            "post": self._post,
        }
        if do not in acts:
            raise _SHAPE.refusal("request.do", " or ".join(acts))
        return acts[do](asked)

    def _check_in(self, asked: JsonObject) -> JsonObject:
        self._sources.wrong.clear()
        found = self._gateway().post(paths.CHECK_IN, _body(asked), MAX_ANSWER_BYTES)
        return {"body": found.hex()}

    def _report(self, asked: JsonObject) -> JsonObject:
        self._gateway().post(paths.REPORT, _body(asked), 0)
        return {}

    def _metadata(self, asked: JsonObject) -> JsonObject:
        name = _SHAPE.a_name(asked.get("path"), "request.path")
        director = asked.get("repository") == "director"
        kind, top = (
            (DIRECTOR, paths.DIRECTOR_METADATA) if director else (METADATA, paths.IMAGE_METADATA)
        )
        return self._brought(f"{kind}/{name}", f"{top}{paths.quoted(name)}", _most(asked))

    def _target(self, asked: JsonObject) -> JsonObject:
        name = _SHAPE.a_name(asked.get("path"), "request.path")
        place = f"{paths.IMAGE_TARGETS}{paths.quoted(name)}"
        return self._brought(f"{TARGETS}/{name}", place, _most(asked))

    def _brought(self, name: str, path: str, most: int) -> JsonObject:
        """Have a file in the spool, or none of that name; an old one is never left there."""
        spool = self._spool()
        spool.drop(name)
        data = self._gateway().get(path, most)
        if data is not None:
            spool.put(name, data)
        return {"there": data is not None}

    def _payload(self, asked: JsonObject) -> JsonObject:
        sha256 = _SHAPE.some_bytes(asked.get("sha256"), "request.sha256").hex()
        length = _SHAPE.a_number(asked.get("length"), "request.length", 1)
        self._sources.fetch(sha256, length, self._config(), self._gateway(), self._spool())
        return {}

    def _drop(self, asked: JsonObject) -> JsonObject:
        sha256 = _SHAPE.some_bytes(asked.get("sha256"), "request.sha256").hex()
        self._spool().drop(f"{PAYLOADS}/{sha256}")
        return {}

    def _forget(self, _: JsonObject) -> JsonObject:
        self._spool().forget()
        return {}

    def _get(self, asked: JsonObject) -> JsonObject:
        server, path = self._port(asked), _SHAPE.a_name(asked.get("path"), "request.path")
        found = server.get(path, _most(asked))
        if found is None:
            url = server.url(path)
            fault = FetchFault(code=Code.FETCH_NOT_FOUND, url=url, detail="status 404")
            raise Unavailable(fault)
        return {"body": found.hex()}

    def _post(self, asked: JsonObject) -> JsonObject:
        server, path = self._port(asked), _SHAPE.a_name(asked.get("path"), "request.path")
        return {"body": server.post(path, _body(asked), _most(asked)).hex()}

    def _port(self, asked: JsonObject) -> Server:
        name = asked.get("port")
        if name not in _PORTS:
            raise _SHAPE.refusal("request.port", " or ".join(_PORTS))
        return self._gateway() if name == "device" else self._server("enrolment")

    def _gateway(self) -> Server:
        return self._server("device")

    def _server(self, name: str) -> Server:
        """Return the server on one of the gateway's ports, as it is meant now."""
        config = self._config()
        if name not in self._servers:
            known = name == "device"  # at the enrolment port nobody shows a certificate
            meant = Pinned(
                self._folder / AUTHORITY,
                self._folder / CERTIFICATE if known else None,
                config.pins,
                config.floor,
                config.authorities,
            )
            port = config.device_port if known else config.enrolment_port
            self._servers[name] = Server(config.host, port, meant, self._patience)
        return self._servers[name]

    def _config(self) -> FetchConfig:
        """Return the configuration of now; where it or the certificate changed, ask anew."""
        certificate = self._folder / CERTIFICATE
        made = certificate.stat().st_mtime if certificate.exists() else 0.0
        found = (read_fetch_config(self._path), made)
        if found != self._known:
            for server in self._servers.values():
                server.close()
            self._servers, self._known = {}, found
        return found[0]

    def _spool(self) -> Spool:
        return Spool(self._folder / SPOOL, self._config().most_bytes)


def serve(listener: socket.socket, fetcher: Fetcher) -> None:
    """Answer one who asks after another, until the process is told to end."""
    while True:
        asker, _ = listener.accept()
        with asker:
            asker.settimeout(PATIENCE_SECONDS)
            _attend(Lines(asker), fetcher)


def _attend(lines: Lines, fetcher: Fetcher) -> None:
    """Answer everything that one asker asks."""
    try:
        while (line := lines.read()) is not None:
            lines.write(fetcher.answer(line))
    except (OSError, Unavailable):
        return  # gone, or too slow: the next one is waited for


def _body(asked: JsonObject) -> bytes:
    text = _SHAPE.a_text(asked.get("body"), "request.body", 2 * MAX_BODY_BYTES)
    return _SHAPE.some_bytes(text, "request.body", len(text) // 2)


def _most(asked: JsonObject) -> int:
    return _SHAPE.a_number(asked.get("most"), "request.most", 1, MOST_FILE)


def _failure(error: FirmholdError) -> JsonObject:
    fault = error.fault
    about = str(getattr(fault, "url", getattr(fault, "path", getattr(fault, "what", ""))))
    return {
        "ok": False,
        "family": type(error).__name__.lower(),
        "code": error.code.value,
        "about": about,
        "detail": str(getattr(fault, "detail", "")),
    }
