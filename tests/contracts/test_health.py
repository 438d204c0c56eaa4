"""Health checks on a real machine: each has its own time, and what cannot be asked has failed."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from firmhold.device.adapters.health import Checks, name_of, passes
from firmhold.update.trial import CommandCheck, HealthCheck, HttpCheck, MemoryCheck, ServiceCheck


class _Health(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health" else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(name="port")
def _port() -> Iterator[int]:
    """A server of this machine's own."""
    server = HTTPServer(("127.0.0.1", 0), _Health)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("argv", "healthy"),
    [
        (("/bin/true",), True),
        (("/bin/false",), False),
        (("/bin/sleep", "30"), False),
        (("/no/such/program",), False),
        (("/bin/sh", "-c", 'test -z "$HOME"'), True),
    ],
    ids=["true", "false", "hangs", "absent", "bare environment"],
)
def test_a_program_must_end_well_and_in_time(argv: tuple[str, ...], *, healthy: bool) -> None:
    """Status 0 within the deadline is health; everything else is not."""
    assert passes(CommandCheck(1, argv)) is healthy


@pytest.mark.parametrize(("path", "status", "healthy"), [("/health", 200, True), ("/", 200, False)])
def test_a_server_must_answer_as_it_is_said(
    port: int, path: str, status: int, *, healthy: bool
) -> None:
    """One status on loopback is health."""
    assert passes(HttpCheck(5, port, path, status)) is healthy


def test_a_server_that_is_not_there_has_failed(port: int) -> None:
    """Nobody answers: not healthy."""
    with HTTPServer(("127.0.0.1", 0), _Health, bind_and_activate=False) as closed:
        closed.server_bind()
        assert not passes(HttpCheck(1, closed.server_port, "/health", 200))
    assert port


@pytest.mark.parametrize(
    "health", [ServiceCheck(5, "no-such.service"), MemoryCheck(5, "no-such.service", 1 << 40)]
)
def test_a_service_that_nobody_knows_has_failed(health: HealthCheck) -> None:
    """What systemd does not report as up is not up."""
    assert not passes(health)


def test_the_checks_that_failed_are_named() -> None:
    """Whoever reads the report learns which ones."""
    good, bad = CommandCheck(5, ("/bin/true",)), CommandCheck(5, ("/bin/false",))
    known = {b"release": (good, bad)}
    checks = Checks(lambda release: known.get(release or b"", ()))
    assert checks.failed(b"release") == ("command /bin/false",)
    assert checks.failed(None) == ()
    others = (HttpCheck(1, 80, "/x", 200), MemoryCheck(1, "s", 1), ServiceCheck(1, "s"))
    assert [name_of(each) for each in others] == ["http 80/x", "memory s", "service s"]
