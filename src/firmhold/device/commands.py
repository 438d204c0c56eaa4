"""What the device's commands do: short work on one state folder, by one process at a time."""

import argparse
import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from firmhold.device.adapters.disk import read_file
from firmhold.device.appliance import MOST_BUILT_IN, Appliance, locked
from firmhold.device.config import Config
from firmhold.device.enrol import Body, enrol
from firmhold.device.fetch.config import CONFIG
from firmhold.device.fetching import fetching
from firmhold.device.make import make_device
from firmhold.device.measure import Found, measured
from firmhold.device.online import FETCH, Online
from firmhold.device.status import status, status_lines
from firmhold.protocol.invitation import MAX_BYTES as MAX_INVITATION_BYTES
from firmhold.protocol.invitation import parse_invitation
from firmhold.terminal import say, shown
from firmhold.trust.device_id import DeviceId
from firmhold.trust.errors import Code, Damaged, Misuse
from firmhold.trust.outer_faults import PlaceFault
from firmhold.trust.uptane.component import ComponentId, HardwareId
from firmhold.update.slots import Slot


def perform(options: argparse.Namespace, wall: Callable[[], None]) -> None:
    """Do what a command says, those that install behind a wall. Raises what it fails with."""
    if options.command in _WALLED:
        _WALLED[options.command](options, wall)
    else:
        _DONE[options.command](options)


def _enrol(options: argparse.Namespace) -> None:
    invited = parse_invitation(_argument(options.invitation, MAX_INVITATION_BYTES))
    enrol(
        options.state,
        invited,
        Body(_slots(options), options.group, options.fetch_user, options.tpm),
        options.fetch,
    )
    say(f"{invited.device} is enrolled at {invited.host}:{invited.device_port}")


def _init(options: argparse.Namespace) -> None:
    built_in = [
        _argument(path, MOST_BUILT_IN)
        for path in (options.image_root, options.director_root, options.settings)
    ]
    config = Config(
        device=DeviceId(options.device),
        product=options.product,
        component=ComponentId(options.component),
        model=HardwareId(options.model),
        revision=options.revision,
        groups=tuple(options.group),
        slots=_slots(options),
    )
    make_device(options.state, config, built_in)
    say(f"device {config.device} made in {options.state}")


def _check(options: argparse.Namespace, wall: Callable[[], None]) -> None:
    """Check in, in a process that has no network from before it reads the first answer."""
    state: Path = options.state
    with locked(state), fetching(state / FETCH / CONFIG, options.fetch) as place:
        wall()
        with closing(Online(state, place)) as online:
            ended, wait = online.check()
            _say_rest(online.appliance, options, ended=ended.value, wait=wait)


def _start(options: argparse.Namespace) -> None:
    with locked(options.state):
        appliance = Appliance(options.state)
        failed = appliance.start()
        if not options.json:
            for each in failed:
                say(shown(f"health check failed: {each}"))
        _say_rest(appliance, options, health=", ".join(failed))


def _boot(options: argparse.Namespace) -> None:
    with locked(options.state):
        slot = Appliance(options.state).enter()
    say("recovery system" if slot is None else f"slot {slot}")


def _install(options: argparse.Namespace, wall: Callable[[], None]) -> None:
    with locked(options.state):
        wall()
        appliance = Appliance(options.state)
        if not appliance.install(options.medium):
            say("nothing is meant for this device")
        _say_rest(appliance, options)


def _verify(options: argparse.Namespace) -> None:
    appliance = Appliance(options.state)
    found = list(measured(appliance.memory.state, appliance.slots))
    told = {f"slot {each.slot}": each.found.value for each in found}
    if options.json:
        say(json.dumps(told))
    else:
        for name, value in told.items():
            say(f"{name}  {value}")
    for each in found:
        if each.found is Found.OTHER:
            path = str(appliance.config.slots[each.slot])
            raise Damaged(PlaceFault(code=Code.DEVICE_SLOT, path=path, detail=each.found.value))


def _status(options: argparse.Namespace) -> None:
    told = status(options.state)
    if options.json:
        say(json.dumps(told, indent=1))
        return
    for line in status_lines(told):
        say(shown(line))


def _say_rest(
    appliance: Appliance, options: argparse.Namespace, **more: str | float | None
) -> None:
    phase = appliance.memory.state.phase.value
    if getattr(options, "json", False):
        say(json.dumps({**more, "phase": phase, "reboot": appliance.reboot_wanted}))
        return
    if more.get("ended"):
        say(f"check {more['ended']}")
    say(f"phase {phase}")
    if appliance.reboot_wanted:
        say("reboot wanted")


def _slots(options: argparse.Namespace) -> dict[Slot, Path]:
    return {Slot.A: options.slot_a.absolute(), Slot.B: options.slot_b.absolute()}


def _argument(path: Path, max_bytes: int) -> bytes:
    try:
        return read_file(path, max_bytes)
    except OSError as error:
        detail = error.strerror or str(error)
        raise Misuse(PlaceFault(code=Code.STORE_IO, path=str(path), detail=detail)) from error


_DONE = {
    "enrol": _enrol,
    "init": _init,
    "start": _start,
    "confirm": _start,
    "boot": _boot,
    "verify": _verify,
    "status": _status,
}
_WALLED = {"check": _check, "install": _install}
