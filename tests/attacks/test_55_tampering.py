"""Row 55: a hostile hand in the files in which the device keeps its state."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from tests.attacks import stolen as on_a_fleet
from tests.world.plays import ONE, TWO, Play, every_cut, live, plays, switched_on

from firmhold.device.install import Installer
from firmhold.device.memory import COPIES, Memory
from firmhold.sim.flash import Fate, Files
from firmhold.sim.fleet import SimFleet
from firmhold.sim.machine import Durables
from firmhold.trust.errors import Code, FirmholdError
from firmhold.update.journal import State
from firmhold.update.slots import Slot

INSTALL = plays()["install"]

HANDS: dict[str, Callable[[bytes], bytes | None]] = {
    "flip a bit": lambda data: data[:40] + bytes([data[40] ^ 1]) + data[41:],
    "truncate": lambda data: data[: len(data) // 2],
    "empty": lambda _: b"",
    "delete": lambda _: None,
    "raise a number": lambda data: data.replace(b'"counter":', b'"counter":9'),
    "forge a seal": lambda data: data[:-32] + bytes(32),
}


def after_install() -> Durables:
    """A device that has installed release two."""
    machine = switched_on(INSTALL, INSTALL.begin, vfat=False)
    live(machine, INSTALL)
    return machine.after_cut(Fate.KEPT)


def with_file(files: Files, name: str, hand: Callable[[bytes], bytes | None]) -> Files:
    """The files after a hand was at one of them."""
    left = {(n, hand(data) if n == name else data) for n, data in files}
    return frozenset((n, data) for n, data in left if data is not None)


def survives(play: Play, left: Durables) -> list[Code]:
    """Boot a device that was tampered with, let it finish; return what it told of its memory."""
    machine = switched_on(play, left, vfat=False)
    assert machine.boot() is not None
    assert machine.runs() in (ONE.image, TWO.image)
    memory = Memory(machine.disk, machine.seal)
    Installer(machine.ports(), memory).start()
    live(machine, play)
    assert machine.boot() is not None
    assert machine.runs() == TWO.image
    assert machine.floor.counter >= 1
    return [fault.code for fault in memory.damage]


@pytest.mark.parametrize("name", COPIES)
@pytest.mark.parametrize("hand", HANDS.values(), ids=HANDS)
def test_any_copy_spoilt_is_told_and_costs_nothing(
    name: str, hand: Callable[[bytes], bytes | None]
) -> None:
    """One copy altered, cut, emptied or deleted: the device says so, and goes on by the other."""
    begin = INSTALL.begin
    assert survives(INSTALL, begin) == []

    left = begin._replace(disk=with_file(begin.disk, name, hand))

    assert survives(INSTALL, left) in ([Code.MEMORY_DAMAGED], [Code.MEMORY_LOST])


def test_exchanged_copies_are_told() -> None:
    """Copies under each other's names are read by nobody; the device boots and can be updated."""
    begin = INSTALL.begin
    names = dict(zip(COPIES, reversed(COPIES), strict=True))
    exchanged = frozenset((names[name], data) for name, data in begin.disk)
    assert survives(INSTALL, begin._replace(disk=exchanged)) == [Code.MEMORY_MISPLACED] * 2


def test_everything_deleted_is_survived() -> None:
    """A device without any memory boots, and installs what it is offered."""
    assert survives(INSTALL, INSTALL.begin._replace(disk=frozenset())) == []


def test_an_old_memory_put_back_after_the_floor_was_raised_is_told() -> None:
    """Yesterday's files, both of them, do not know the floor of today."""
    today = after_install()
    assert survives(INSTALL, today._replace(disk=INSTALL.begin.disk)) == [Code.MEMORY_STALE]


def test_an_old_memory_put_back_at_any_moment_boots_nothing_bad() -> None:
    """Whatever the device once remembered, put back at any later moment: it boots, and finishes."""
    lefts = [cut.left for cut in every_cut(INSTALL, INSTALL.begin, vfat=False)]
    kept = lefts[:: len(Fate)]
    memories = [left.disk for left in kept[::7]]
    assert len(memories) >= 10
    for left in kept[::5]:
        for disk in memories:
            machine = switched_on(INSTALL, left._replace(disk=disk), vfat=False)
            assert machine.boot() is not None
            assert machine.runs() in (ONE.image, TWO.image)
            live(machine, INSTALL)
            running = machine.boot()
            assert running is not None
            assert machine.runs() in (ONE.image, TWO.image)
            counters = {ONE.image: 1, TWO.image: 2}
            image = machine.holds(running)
            assert image is not None
            assert counters[image] >= machine.floor.counter


def test_no_memory_can_be_made_up() -> None:
    """Without the device's key nobody writes a state that the device reads."""
    machine = switched_on(INSTALL, INSTALL.begin, vfat=False)
    forger = switched_on(INSTALL, INSTALL.begin, vfat=False)
    forger.seal = type(forger.seal)(b"the forger's own key")
    Memory(forger.disk, forger.seal).keep(State(running=Slot.B, floor=9))
    left = INSTALL.begin._replace(disk=forger.after_cut(Fate.KEPT).disk)
    machine = switched_on(INSTALL, left, vfat=False)
    assert Memory(machine.disk, machine.seal).state.floor != 9


@pytest.mark.parametrize("hand", HANDS.values(), ids=HANDS)
def test_every_file_of_a_device_on_a_fleet_can_be_spoilt(
    fleet: SimFleet, hand: Callable[[bytes], bytes | None]
) -> None:
    """Its memory, its boot record, its metadata, its spool, one by one: something whole runs."""
    device = on_a_fleet.ready_for_two(fleet)
    places = [
        place
        for name in ("kept", "boot", "fetch/spool")
        for place in sorted((device.state / name).rglob("*"))
        if place.is_file()
    ]
    assert len(places) > 10
    for place in places:
        data = place.read_bytes()
        spoilt = hand(data + bytes(max(0, 64 - len(data))))
        place.unlink() if spoilt is None else place.write_bytes(spoilt)
        with suppress(FirmholdError):
            device.live()
        assert device.runs(on_a_fleet.ONE) or device.runs(on_a_fleet.TWO), place
        place.write_bytes(data) if place.parent.exists() else None
    device.live()
    device.live()
    assert device.runs(on_a_fleet.TWO)
