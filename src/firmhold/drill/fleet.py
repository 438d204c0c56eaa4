"""The fleet's act of the demo: three devices over mutual TLS, two releases by waves, then attacks.

The server's parts listen on loopback; each device's every byte goes through a line that counts it.
What is told of a device is read from its state folder and its slots.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from firmhold.drill.raids import RAIDS, Raid
from firmhold.drill.view import FleetRow, View
from firmhold.sim.fleet import SimFleet
from firmhold.sim.fleet_device import FleetDevice
from firmhold.sim.proxy import Between
from firmhold.trust.errors import Code, FirmholdError
from firmhold.update.pieces import PIECE_BYTES
from firmhold.update.slots import Slot

REVISIONS = (1, 2, 3)
WAVES = "34,100"
MOST_ROUNDS = 6


@dataclass(slots=True)
class Member:
    """One device of the fleet, and the line to it."""

    name: str
    revision: int
    device: FleetDevice
    wire: Between
    did: str = "enrolled"
    known: dict[str, str] = field(default_factory=dict)

    def go_on(self) -> None:
        """Check in, and boot if that is wanted."""
        ended, reboot = self.device.check()
        self.did = "updated" if reboot else str(ended)
        if reboot:
            self.device.rest()
            self.device.check()

    def row(self) -> FleetRow:
        """What is shown of it."""
        slots = {slot: self.known.get(self._digest(slot), "empty") for slot in Slot}
        booted = self.device.appliance().boot.running()
        return FleetRow(self.name, self.revision, slots, booted, self.wire.passed, self.did)

    def _digest(self, slot: Slot) -> str:
        held = self.device.appliance().memory.state.holds(slot)
        return "" if held is None else held.release.image.root.hex()


def play_fleet(folder: Path, names: Sequence[str], files: Sequence[bytes], view: View) -> list[str]:
    """Play the act with two images; return what was not as it must be."""
    view.title("A fleet: a server in three parts, three devices of three revisions, mutual TLS 1.3")
    folder.mkdir()
    with SimFleet(folder) as fleet, ExitStack() as lines:
        room = (max(map(len, files)) // PIECE_BYTES + 2) * PIECE_BYTES
        members = [_enrolled(fleet, lines, revision, room) for revision in REVISIONS]
        view.say("three devices enrolled, each by a token that is good once")
        failures: list[str] = []
        for number, (name, image) in enumerate(zip(names, files, strict=True), 1):
            failures += _release(fleet, members, number, name, image, view)
        view.title(f"{len(RAIDS)} attacks on the fleet")
        for number, raid in enumerate(RAIDS, 1):
            failures += _raid(fleet, members[0].device, number, raid, view)
        return failures


def _enrolled(fleet: SimFleet, lines: ExitStack, revision: int, room: int) -> Member:
    name = f"device-{revision}"
    wire = lines.enter_context(Between(fleet.home.device_port))
    device = fleet.new_device(name, room)
    device.enrol(replace(fleet.invite(name, revision), device_port=wire.port))
    return Member(name, revision, device, wire)


def _release(
    fleet: SimFleet, members: Sequence[Member], number: int, name: str, image: bytes, view: View
) -> list[str]:
    """Publish a release, begin its rollout, and have the devices live until all have it."""
    more = f'bases = ["{number - 1}.img"]' if number > 1 else ""
    fleet.publish(number, image, component=more)
    view.say(f"release {name}: signed by feature-1 and feature-2; its rollout by operator-1")
    fleet.rollout(number, waves=WAVES)
    with view.fleet() as show:
        for _ in range(MOST_ROUNDS):
            for member in members:
                member.go_on()
                member.known |= dict(_named(member, name, image))
                show([each.row() for each in members])
            fleet.settled()
            if all(member.device.runs(image) for member in members):
                return []
    return [f"release {name} did not reach every device"]


def _named(member: Member, name: str, image: bytes) -> Iterator[tuple[str, str]]:
    """The root of the image that runs, if it is this release."""
    runs = member.device.appliance().runs()
    if runs is not None and member.device.runs(image):
        yield runs.release.image.root.hex(), name


def _raid(fleet: SimFleet, device: FleetDevice, number: int, raid: Raid, view: View) -> list[str]:
    """Play one attack; tell whether it was refused as it must be, and what it changed."""
    view.attack(number, raid.title)
    before = _slots(device)
    try:
        raid.act(fleet, device)
        code: str = "nothing"
    except FirmholdError as error:
        code = _told(error)
    finally:
        raid.mend(fleet)
    view.held(code, _slots(device) == before)
    if code == raid.refused_by and _slots(device) == before:
        return []
    view.not_held(f"expected {raid.refused_by}")
    return [raid.title]


def _told(error: FirmholdError) -> str:
    """The code of a refusal; where the server refused, the server's."""
    detail = str(getattr(error.fault, "detail", ""))
    if error.code in {Code.FETCH_REFUSED, Code.FLEET_REFUSED} and detail in set(Code):
        return detail
    return str(error.code)


def _slots(device: FleetDevice) -> list[str]:
    booted = device.appliance().boot.running()
    return [str(booted), *(hashlib.sha256(device.slot(s).read_bytes()).hexdigest() for s in Slot)]
