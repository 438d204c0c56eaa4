"""Row 30: the mirror serves something else, or sends the device somewhere else."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.attacks.stolen import PLACES as ON_A_FLEET
from tests.attacks.stolen import assert_held, ready_for_two

from firmhold.sim.fleet import SimFleet
from firmhold.sim.network import Replay, Respond, SimNetwork
from firmhold.sim.stolen_gateway import StolenGateway, flipped
from firmhold.sim.stolen_gateway import elsewhere as leading_to
from firmhold.sim.world import World
from firmhold.trust.errors import Code, FirmholdError
from firmhold.trust.outer_faults import FetchFault

STATUSES = [300, 301, 302, 303, 304, 305, 307, 308]
LOCATIONS = [
    "file:///etc/passwd",
    "http://169.254.169.254/latest/meta-data/",
    "http://127.0.0.1:22/",
    "http://[::1]/",
    "http://user:secret@127.0.0.1/",
    "https://127.0.0.1/",
    "ftp://127.0.0.1/",
    "//elsewhere/x",
    "/metadata/timestamp.json",
    "timestamp.json",
    "data:application/json,{}",
    "gopher://127.0.0.1:25/_EHLO",
    "",
]
PLACES = ["*/2.root.json", "*/timestamp.json", "*.snapshot.json", "*.targets.json", "*a.bin"]


@pytest.fixture
def elsewhere(world: World) -> Iterator[SimNetwork]:
    """Another server, which has everything that the right one has."""
    with SimNetwork(world.repository.folder) as network:
        yield network


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("status", STATUSES)
def test_nobody_is_led_to_another_server(
    world: World, elsewhere: SimNetwork, status: int, place: str
) -> None:
    """The mirror redirects to a server that would answer well: it is never spoken to."""
    assert world.device.update() is None
    before = world.device.state()
    world.repository.publish("root", "targets", "snapshot", "timestamp")
    location = f"{elsewhere.url}/metadata/timestamp.json"

    world.network.on(place, Respond(status, {"Location": location}))

    assert world.device.update("a.bin") == Code.FETCH_REDIRECTED
    fault = world.device.fault
    assert isinstance(fault, FetchFault)
    assert (fault.url.startswith(world.network.url), fault.detail) == (True, location)
    assert elsewhere.requests == []
    assert set(world.device.state()) == set(before)

    world.network.calm()
    assert world.device.update("a.bin") is None


@pytest.mark.parametrize("location", LOCATIONS)
def test_a_redirect_opens_nothing_wherever_it_points(world: World, location: str) -> None:
    """Files, private addresses, other schemes, the same server: it is not opened."""
    assert world.device.update("a.bin") is None
    before = world.device.state()
    world.network.requests.clear()

    world.network.on("*/timestamp.json", Respond(302, {"Location": location}))

    assert world.device.update("a.bin") == Code.FETCH_REDIRECTED
    assert world.device.fault == FetchFault(
        code=Code.FETCH_REDIRECTED,
        url=f"{world.network.url}/metadata/timestamp.json",
        detail=location,
    )
    assert world.network.requests == ["/metadata/2.root.json", "/metadata/timestamp.json"]
    assert world.device.state() == before


@pytest.mark.parametrize(
    "header", ["Refresh", "Content-Location", "Link", "Alt-Svc", "Set-Cookie", "Upgrade"]
)
def test_no_other_header_leads_anywhere(world: World, elsewhere: SimNetwork, header: str) -> None:
    """Headers by which browsers go elsewhere, or remember, mean nothing here."""
    world.network.on("*", Respond(200, {header: f"0; url={elsewhere.url}/"}))
    world.network.on("*/2.root.json", Respond(404, {header: f"{elsewhere.url}/"}))

    assert world.device.update("a.bin") is None
    assert world.device.update("a.bin") is None

    assert elsewhere.requests == []
    sent = {name for headers in world.network.seen_headers for name in headers}
    assert sent == {"Host", "Accept-Encoding"}


def test_no_credentials_exist_that_could_be_sent(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Secrets that stand in the user's home and in the URL stay there."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    world.device.url = world.device.url.replace("http://", "http://somebody:secret@")

    assert world.device.update("a.bin") is None

    assert {name for headers in world.network.seen_headers for name in headers} == {
        "Host",
        "Accept-Encoding",
    }
    hosts = {headers["Host"] for headers in world.network.seen_headers}
    assert hosts == {world.network.url.removeprefix("http://")}


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_no_variable_puts_somebody_in_between(
    world: World, elsewhere: SimNetwork, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that the environment names is not asked: the URL says who is."""
    monkeypatch.setenv(variable, elsewhere.url)

    assert world.device.update("a.bin") is None

    assert elsewhere.requests == []


