"""Whatever happens to the line, the device runs on, and takes up what it had begun."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from random import Random

import pytest

from firmhold.device.check import Ended
from firmhold.fleet.gateway import limits
from firmhold.sim.fleet import SimFleet
from firmhold.sim.fleet_device import FleetDevice
from firmhold.sim.proxy import Between
from firmhold.trust.errors import Refused, Unavailable
from firmhold.update.pieces import PIECE_BYTES

ONE = Random(1).randbytes(700_000)
SLOT_BYTES = 1 << 20
TLS_AND_WORDS = 120_000
"""Bytes that handshakes, heads and documents of a few check-ins may take beside the payload."""


@contextmanager
def reached_by(fleet: SimFleet, name: str) -> Iterator[tuple[FleetDevice, Between]]:
    """An enrolled device whose every byte comes through somebody else."""
    with Between(fleet.home.device_port) as wire:
        device = fleet.new_device(name, SLOT_BYTES)
        device.enrol(replace(fleet.invite(name), device_port=wire.port))
        yield device, wire


def test_a_line_cut_at_each_64_kib_costs_no_more_than_what_is_missing(
    fleet: SimFleet, figure: Callable[[str], None]
) -> None:
    """Cut after every 64 KiB: each time the rest alone is fetched, and the release runs."""
    fleet.publish(1, ONE)
    with reached_by(fleet, "camera-0") as (device, wire):
        fleet.rollout(1)
        device.check()
        whole = wire.passed
    assert whole > len(ONE)
    cuts = range(PIECE_BYTES, whole, PIECE_BYTES)
    for number, cut in enumerate(cuts, 1):
        with reached_by(fleet, f"camera-{number}") as (device, wire):
            wire.mend()
            wire.cut_after = cut
            with pytest.raises(Unavailable):
                device.check()
            first = wire.passed
            wire.mend()
            device.check()
            assert first + wire.passed < whole + TLS_AND_WORDS
            device.rest()
            assert device.runs(ONE)
    figure(f"line cut at {len(cuts)} places of one update, finished each time with the rest alone")


def test_each_request_can_fail_and_is_made_again(
    fleet: SimFleet, figure: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever connection is refused, the device says so, and the next cycle ends well."""
    monkeypatch.setattr(limits, "MOST_TURNS", 100_000)  # it asks more often than any device would
    fleet.publish(1, ONE)
    requests = 0
    with reached_by(fleet, "camera-1") as (device, wire):
        fleet.rollout(1)
        for wire.cut_after in range(0, 60_000, 1500):
            wire.passed = 0
            with suppress(Unavailable):
                device.check()
            requests += 1
            assert device.appliance().boot.running() is not None
        wire.mend()
        device.live()
        device.rest()
        assert device.runs(ONE)
    figure(f"line cut at {requests} places of check-ins, metadata and payloads")


@pytest.mark.parametrize("part", ["ca", "director", "gateway"])
def test_a_part_that_is_down_keeps_no_device_from_running(fleet: SimFleet, part: str) -> None:
    """While a part is down devices run on; when it is back, they go on, without anybody's hand."""
    fleet.publish(1, ONE)
    device = fleet.device("camera-1", slot_bytes=SLOT_BYTES)
    fleet.rollout(1)
    fleet.stop(part)
    with suppress(Unavailable):
        device.check()
    if part != "ca":
        assert not device.runs(ONE)
    fleet.start(part)
    device.live()
    device.rest()
    assert device.runs(ONE)


def test_a_server_restarted_between_any_two_steps_is_asked_again(fleet: SimFleet) -> None:
    """Nonces of before are worth nothing, which costs a device one report and nothing else."""
    fleet.publish(1, ONE)
    device = fleet.device("camera-1", slot_bytes=SLOT_BYTES)
    fleet.rollout(1)
    assert device.check() == (Ended.INSTALLING, True)
    for part in ("gateway", "director", "ca"):
        fleet.restart(part)
    device.rest()
    assert device.check()[0] is Ended.UNCHANGED
    fleet.restart("gateway")
    fleet.until(lambda: fleet.confirmed("r1") == 1)


def test_a_spool_that_somebody_altered_is_fetched_anew(fleet: SimFleet) -> None:
    """Bytes exchanged in the spool cost another transfer, and nobody is blamed for them."""
    fleet.publish(1, ONE)
    fleet.rollout(1)
    with reached_by(fleet, "camera-1") as (device, wire):
        wire.mend()
        wire.cut_after = 300_000
        with pytest.raises(Unavailable):
            device.check()
        (part,) = device.spool.rglob("*.part")
        part.write_bytes(bytes(part.stat().st_size))
        wire.mend()
        device.live()
        device.rest()
        assert device.runs(ONE)


def test_whole_payloads_that_somebody_altered_bring_nothing_in(fleet: SimFleet) -> None:
    """What has the right name and length and other bytes is refused, dropped and fetched anew."""
    fleet.publish(1, ONE)
    fleet.rollout(1)
    device = fleet.device("camera-1", slot_bytes=SLOT_BYTES)
    payloads = device.spool / "payloads"
    payloads.mkdir(parents=True)
    for place in (fleet.folder / "site" / "payloads").iterdir():
        (payloads / place.name).write_bytes(bytes(place.stat().st_size))
    with pytest.raises(Refused):
        device.check()
    device.live()
    device.rest()
    assert device.runs(ONE)
