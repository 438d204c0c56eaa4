"""A device whose server's gateway was stolen: the first and the third beat of an attack on it."""

from random import Random

import pytest

from firmhold.fleet.gateway.serve import Gateway, device_app
from firmhold.sim.fleet import SimFleet
from firmhold.sim.fleet_device import FleetDevice
from firmhold.sim.stolen_gateway import StolenGateway
from firmhold.wire.sockets import Patience

ONE = Random(1).randbytes(200_000)
TWO = ONE[:70_000] + b"second" + ONE[70_000:]
HASTY = Patience(grace_seconds=1.0, minimum_bytes_per_second=200_000.0)
PLACES = {
    "check-in": "/v1/check-in",
    "snapshot": "/v1/image/metadata/*.snapshot.json",
    "role": "/v1/image/metadata/*.feature.json",
    "word": "/v1/director/*",
    "manifest": "/v1/image/targets/feature/*",
    "payload": "/v1/payloads/*",
}
"""Every kind of thing that a device asks its gateway for on the way to a release."""


def steal(fleet: SimFleet, monkeypatch: pytest.MonkeyPatch) -> StolenGateway:
    """Put somebody in front of the gateway's application, behind its key."""
    stolen: list[StolenGateway] = []

    def bent(part: Gateway) -> StolenGateway:
        stolen.append(StolenGateway(device_app(part)))
        return stolen[-1]

    monkeypatch.setattr("firmhold.fleet.parts.device_app", bent)
    fleet.restart("gateway")
    return stolen[0]


def ready_for_two(fleet: SimFleet) -> FleetDevice:
    """A device that runs release 1, and is meant to run release 2."""
    device = FleetDevice(fleet.folder / "camera-1", 1 << 18, HASTY)
    fleet.devices.append(device)
    fleet.publish(1, ONE)
    device.enrol(fleet.invite("camera-1"))
    fleet.rollout(1)
    device.live()
    assert device.runs(ONE)
    fleet.publish(2, TWO)
    fleet.rollout(2)
    return device


def assert_held(device: FleetDevice, stolen: StolenGateway) -> None:
    """Release 1 runs on after a boot; once the attack is over, release 2 gets in."""
    device.rest()
    assert device.runs(ONE)
    stolen.calm()
    device.live()
    assert device.runs(TWO)
