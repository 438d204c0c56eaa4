"""Row 16: an answer that is longer than signed for, or never ends."""

import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import pytest
from tests.attacks.stolen import ONE, assert_held, ready_for_two
from tests.attacks.stolen import PLACES as ON_A_FLEET

from firmhold.sim.fleet import SimFleet
from firmhold.sim.network import Alter, Answer, Endless, InterimFlood, Line, Respond, Wire
from firmhold.sim.stolen_gateway import StolenGateway, endless
from firmhold.sim.world import World
from firmhold.trust.errors import Code, FirmholdError
from firmhold.trust.faults import OverLimit
from firmhold.trust.outer_faults import FetchFault

HANG = 20
"""Seconds after which a test that hangs has failed; each takes well under one."""


@dataclass(frozen=True, slots=True)
class HeaderFlood:
    """Sends header lines for ever."""

    def carry(self, _answer: Answer, send: Line) -> None:
        """Send until the other end hangs up."""
        send.raw(b"HTTP/1.1 200 OK\r\n")
        while True:
            send.raw(b"X-Padding: yes\r\n" * 1000)


@dataclass(frozen=True, slots=True)
class LongLine:
    """Sends one header line that never ends."""

    def carry(self, _answer: Answer, send: Line) -> None:
        """Send until the other end hangs up."""
        send.raw(b"HTTP/1.1 200 OK\r\nX-Padding: ")
        while True:
            send.raw(b"y" * 65536)


@dataclass(frozen=True, slots=True)
class ChunkMarks:
    """Sends a body of which all but one byte in 60,000 is framing."""

    def carry(self, _answer: Answer, send: Line) -> None:
        """Send until the other end hangs up."""
        send.head(200, {"Transfer-Encoding": "chunked"})
        while True:
            send.raw(b"1;" + b"e" * 60_000 + b"\r\nx\r\n")


@dataclass(frozen=True, slots=True)
class Trailers:
    """Sends an empty body with trailers for ever."""

    def carry(self, _answer: Answer, send: Line) -> None:
        """Send until the other end hangs up."""
        send.head(200, {"Transfer-Encoding": "chunked"})
        send.raw(b"0\r\n")
        while True:
            send.raw(b"X-Trailer: yes\r\n" * 1000)


TOO_LONG, UNREACHABLE = Code.FETCH_TOO_LONG, Code.FETCH_UNREACHABLE
FLOODS: dict[str, tuple[Wire, Code]] = {
    "lying-length": (Endless(), TOO_LONG),
    "chunked": (Endless(chunked=True), TOO_LONG),
    "interim-answers": (InterimFlood(), TOO_LONG),
    "header-lines": (HeaderFlood(), UNREACHABLE),
    "one-long-line": (LongLine(), TOO_LONG),
    "chunk-marks": (ChunkMarks(), TOO_LONG),
    "trailers": (Trailers(), TOO_LONG),
}
PLACES = {
    "root": "*/2.root.json",
    "timestamp": "*/timestamp.json",
    "snapshot": "*.snapshot.json",
    "targets": "*.targets.json",
    "target": "*a.bin",
}


@dataclass
class DiskWatch:
    """The most bytes that stood below a folder while it was watched."""

    folder: Path
    most: int = 0

    def look(self) -> None:
        """Measure once."""
        sizes = []
        for file in self.folder.rglob("*"):
            try:
                sizes.append(file.stat().st_size)
            except FileNotFoundError:
                continue  # it was renamed or removed meanwhile
        self.most = max(self.most, sum(sizes))


@contextmanager
def watched(folder: Path) -> Iterator[DiskWatch]:
    """Watch a device's disk from the side."""
    over, disk = Event(), DiskWatch(folder)

    def look_on() -> None:
        while not over.wait(0.005):
            disk.look()

    watcher = Thread(target=look_on)
    watcher.start()
    yield disk
    over.set()
    watcher.join()


@pytest.fixture
def watch(world: World) -> Iterator[DiskWatch]:
    """Watch the device's disk from the side."""
    with watched(world.device.folder) as disk:
        yield disk


