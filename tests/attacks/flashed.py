"""A device that lives on flash: the first and the third beat of an attack on it.

It runs release 1 of its vendor. After an attack it is rebooted; then its slots, boot record, floor
and memory must be what they were, and the vendor's next honest release must go through.
"""

from pathlib import Path

from firmhold.drill.rehearsal import DEVICE, Rehearsal
from firmhold.sim.machine import sim_image

ONE, TWO = sim_image("one", 1, 3), sim_image("two", 2, 5, last=100)
MINUTE = 60


def with_release_one(folder: Path) -> Rehearsal:
    """A device that has installed release 1, a minute ago."""
    device = Rehearsal(folder)
    device.offer(ONE, 1, security=1)
    assert device.update() is None
    assert runs(device, ONE)
    device.wait(MINUTE)
    return device


def runs(device: Rehearsal, image: bytes) -> bool:
    """Tell whether that image runs, byte by byte."""
    running = device.machine.record.booted
    return running is not None and (device.machine.slots[running].read_back(0, len(image)) == image)


def assert_held(device: Rehearsal, before: tuple[object, ...]) -> None:
    """The flash is what it was, read after a reboot; and the device is not lost to its vendor."""
    device.live()
    assert device.flash() == before
    assert runs(device, ONE)
    device.wait(MINUTE)
    if 2 in device.domain.releases:
        device.domain.assign(DEVICE, device.domain.path(2))
    else:
        device.offer(TWO, 2, security=2)
    assert device.update() is None, device.failure
    assert runs(device, TWO)
    assert device.machine.floor.counter == 2
