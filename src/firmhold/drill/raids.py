"""Attacks on a fleet that the demo plays: by servers, insiders and devices."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from firmhold.fleet.ca.issue import State
from firmhold.fleet.operate import following, send
from firmhold.sim.fleet import SimFleet
from firmhold.sim.fleet_device import FleetDevice
from firmhold.sim.signer import sim_signer
from firmhold.trust.errors import Code
from firmhold.trust.governance.rollout_act import Action

Act = Callable[[SimFleet, FleetDevice], None]
Mend = Callable[[SimFleet], None]
A_CENTURY = timedelta(days=36_525)


@dataclass(frozen=True, slots=True)
class Raid:
    """One attack: what is done, the code that refuses it, and how the world is mended."""

    title: str
    act: Act
    refused_by: Code
    mend: Mend


def _other_key(fleet: SimFleet, device: FleetDevice) -> None:
    fleet.show_keys("thief")
    device.check()


def _own_key(fleet: SimFleet) -> None:
    fleet.show_keys("gateway")


def _year_2100(fleet: SimFleet, device: FleetDevice) -> None:
    fleet.clock.advance(A_CENTURY)
    device.check()


def _today(fleet: SimFleet) -> None:
    fleet.clock.advance(-A_CENTURY)
    fleet.restart("gateway")  # it has taken the checks of before for ones of the future


def _stranger(fleet: SimFleet, _: FleetDevice) -> None:
    with fleet.operator() as director:
        act = following(director, "r2", Action.HALT, fleet.clock.now())
        send(director, act, sim_signer("stranger"))


def _revoked(fleet: SimFleet, device: FleetDevice) -> None:
    _state(fleet, State.REVOKED)
    device.check()


def _let_in(fleet: SimFleet) -> None:
    _state(fleet, State.ACTIVE)


def _state(fleet: SimFleet, state: State) -> None:
    with fleet.operator("ca") as ca:
        ca.post("/devices/device-1/state", {"state": state.value})


def _nothing(_: SimFleet) -> None:
    return


RAIDS = (
    Raid(
        "a server with a certificate of the right authority shows another key",
        _other_key,
        Code.FETCH_PIN,
        _own_key,
    ),
    Raid(
        "a thief of the key that tells the time says that it is a century later",
        _year_2100,
        Code.FRESHNESS_SIGNATURES,
        _today,
    ),
    Raid(
        "somebody who reaches the operators' socket halts the rollout with a key of his own",
        _stranger,
        Code.ACT_SIGNATURES,
        _nothing,
    ),
    Raid(
        "a device that was revoked asks with its certificate, then with its own key",
        _revoked,
        Code.CA_DEVICE,
        _let_in,
    ),
)
