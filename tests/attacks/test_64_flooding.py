"""Row 64: connections that begin nothing, requests that trickle, heads and bodies without end."""

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from firmhold.device.check import Ended
from firmhold.fleet import listen
from firmhold.fleet.gateway import limits
from firmhold.fleet.gateway.limits import MOST_TURNS
from firmhold.protocol.problem import parse_problem
from firmhold.sim.caller import HOST, Caller, Shown
from firmhold.sim.fleet import SimFleet
from firmhold.trust.errors import Code

MANY = 200
GRACE_SECONDS = 1


@pytest.fixture(name="hasty")
def _hasty(fleet: SimFleet, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimFleet]:
    """A server that waits less long, so that the test need not either."""
    monkeypatch.setattr(listen, "GRACE_SECONDS", GRACE_SECONDS)
    fleet.restart("gateway")
    yield fleet
    fleet.stop("gateway")


def ended(line: socket.socket) -> bool:
    """Whether the other side hangs up in time."""
    line.settimeout(10 * GRACE_SECONDS)
    with suppress(ConnectionError, ssl.SSLError):
        return line.recv(1) == b""
    return True


@pytest.mark.parametrize("port", ["device_port", "enrolment_port"])
def test_many_who_begin_nothing_keep_nobody_out(hasty: SimFleet, port: str) -> None:
    """200 connections that never shake hands: a device is served, and they are hung up on."""
    device = hasty.device("camera-1")
    with ExitStack() as stack:
        lines = [
            stack.enter_context(socket.create_connection((HOST, getattr(hasty.home, port))))
            for _ in range(MANY)
        ]
        assert device.check()[0] is Ended.UNCHANGED
        assert all(ended(line) for line in lines)


def test_a_request_that_trickles_is_hung_up_on(hasty: SimFleet) -> None:
    """A head of which a byte comes now and then is waited for no longer than a silent one."""
    device = hasty.device("camera-1")
    with Caller(hasty.home.device_port, Shown.of_device(device.state)) as caller:
        line, began = caller.connect(), time.monotonic()
        with suppress(OSError):
            for byte in b"POST /v1/check-in HTTP/1.1\r\n" * 40:
                line.sendall(bytes([byte]))
                time.sleep(0.05)
        assert time.monotonic() - began < 10 * GRACE_SECONDS
    assert device.check()[0] is Ended.UNCHANGED


def test_a_head_without_end_is_hung_up_on(fleet: SimFleet) -> None:
    """Header after header, as fast as it goes: the server takes in a bounded number."""
    device = fleet.device("camera-1")
    with Caller(fleet.home.device_port, Shown.of_device(device.state)) as caller:
        line, sent = caller.connect(), 0
        line.sendall(b"POST /v1/check-in HTTP/1.1\r\n")
        with suppress(OSError):
            while sent < 1 << 26:
                line.sendall(b"X-More: " + b"x" * 8000 + b"\r\n")
                sent += 8010
        assert sent < 1 << 24
    assert device.check()[0] is Ended.UNCHANGED


@pytest.mark.parametrize("path", ["/v1/check-in", "/v1/report", "/v1/certificate"])
def test_a_body_without_end_is_not_read_on(fleet: SimFleet, path: str) -> None:
    """In chunks and without a length: refused at the bound, and nobody else notices."""
    device = fleet.device("camera-1")
    with Caller(fleet.home.device_port, Shown.of_device(device.state)) as caller:
        line, sent = caller.connect(), 0
        line.sendall(f"POST {path} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        with suppress(OSError):
            while sent < 1 << 27:
                line.sendall(b"10000\r\n" + bytes(1 << 16) + b"\r\n")
                sent += 1 << 16
        assert sent < 1 << 26
    assert device.check()[0] is Ended.UNCHANGED


def test_a_device_that_asks_without_a_pause_is_told_to_wait(
    fleet: SimFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its share of check-ins and reports it gets no further answer; its neighbour does."""
    monkeypatch.setattr(limits, "TURNS_A_SECOND", 0.001)  # however slow the machine is
    fleet.restart("gateway")
    device, neighbour = fleet.device("camera-1"), fleet.device("camera-2")
    with Caller(fleet.home.device_port, Shown.of_device(device.state)) as caller:
        answers = [caller.ask("POST", "/v1/report", b"{}") for _ in range(MOST_TURNS + 20)]
    assert {status for status, _ in answers[:MOST_TURNS]} == {403}
    told = [parse_problem(body).code for status, body in answers if status == 429]
    assert len(told) >= 10
    assert set(told) == {Code.GATEWAY_TOO_OFTEN}
    assert neighbour.check()[0] is Ended.UNCHANGED


def test_a_place_that_asks_without_a_pause_keeps_no_other_from_enrolling(
    fleet: SimFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a certificate it has its share by its address; from elsewhere a device enrols."""
    monkeypatch.setattr(limits, "MOST_TURNS_OF_A_PLACE", 20)
    monkeypatch.setattr(limits, "TURNS_OF_A_PLACE_A_SECOND", 0.001)  # however slow the machine is
    fleet.restart("gateway")
    with Caller(fleet.home.enrolment_port, place="127.0.0.2") as caller:
        answers = [caller.ask("GET", "/v1/challenge") for _ in range(40)]
    assert {status for status, _ in answers[:20]} == {200}
    assert 429 in {status for status, _ in answers[20:]}
    assert parse_problem(answers[-1][1]).code == Code.GATEWAY_TOO_OFTEN
    assert fleet.device("camera-1").check()[0] is Ended.UNCHANGED