def test_a_mirror_that_serves_another_file_is_told_by_the_digest(world: World) -> None:
    """The mirror serves a page of its own in place of an image, under status 200."""
    assert world.device.update() is None
    before = world.device.state()

    world.network.on("*a.bin", Replay(b"<h1>Log in...</h1>"[:17]))

    assert world.device.update("a.bin") == Code.TUF_TARGET_DIGEST
    assert world.device.state() == before


@pytest.mark.parametrize("status", [201, 204, 206, 400, 401, 407, 418, 429, 500, 502, 503, 599])
@pytest.mark.parametrize("place", ["*/2.root.json", "*/timestamp.json", "*a.bin"])
def test_a_status_that_is_not_the_answer_is_not_taken_for_one(
    world: World, place: str, status: int
) -> None:
    """The right bytes under a wrong status are not taken, and are not taken for their absence."""
    assert world.device.update() is None
    before = world.device.state()

    world.network.on(place, Respond(status, {"WWW-Authenticate": "Basic realm=x"}))

    assert world.device.update("a.bin") == Code.FETCH_STATUS
    fault = world.device.fault
    assert isinstance(fault, FetchFault)
    assert fault.detail == str(status)
    assert world.device.state() == before


URLS = [
    "file:///etc",
    "https://127.0.0.1",
    "ftp://127.0.0.1",
    "127.0.0.1",
    "http://",
    "http:///metadata",
    "http://127.0.0.1:99999",
    "http://127.0.0.1:0",
    "http://[::1",
    "http://127.0.0.1/a b",
    "http://127.0.0.1/ü",
    "http://127.0.0.1/#x",
    "http://127.0.0.1/\r\nHost: elsewhere",
    "",
]


@pytest.mark.parametrize("url", URLS, ids=ascii)
def test_only_plain_http_urls_are_opened(world: World, url: str) -> None:
    """What is not an http:// URL with a host is refused before anything is opened."""
    before = world.device.state()
    world.device.url = url

    assert world.device.update("a.bin") == Code.FETCH_URL

    assert world.network.requests == []
    assert world.device.state() == before


@pytest.mark.parametrize("host", ["a..b", "x" * 70, "127.0.0.1:1"])
def test_a_host_that_is_not_there_is_unreachable(world: World, host: str) -> None:
    """A name that cannot be asked for, or that nobody answers, is a reason to try later."""
    world.device.url = f"http://{host}"

    assert world.device.update("a.bin") == Code.FETCH_UNREACHABLE


@pytest.mark.parametrize("place", ON_A_FLEET)
def test_a_gateway_leads_no_device_elsewhere(
    fleet: SimFleet, stolen: StolenGateway, elsewhere: SimNetwork, place: str
) -> None:
    """A redirect on any path of a fleet is refused, and where it leads is never spoken to."""
    device = ready_for_two(fleet)

    stolen.on(ON_A_FLEET[place], leading_to(f"{elsewhere.url}/metadata/timestamp.json"))

    with pytest.raises(FirmholdError) as caught:
        device.check()
    assert caught.value.code is Code.FETCH_REDIRECTED
    assert elsewhere.requests == []
    assert_held(device, stolen)


@pytest.mark.parametrize("place", ON_A_FLEET)
def test_what_a_gateway_alters_is_refused(
    fleet: SimFleet, stolen: StolenGateway, place: str
) -> None:
    """One bit of anything that a device asks for, turned by whoever holds the gateway's key."""
    device = ready_for_two(fleet)

    stolen.on(ON_A_FLEET[place], flipped)

    with pytest.raises(FirmholdError):
        device.check()
    assert_held(device, stolen)
