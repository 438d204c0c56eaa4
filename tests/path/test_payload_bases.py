"""Payloads come from bases that are told nothing and believed in nothing; what is there stays."""

import hashlib
import http.server
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from firmhold.device.fetch.client import Server
from firmhold.device.fetch.config import Base, FetchConfig
from firmhold.device.fetch.payloads import Sources
from firmhold.device.fetch.spool import Spool
from firmhold.fleet.ca.authority import Authority, make_authority
from firmhold.pkix.borrowed import public_half
from firmhold.sim.fleet import free_port
from firmhold.sim.signer import sim_pem, sim_signer
from firmhold.trust.errors import Code, FirmholdError
from firmhold.wire.sockets import Patience

DATA = bytes(range(256)) * 400
SHA256 = hashlib.sha256(DATA).hexdigest()
HASTY = Patience(grace_seconds=2.0)
NOON = datetime(2030, 1, 1, tzinfo=UTC)


@dataclass
class Mirror:
    """A server of payloads that answers as it is told to."""

    how: str = "by range"
    asked: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    port: int = 0

    def answer(self, wanted: str | None) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body for a request of a range."""
        first = 0 if wanted is None else int(wanted.removeprefix("bytes=").removesuffix("-"))
        span = {"Content-Range": f"bytes {first}-{len(DATA) - 1}/{len(DATA)}"}
        answers: dict[str, tuple[int, dict[str, str], bytes]] = {
            "whole": (200, {}, DATA),
            "beyond": (416, {}, b""),
            "another range": (206, {"Content-Range": f"bytes 0-9/{len(DATA)}"}, DATA[first:]),
            "another file": (200, {}, bytes(len(DATA))),
            "longer": (200, {}, DATA + b"more"),
            "elsewhere": (302, {"Location": "http://127.0.0.1:1/"}, b""),
            "not there": (404, {}, b""),
            "broken": (500, {}, b""),
            "packed": (200, {"Content-Encoding": "gzip"}, DATA),
        }
        if self.how in answers and not (self.how == "beyond" and wanted is None):
            return answers[self.how]
        return (206, span, DATA[first:]) if wanted else (200, {}, DATA)


AUTHORITIES = {
    name: Authority(sim_signer(name), make_authority(sim_signer(name), name, NOON))
    for name in ("cdn", "stranger")
}


def pem_of(name: str) -> str:
    """The certificate of an authority."""
    return AUTHORITIES[name].certificate.public_bytes(Encoding.PEM).decode()


def of_the_cdn(folder: Path) -> ssl.SSLContext:
    """TLS of a server under the authority `cdn`."""
    certificate = AUTHORITIES["cdn"].for_server(
        "127.0.0.1", public_half(sim_signer("mirror")), NOON
    )
    (folder / "mirror.pem").write_bytes(sim_pem("mirror") + certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "mirror.pem")
    return context


SECURED = pytest.mark.parametrize("mirror", [of_the_cdn], indirect=True, ids=["https"])


@pytest.fixture(name="mirror")
def _mirror(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Mirror]:
    """A mirror that listens."""
    mirror = Mirror()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            mirror.asked.append(dict(self.headers))
            mirror.paths.append(self.path)
            status, headers, body = mirror.answer(self.headers.get("Range"))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        secured = getattr(request, "param", None)
        if secured is not None:
            server.socket = secured(tmp_path).wrap_socket(server.socket, server_side=True)
        mirror.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield mirror
        server.shutdown()


@pytest.fixture(name="spool")
def _spool(tmp_path: Path) -> Spool:
    """An empty spool."""
    return Spool(tmp_path / "spool", 1 << 24)


def fetched(spool: Spool, *ports: int, sources: Sources | None = None) -> None:
    """Fetch the payload from bases on these ports; the gateway is away."""
    fetched_from(spool, *(Base(f"http://127.0.0.1:{port}/deep", ()) for port in ports), by=sources)


def fetched_from(spool: Spool, *bases: Base, by: Sources | None = None) -> None:
    """Fetch the payload from these bases; the gateway is away."""
    config = FetchConfig("127.0.0.1", 1, 1, (), NOON, bases, 1 << 24)
    gateway = Server("127.0.0.1", free_port(), None, HASTY)
    (by or Sources(HASTY)).fetch(SHA256, len(DATA), config, gateway, spool)


def begun(spool: Spool, length: int) -> None:
    """Have the beginning of the payload in the spool."""
    with spool.part(SHA256, len(DATA)) as part:
        part.append(DATA[:length])


def whole(spool: Spool) -> bool:
    """Whether the payload is there, byte by byte."""
    return (spool.folder / "payloads" / SHA256).read_bytes() == DATA


def test_a_base_is_asked_by_digest_and_told_nothing(mirror: Mirror, spool: Spool) -> None:
    """No cookie, no certificate, no name: a path below the base, and that is all."""
    fetched(spool, mirror.port)
    assert whole(spool)
    assert mirror.paths == [f"/deep/payloads/{SHA256}"]
    assert mirror.asked[0].keys() == {"Host", "Accept-Encoding"}


def test_what_is_there_is_not_asked_for_again(mirror: Mirror, spool: Spool) -> None:
    """A whole payload costs no request; one that has begun costs one for the rest."""
    begun(spool, 65_536)
    fetched(spool, mirror.port)
    assert mirror.asked[0]["Range"] == "bytes=65536-"
    fetched(spool, mirror.port)
    assert len(mirror.asked) == 1
    assert whole(spool)


@pytest.mark.parametrize("how", ["whole", "beyond"])
def test_a_base_that_does_not_go_on_begins_anew(mirror: Mirror, spool: Spool, how: str) -> None:
    """Where a server knows no ranges, the payload comes whole."""
    mirror.how = how
    begun(spool, 1000)
    fetched(spool, mirror.port)
    assert whole(spool)


@pytest.mark.parametrize("length", [len(DATA), len(DATA) + 7])
def test_an_unfinished_one_as_long_as_the_whole_is_looked_at(
    mirror: Mirror, spool: Spool, length: int
) -> None:
    """All of it there: it gets its name. More than that: it begins anew."""
    with spool.part(SHA256, 1 << 20) as part:
        part.append((DATA + b"1234567")[:length])
    fetched(spool, mirror.port)
    assert whole(spool)


BAD = {
    "another range": Code.FETCH_RANGE,
    "another file": Code.UPDATE_PAYLOAD_DIGEST,
    "longer": Code.FETCH_TOO_LONG,
    "elsewhere": Code.FETCH_REDIRECTED,
    "not there": Code.FETCH_NOT_FOUND,
    "broken": Code.FETCH_STATUS,
    "packed": Code.FETCH_ENCODED,
}


@pytest.mark.parametrize("how", BAD)
def test_a_base_that_sends_something_else_is_passed_over(
    mirror: Mirror, spool: Spool, how: str
) -> None:
    """Nothing of it stays, and the next source is asked; the last one's failure is told."""
    mirror.how = how
    begun(spool, 100)
    with pytest.raises(FirmholdError) as caught:
        fetched(spool, free_port(), mirror.port)
    assert caught.value.code is Code.FETCH_UNREACHABLE  # the gateway, which was asked last
    assert not spool.has(SHA256, len(DATA))
    mirror.how = "by range"
    fetched(spool, mirror.port)
    assert whole(spool)


