"""The last act of the demo: a simulated device whose power fails, wherever it can.

The device runs its own code on simulated flash. It installs the first release and confirms it; on
the way to the second the plug is pulled; it comes back, goes on and confirms. Then the same update
is cut in every durable operation, with what was not synced kept, lost and torn, and each time the
device must boot something whole and finish.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from firmhold.drill.intrusions import INTRUSIONS, Intrusion
from firmhold.drill.rehearsal import DEVICE, Rehearsal
from firmhold.drill.view import SlotRow, View
from firmhold.sim.flash import Fate
from firmhold.sim.machine import Durables, bootable, measured
from firmhold.trust.uptane.version_manifest import Verdict
from firmhold.update.journal import Phase
from firmhold.update.pieces import PIECE_BYTES, Image
from firmhold.update.slots import Slot

MOST_PIECES = 8
"""Pieces of an image that this act plays with: every cut is played, so time is their square."""

WAIT_SECONDS = 600

Known: TypeAlias = dict[Image, str]
"""Names for people of the images that are played with."""


def play_power(folder: Path, names: Sequence[str], files: Sequence[bytes], view: View) -> list[str]:
    """Play the act with two images; return what was not as it must be."""
    most = MOST_PIECES * PIECE_BYTES - 64
    images = [bootable(data[:most], counter) for counter, data in enumerate(files, 1)]
    rehearsal = Rehearsal(folder, blocks=MOST_PIECES)
    known = {measured(image): name for image, name in zip(images, names, strict=True)}
    view.title("A simulated device: real rules, simulated flash, and a hand at the plug")
    first, failures = _first(rehearsal, images[0], known, view)
    failures += _second(rehearsal, images[1], known, view)
    failures += _cut_everywhere(rehearsal, first, images, view)
    view.title(f"{len(INTRUSIONS)} attacks on this device; its flash is read after a reboot")
    for number, intrusion in enumerate(INTRUSIONS, 1):
        failures += _intrude(rehearsal, number, intrusion, view)
    return failures


def _first(
    rehearsal: Rehearsal, image: bytes, known: Known, view: View
) -> tuple[Durables, list[str]]:
    """Install release 1; return the device as it is then, and what went wrong."""
    rehearsal.offer(image, 1, security=1)
    came = rehearsal.update() is None and _finished(rehearsal, image, 1)
    view.say("release 1: installed, trial boot passed, confirmed, copied, floor raised to 1")
    _show(rehearsal, known, view)
    return rehearsal.durables(), [] if came else ["release 1 was not installed"]


def _second(rehearsal: Rehearsal, image: bytes, known: Known, view: View) -> list[str]:
    """Install release 2 with the plug pulled in the middle."""
    rehearsal.wait(WAIT_SECONDS)
    rehearsal.offer(image, 2, security=2)
    middle = rehearsal.revived(rehearsal.durables()).lefts()[0] // (2 * len(Fate))
    was_cut = rehearsal.cut(middle, Fate.TORN)
    view.say(f"release 2: the power fails in durable operation {middle}, un-synced writes torn")
    _show(rehearsal, known, view)
    rehearsal.live()
    came = was_cut and rehearsal.update() is None and _finished(rehearsal, image, 2)
    view.say("it comes back, goes on by itself, passes the trial boot, confirms; floor 2")
    _show(rehearsal, known, view)
    return [] if came else ["release 2 did not come through the power cut"]


def _cut_everywhere(
    rehearsal: Rehearsal, first: Durables, images: Sequence[bytes], view: View
) -> list[str]:
    """Install release 2 on the device as it was with release 1, and cut that everywhere."""
    cuts, lefts = rehearsal.revived(first).lefts()
    failures = [
        f"release 2, cut in {where}"
        for left, where in lefts.items()
        if not _survives(rehearsal, left, images)
    ]
    view.say(
        f"release 2 again, cut in every durable operation: {cuts} power cuts left {len(lefts)} "
        f"different states; {len(lefts) - len(failures)} boot something whole and finish"
    )
    return failures


def _survives(rehearsal: Rehearsal, left: Durables, images: Sequence[bytes]) -> bool:
    device = rehearsal.revived(left)
    running = device.machine.record.booted
    boots = running is not None and any(
        device.machine.slots[running].read_back(0, len(image)) == image for image in images
    )
    device.live()
    return boots and device.update() is None and _finished(device, images[-1], 2)


def _finished(device: Rehearsal, image: bytes, counter: int) -> bool:
    """The release runs, is in both slots, is confirmed, and is the floor."""
    machine, state = device.machine, device.memory().state
    whole = all(machine.slots[slot].read_back(0, len(image)) == image for slot in Slot)
    said = state.outcome is not None and state.outcome.verdict is Verdict.INSTALLED
    return whole and said and state.phase is Phase.IDLE and machine.floor.counter == counter


def _intrude(rehearsal: Rehearsal, number: int, intrusion: Intrusion, view: View) -> list[str]:
    """Play one attack on a copy; its flash must be the same after a reboot."""
    view.attack(number, intrusion.title)
    before = rehearsal.flash()
    victim = rehearsal.revived(rehearsal.durables())
    try:
        code = intrusion.act(victim)
        victim.live()
        unchanged = victim.flash() == before
    finally:
        rehearsal.domain.assign(DEVICE, rehearsal.domain.path(2))
    if code is None:
        view.not_held("the device took it")
        return [intrusion.title]
    view.held(str(code), unchanged)
    if code is not intrusion.refused_by:
        view.not_held(f"expected {intrusion.refused_by}")
    return [] if unchanged and code is intrusion.refused_by else [intrusion.title]


def _show(rehearsal: Rehearsal, known: Known, view: View) -> None:
    """Both slots of the simulated device."""
    machine, rows = rehearsal.machine, []
    for slot in Slot:
        held = rehearsal.memory().state.holds(slot)
        name = "factory image" if slot is Slot.A else "empty"
        digest, length = "", 0
        if held is not None:
            image = held.release.image
            name, digest, length = known[image], image.root.hex(), image.length
        rows.append(SlotRow(slot, name, digest, length, slot is machine.record.booted))
    view.panel(rows)
