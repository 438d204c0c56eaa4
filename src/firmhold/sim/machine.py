"""A device's hardware: a disk, two slots, a boot chain, a floor, a watchdog, and a switch.

It supplies the ports of `firmhold.device` and drives nothing: whoever holds it boots it, runs the
device's own code on it, cuts its power and boots it again::

    machine = SimMachine(new_device(FACTORY))
    machine.boot()
    installer = Installer(machine.ports(), Memory(machine.disk, machine.seal))
    installer.start()

The boot chain is naive on purpose: it reads the security counter in the first bytes of a slot and
would run half an image if the record told it to. So whatever is proved of it holds of a chain that
verifies what it boots.
"""

import hashlib
import hmac
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import NamedTuple

from firmhold.device.ports import Machine
from firmhold.sim.boot import BootWrite, SimBootRecord, SimFloor
from firmhold.sim.flash import Blocks, Fate, Files, Medium, SimDisk, SimSlot, Supply
from firmhold.trust.errors import Code, Misuse, Unavailable, UsageFault
from firmhold.trust.outer_faults import FetchFault
from firmhold.update.journal import Accepted, Candidate
from firmhold.update.pieces import PIECE_BYTES, Image, Meter
from firmhold.update.slots import BAD, GOOD, BootRecord, Slot, choose

_HEAD = b"sim image"
_COUNTER_BYTES = 8


class Durables(NamedTuple):
    """Everything that a machine holds without power."""

    disk: Files
    a: Blocks
    b: Blocks
    record: BootRecord
    floor: int


def sim_image(name: str, security_counter: int, pieces: int, last: int = PIECE_BYTES) -> bytes:
    """An image of so many pieces, the last one of `last` bytes; its head bears the counter."""
    head = _HEAD + security_counter.to_bytes(_COUNTER_BYTES, "big")
    filler = hashlib.shake_256(name.encode()).digest(PIECE_BYTES)
    body = b"".join(number.to_bytes(4, "big") + filler[4:] for number in range(pieces))
    return (head + body[len(head) :])[: (pieces - 1) * PIECE_BYTES + last]


def bootable(software: bytes, security_counter: int) -> bytes:
    """Software behind the head that the boot chain reads: an image that can be booted."""
    return _HEAD + security_counter.to_bytes(_COUNTER_BYTES, "big") + software


def measured(data: bytes) -> Image:
    """The length and the root of an image."""
    meter = Meter()
    meter.update(data)
    return meter.finish().image


def blocks_of(data: bytes, blocks: int) -> Blocks:
    """What a slot of so many blocks holds when `data` was written into it."""
    padded = data.ljust(blocks * PIECE_BYTES, b"\0")
    return tuple(padded[at : at + PIECE_BYTES] for at in range(0, len(padded), PIECE_BYTES))


def new_device(factory: bytes, blocks: int = 8) -> Durables:
    """A machine as its maker ships it: one image in slot a, confirmed; slot b empty."""
    empty = blocks_of(b"", blocks)
    record = BootRecord(Slot.A, GOOD, BAD, last=Slot.A)
    return Durables(frozenset(), blocks_of(factory, blocks), empty, record, 0)


class SimSeal:
    """A key that only this device has."""

    def __init__(self, key: bytes = b"this device") -> None:
        self._key = key

    def tag(self, data: bytes) -> bytes:
        """Return the tag of `data` under the key."""
        return hmac.digest(self._key, data, "sha256")


@dataclass(slots=True)
class SimSource:
    """Gives extents of `pieces` pieces of the images that it has."""

    images: dict[Image, bytes] = field(default_factory=dict)
    pieces: int = 1
    fails_from: int | None = None
    """The first piece that cannot be had."""
    spoils: bool = False
    """Whether the last byte of each extent is another one than was signed."""
    asked: list[int] = field(default_factory=list)
    """The first pieces that were asked for, in order."""

    def extent(self, release: Candidate, first: int) -> tuple[int, bytes]:
        """Return the extent that makes piece `first`."""
        self.asked.append(first)
        image = release.image
        if image not in self.images or (self.fails_from is not None and first >= self.fails_from):
            fault = FetchFault(
                code=Code.FETCH_UNREACHABLE, url=image.root.hex(), detail=f"piece {first}"
            )
            raise Unavailable(fault)
        begin = first - first % self.pieces
        offset, length = image.span(begin, min(self.pieces, image.pieces - begin))
        data = self.images[image][offset : offset + length]
        return begin, data[:-1] + bytes([data[-1] ^ self.spoils])