@pytest.mark.timeout(HANG)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("flood", FLOODS)
def test_an_answer_without_an_end_is_cut_off(
    world: World, watch: DiskWatch, flood: str, place: str
) -> None:
    """The server never stops sending: the device does, with its disk as it was."""
    wire, code = FLOODS[flood]
    assert world.device.update("a.bin") is None
    world.repository.add_target("targets", "a.bin", b"the second version")
    world.repository.publish("root", "targets", "snapshot", "timestamp")

    world.network.on(PLACES[place], wire)

    assert world.device.update("a.bin") == code
    assert world.device.state()["targets/a.bin"] == b"the first version"
    order = ["root", "timestamp", "snapshot", "targets", "target"]
    published = world.repository.published
    for role in order[:4]:
        newest = world.device.state()[f"metadata/{role}.json"] == published[role]
        assert newest == (order.index(role) < order.index(place))
    assert not list(world.device.folder.rglob("*.part"))
    assert watch.most < 100_000

    world.network.calm()
    assert world.device.update("a.bin") is None


@pytest.mark.parametrize(
    ("place", "limit"), [("*/2.root.json", 512_000), ("*/timestamp.json", 16_384)]
)
def test_files_whose_length_nobody_names_have_a_bound_of_their_own(
    world: World, place: str, limit: int
) -> None:
    """One byte beyond the bound is too much, and the bound itself is not."""
    assert world.device.update("a.bin") is None
    world.repository.publish("root")
    url = f"{world.network.url}/metadata/{place.removeprefix('*/')}"

    world.network.on(place, Alter(lambda body: body.ljust(limit)))
    assert world.device.update("a.bin") is None

    world.repository.publish("root")
    world.network.on(place.replace("2.", "3."), Alter(lambda body: body.ljust(limit + 1)))
    assert world.device.update("a.bin") == TOO_LONG
    expected = OverLimit(code=TOO_LONG, what=url.replace("2.", "3."), limit=limit)
    assert world.device.fault == expected


def bomb(size: int) -> Callable[[bytes], bytes]:
    """A few bytes that would unpack to `size`."""
    packed = gzip.compress(bytes(size))
    return lambda _body: packed


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "x-unknown", "identity, gzip"])
def test_nothing_is_unpacked(world: World, place: str, encoding: str) -> None:
    """A packed answer is refused unread: there is nothing for a bomb to go off in."""
    assert world.device.update() is None
    world.repository.publish("root", "targets", "snapshot", "timestamp")
    asked = len(world.network.requests)

    world.network.on(PLACES[place], Respond(200, {"Content-Encoding": encoding}))

    assert world.device.update("a.bin") == Code.FETCH_ENCODED
    fault = world.device.fault
    assert isinstance(fault, FetchFault)
    assert fault.detail == encoding
    wanted = {headers["Accept-Encoding"] for headers in world.network.seen_headers[asked:]}
    assert wanted == {"identity"}


def test_a_bomb_that_calls_itself_plain_is_just_a_wrong_file(world: World) -> None:
    """Packed bytes in place of an image are measured as they are, and are not the image."""
    assert world.device.update() is None
    before = world.device.state()

    world.network.on("*a.bin", Alter(bomb(100_000_000)))

    assert world.device.update("a.bin") in {Code.FETCH_TOO_LONG, Code.TUF_TARGET_LENGTH}
    assert world.device.state() == before


@pytest.mark.timeout(120)
@pytest.mark.parametrize("place", ON_A_FLEET)
def test_a_gateway_without_an_end_fills_no_device(
    fleet: SimFleet, stolen: StolenGateway, place: str
) -> None:
    """Whatever a device asks for, it takes as much as was signed for or is bounded, and no more."""
    device = ready_for_two(fleet)

    stolen.on(ON_A_FLEET[place], endless)

    with watched(device.spool) as spool, pytest.raises(FirmholdError) as caught:
        device.check()
    assert TOO_LONG in str(caught.value)
    assert spool.most < 3 * len(ONE)
    assert_held(device, stolen)