@pytest.mark.parametrize("how", ["another file", "elsewhere"])
def test_who_has_lied_once_is_not_asked_again_in_this_cycle(
    mirror: Mirror, spool: Spool, how: str
) -> None:
    """What was refused stays refused; what only failed is asked again."""
    mirror.how, sources = how, Sources(HASTY)
    for _ in range(2):
        with pytest.raises(FirmholdError):
            fetched(spool, mirror.port, sources=sources)
    assert len(mirror.asked) == 1


@SECURED
def test_a_base_by_https_is_of_the_authority_that_the_settings_name(
    mirror: Mirror, spool: Spool
) -> None:
    """Its certificate is of that one, for its name, and it is still shown no certificate."""
    fetched_from(spool, Base(f"https://127.0.0.1:{mirror.port}/deep", (pem_of("cdn"),)))
    assert whole(spool)
    assert mirror.paths == [f"/deep/payloads/{SHA256}"]


@SECURED
@pytest.mark.parametrize(
    ("host", "scheme", "authority"),
    [
        ("127.0.0.1", "https", "stranger"),
        ("localhost", "https", "cdn"),
        ("127.0.0.1", "http", "cdn"),
    ],
    ids=["another authority", "another name", "no TLS"],
)
def test_a_base_that_is_another_is_asked_nothing(
    mirror: Mirror, spool: Spool, host: str, scheme: str, authority: str
) -> None:
    """Whoever answers there, no request is made of him, and the gateway is asked."""
    base = Base(f"{scheme}://{host}:{mirror.port}/deep", (pem_of(authority),))
    with pytest.raises(FirmholdError) as caught:
        fetched_from(spool, base)
    assert caught.value.code is Code.FETCH_UNREACHABLE
    assert mirror.asked == []


def test_a_full_spool_is_told_at_once(mirror: Mirror, spool: Spool) -> None:
    """No other source could help: none is asked."""
    small = Spool(spool.folder, len(DATA) // 2)
    with pytest.raises(FirmholdError) as caught:
        fetched(small, mirror.port, mirror.port)
    assert caught.value.code is Code.FETCH_DISK_FULL
    assert len(mirror.asked) == 1


def test_where_every_source_has_lied_that_is_told(mirror: Mirror, spool: Spool) -> None:
    """By the digest that nobody brings; the last failure is the one that is told before that."""
    mirror.how, sources = "another file", Sources(HASTY)
    config = FetchConfig("127.0.0.1", 1, 1, (), NOON, (), 1 << 24)
    gateway = Server("127.0.0.1", mirror.port, None, HASTY)
    for code in (Code.UPDATE_PAYLOAD_DIGEST, Code.FETCH_NOT_FOUND):
        with pytest.raises(FirmholdError) as caught:
            sources.fetch(SHA256, len(DATA), config, gateway, spool)
        assert caught.value.code is code
        assert SHA256 in str(caught.value)
    assert len(mirror.asked) == 1


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x03"], ids=["nothing", "the beginning of TLS"])
def test_a_handshake_that_is_not_answered_is_given_up(spool: Spool, said: bytes) -> None:
    """A server that lets itself be called and then is silent holds nobody for long."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        called: list[socket.socket] = []

        def hold() -> None:
            called.append(listener.accept()[0])
            called[0].sendall(said)

        threading.Thread(target=hold, daemon=True).start()
        base = Base(f"https://127.0.0.1:{listener.getsockname()[1]}/deep", (pem_of("cdn"),))
        with pytest.raises(FirmholdError):
            fetched_from(spool, base, by=Sources(Patience(grace_seconds=0.5)))
        called[0].close()