@dataclass(slots=True)
class SimWarrant:
    """The newest root and targets: what they have withdrawn, and what they were asked about."""

    released: set[bytes] = field(default_factory=set)
    """Digests of releases that are withdrawn."""
    asked: list[Accepted] = field(default_factory=list)

    def withdrawn(self, accepted: Accepted) -> bool:
        """Tell whether the release is withdrawn."""
        self.asked.append(accepted)
        return accepted.release.digest in self.released


@dataclass(slots=True)
class SimHealth:
    """Health checks that fail for the images in `sick`."""

    machine: "SimMachine"
    sick: set[Image] = field(default_factory=set)
    asked: list[bytes | None] = field(default_factory=list)
    """Whose checks were asked for, in order."""

    def failed(self, release: bytes | None) -> tuple[str, ...]:
        """Name the check that the running image fails, if it does."""
        self.asked.append(release)
        return ("alive",) if self.machine.runs() in self.sick else ()


class SimMachine:
    """The hardware of one device, with what `durables` say on it; off until it is booted."""

    def __init__(self, durables: Durables, *, vfat: bool = False) -> None:
        self.supply = Supply()
        self.disk = SimDisk(self.supply, vfat=vfat)
        self.slots = {slot: SimSlot(self.supply, len(durables.a)) for slot in Slot}
        self.record = SimBootRecord(self.supply, durables.record)
        self.floor = SimFloor(self.supply, durables.floor)
        self.seal = SimSeal()
        self.source = SimSource()
        self.warrant = SimWarrant()
        self.health = SimHealth(self)
        self.reboot_wanted = False
        for medium, content in zip(self._media, durables, strict=True):
            medium.hold(content)

    def boot(self, *, bitten: bool = False) -> Slot | None:
        """Run the boot chain; return the slot that runs now (None: the recovery system)."""
        self.supply.fail(Fate.KEPT)  # whatever is in a cache is not there any more
        self.reboot_wanted = False
        counters = {slot: _counter(self.slots[slot]) for slot in Slot}
        choice = choose(self.record.record, counters, self.floor.counter, bitten=bitten)
        if choice.record != self.record.record:
            self.record.write(BootWrite(choice.record))
        self.record.booted = choice.slot
        return choice.slot

    def reboot(self) -> None:
        """Ask for a reboot; whoever drives this machine boots it."""
        self.reboot_wanted = True

    def ports(self) -> Machine:
        """Return the ports of the device's code; the running slot refuses to be written."""
        running = self.record.booted
        slots = {
            slot: _Mounted(medium) if slot is running else medium
            for slot, medium in self.slots.items()
        }
        return Machine(self.record, slots, self.floor, self, self.source, self.warrant)

    def runs(self) -> Image | None:
        """Return what runs, as far as it is known here; None: the recovery system."""
        running = self.record.booted
        return None if running is None else self.holds(running)

    def holds(self, slot: Slot) -> Image | None:
        """Return which of the known images a slot holds, whole, on its medium."""
        medium = self.slots[slot]
        for image, data in self.source.images.items():
            if medium.read_back(0, image.length) == data:
                return image
        return None

    def after_cut(
        self, fate: Fate, within: Medium | None = None, operation: Hashable | None = None
    ) -> Durables:
        """Return what the machine would hold after a cut, in an operation of one medium if any."""

        def own(medium: Medium) -> Hashable | None:
            return operation if medium is within else None

        a, b = self.slots[Slot.A], self.slots[Slot.B]
        return Durables(
            self.disk.durable(fate, own(self.disk)),
            a.durable(fate, own(a)),
            b.durable(fate, own(b)),
            self.record.durable(fate, own(self.record)),
            self.floor.durable(fate, own(self.floor)),
        )

    @property
    def _media(self) -> tuple[Medium, ...]:
        return (self.disk, self.slots[Slot.A], self.slots[Slot.B], self.record, self.floor)


class _Mounted:
    """The slot that runs: read-only."""

    def __init__(self, medium: SimSlot) -> None:
        self.size, self.read, self.read_back = medium.size, medium.read, medium.read_back

    def write(self, offset: int, data: bytes) -> None:
        """Refuse to write where the system runs."""
        raise Misuse(UsageFault(code=Code.MISUSE, what=f"{len(data)} bytes at {offset} of itself"))

    def flush(self) -> None:
        """Refuse, as nothing can have been written."""
        raise Misuse(UsageFault(code=Code.MISUSE, what="flush of itself"))


def _counter(slot: SimSlot) -> int | None:
    head = slot.read_back(0, len(_HEAD) + _COUNTER_BYTES)
    return int.from_bytes(head[len(_HEAD) :], "big") if head.startswith(_HEAD) else None
