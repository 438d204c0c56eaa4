"""What the simulated network and its wires promise, seen by a client that is not ours."""

import http.client
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmhold.sim.network import (
    Alter,
    Answer,
    Drop,
    Endless,
    Honest,
    InterimFlood,
    Replay,
    Respond,
    SimNetwork,
    Trickle,
)


@pytest.fixture
def network(tmp_path: Path) -> Iterator[SimNetwork]:
    """A folder with two files, served."""
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "file").write_bytes(b"0123456789")
    (folder / "a b").write_bytes(b"space")
    (folder / "%41").write_bytes(b"percent")
    (tmp_path / "secret").write_bytes(b"secret")
    with SimNetwork(folder) as network:
        yield network


def get(network: SimNetwork, path: str) -> tuple[int, bytes]:
    """Status and body of one request."""
    connection = http.client.HTTPConnection(network.url.removeprefix("http://"), timeout=10)
    try:
        connection.request("GET", path, headers={"X-Who": "test"})
        with connection.getresponse() as response:
            return response.status, response.read()
    finally:
        connection.close()


def raw(network: SimNetwork, enough: int) -> bytes:
    """The first bytes that the server sends, at most `enough` and a little, to its end."""
    host, _, port = network.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(b"GET /file HTTP/1.1\r\nHost: x\r\n\r\n")
        received = b""
        while len(received) < enough and (piece := connection.recv(65536)):
            received += piece
    return received


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/file", (200, b"0123456789")),
        ("/file?x=1", (200, b"0123456789")),
        ("/a%20b", (200, b"space")),
        ("/%41", (200, b"percent")),
        ("/%2541", (200, b"percent")),
        ("/nowhere", (404, b"")),
        ("/", (404, b"")),
        ("/../secret", (404, b"")),
        ("/%2e%2e/secret", (404, b"")),
        ("/%00", (404, b"")),
        ("/" + "x" * 5000, (404, b"")),
    ],
    ids=lambda value: value[:16] if isinstance(value, str) else None,
)
def test_it_serves_a_folder_and_nothing_beside_it(
    network: SimNetwork, path: str, answer: tuple[int, bytes]
) -> None:
    """A path brings the file of that name, or of its unquoted one, and never one from outside."""
    assert get(network, path) == answer


def test_it_remembers_what_was_asked_for(network: SimNetwork) -> None:
    """Paths and headers of all requests are kept in order."""
    for path in ("/file", "/nowhere", "/file"):
        get(network, path)
    assert network.requests == ["/file", "/nowhere", "/file"]
    assert [headers["X-Who"] for headers in network.seen_headers] == ["test"] * 3


def test_the_newest_rule_that_fits_is_the_one(network: SimNetwork) -> None:
    """Rules are globs over paths; the last one that was given wins, and calm ends them all."""
    network.on("*", Respond(500))
    network.on("/f*", Replay(b"recorded"))
    assert get(network, "/file") == (200, b"recorded")
    assert get(network, "/a%20b") == (500, b"space")
    network.on("/file", Honest())
    assert get(network, "/file") == (200, b"0123456789")
    network.calm()
    assert get(network, "/a%20b") == (200, b"space")


def test_a_changed_body_has_the_length_that_it_then_has(network: SimNetwork) -> None:
    """An altered answer is a well-formed one."""
    network.on("*", Alter(lambda body: body + b"and more"))
    assert get(network, "/file") == (200, b"0123456789and more")


def test_a_status_of_choice_comes_with_its_headers(network: SimNetwork) -> None:
    """The chosen head stands before the honest body."""
    network.on("*", Respond(302, {"Location": "elsewhere"}))
    head, _, body = raw(network, 1 << 20).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 302 ")
    assert b"\r\nLocation: elsewhere\r\n" in head
    assert body == b"0123456789"


def test_a_dropped_connection_says_nothing(network: SimNetwork) -> None:
    """Not one byte comes."""
    network.on("*", Drop())
    assert raw(network, 1 << 20) == b""


@pytest.mark.parametrize("after", [0, 4])
def test_a_cut_answer_promises_more_than_it_sends(network: SimNetwork, after: int) -> None:
    """The length is the honest one, the body is shorter."""
    network.on("*", Drop(after))
    head, _, body = raw(network, 1 << 20).partition(b"\r\n\r\n")
    assert b"Content-Length: 10" in head
    assert body == b"0123456789"[:after]


@pytest.mark.parametrize("chunked", [False, True], ids=["lying-length", "chunked"])
def test_an_endless_answer_begins_with_the_honest_one(
    network: SimNetwork, *, chunked: bool
) -> None:
    """The honest bytes come first, then filler for as long as somebody reads."""
    network.on("*", Endless(chunked=chunked))
    received = raw(network, 1_000_000)
    body = received.partition(b"\r\n\r\n")[2]
    assert len(received) >= 1_000_000
    assert body.startswith(b"a\r\n0123456789\r\n10000\r\n" if chunked else b"0123456789\xa5")


def test_an_interim_flood_never_answers(network: SimNetwork) -> None:
    """What comes is `100 Continue`, and nothing else."""
    network.on("*", InterimFlood())
    received = raw(network, 100_000)
    assert set(received.split(b"\r\n\r\n")[:-1]) == {b"HTTP/1.1 100 Continue"}


def test_a_trickle_brings_everything_in_the_end(network: SimNetwork) -> None:
    """Whoever waits gets the honest answer."""
    network.on("*", Trickle(pause_seconds=0.001))
    assert get(network, "/file") == (200, b"0123456789")


def test_a_trickle_of_headers_is_headers(network: SimNetwork) -> None:
    """The status line comes, then one header that never ends."""
    network.on("*", Trickle(pause_seconds=0, headers=True))
    assert raw(network, 1 << 20).startswith(b"HTTP/1.1 200 OK\r\nXXXX")


def test_answers_can_be_had_without_a_wire(network: SimNetwork) -> None:
    """The honest answer to a path is there for a driver that needs no socket."""
    assert network.answer("/file") == Answer(200, b"0123456789")
    assert network.carrier("/file") == Honest()
