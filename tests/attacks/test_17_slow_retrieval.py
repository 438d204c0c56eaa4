"""Row 17: an answer that comes so slowly that it never comes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.attacks.stolen import PLACES as ON_A_FLEET
from tests.attacks.stolen import assert_held, ready_for_two

from firmhold.sim.fleet import SimFleet
from firmhold.sim.network import Trickle, Wire
from firmhold.sim.stolen_gateway import Bend, StolenGateway, silent, trickled
from firmhold.sim.world import IMPATIENT, World
from firmhold.trust.errors import Code, FirmholdError
from firmhold.trust.outer_faults import FetchFault
from firmhold.wire.sockets import Patience

HANG = 10.0
"""Seconds: far more than `IMPATIENT` allows, far less than any of these answers would take."""

SLOW: dict[str, Wire] = {
    "trickled-body": Trickle(),
    "trickled-headers": Trickle(headers=True),
    "silence": Trickle(pause_seconds=30, headers=True),
    "silence-after-the-headers": Trickle(pause_seconds=30),
    "byte-by-byte-below-the-rate": Trickle(pause_seconds=0.001, headers=True),
}
PLACES = {
    "root": "*/2.root.json",
    "timestamp": "*/timestamp.json",
    "snapshot": "*.snapshot.json",
    "target": "*a.bin",
}


@contextmanager
def no_longer_than(seconds: float) -> Iterator[None]:
    """Fail if the block takes longer, by a clock that nobody sets."""
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < seconds


@pytest.mark.timeout(60)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("slow", ["trickled-body", "trickled-headers"])
def test_a_trickled_answer_is_given_up(world: World, slow: str, place: str) -> None:
    """The server sends a byte now and then, to keep the device waiting: it does not wait."""
    world.repository.add_target("targets", "a.bin", b"long" * 5000)
    world.repository.release("targets")
    assert world.device.update() is None
    world.repository.publish("root", "targets", "snapshot", "timestamp")
    before = world.device.state()

    world.network.on(PLACES[place], SLOW[slow])
    world.device.patience = IMPATIENT

    with no_longer_than(HANG):
        assert world.device.update("a.bin") == Code.FETCH_TOO_SLOW
    fault = world.device.fault
    assert isinstance(fault, FetchFault)
    assert fault.url.startswith(world.network.url)
    assert set(world.device.state()) == set(before)

    world.network.calm()
    world.device.patience = Patience()
    assert world.device.update("a.bin") is None


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "slow", ["silence", "silence-after-the-headers", "byte-by-byte-below-the-rate"]
)
def test_a_silent_server_is_given_up(world: World, slow: str) -> None:
    """The server takes the request and says nothing, or next to nothing: the device hangs up."""
    assert world.device.update("a.bin") is None
    before = world.device.state()

    world.network.on("*/timestamp.json", SLOW[slow])
    world.device.patience = IMPATIENT

    with no_longer_than(HANG):
        assert world.device.update("a.bin") == Code.FETCH_TOO_SLOW
    assert world.device.state() == before


@pytest.mark.timeout(60)
def test_every_further_byte_does_not_buy_the_whole_grace_again(world: World) -> None:
    """A server that sends a byte just before each deadline gains a byte's worth of time only."""
    assert world.device.update("a.bin") is None

    world.device.patience = IMPATIENT
    world.network.on("*/timestamp.json", Trickle(pause_seconds=IMPATIENT.grace_seconds * 0.8))

    with no_longer_than(HANG):
        assert world.device.update("a.bin") == Code.FETCH_TOO_SLOW


@pytest.mark.timeout(60)
def test_a_slow_server_that_keeps_the_minimum_rate_is_borne_with(world: World) -> None:
    """Slowness alone is no attack: what comes at the agreed rate comes through."""
    world.repository.add_target("targets", "a.bin", b"slow" * 30)
    world.repository.release("targets")
    assert world.device.update() is None

    world.network.on("*a.bin", Trickle(pause_seconds=0.005))
    world.device.patience = Patience(grace_seconds=0.4, minimum_bytes_per_second=50)

    begun = time.monotonic()
    assert world.device.update("a.bin") is None
    assert time.monotonic() - begun > world.device.patience.grace_seconds


@pytest.mark.timeout(120)
@pytest.mark.parametrize("place", ON_A_FLEET)
@pytest.mark.parametrize("slow", [trickled, silent])
def test_a_gateway_that_takes_its_time_holds_no_device(
    fleet: SimFleet, stolen: StolenGateway, slow: Bend, place: str
) -> None:
    """A byte now and then, or nothing at all, on any path of a fleet: the device hangs up."""
    device = ready_for_two(fleet)

    stolen.on(ON_A_FLEET[place], slow)

    with no_longer_than(HANG), pytest.raises(FirmholdError) as caught:
        device.check()
    assert caught.value.code is Code.FETCH_TOO_SLOW
    assert_held(device, stolen)
