"""Row 37: data behind the image, in the slot or in the payload."""

from random import Random

from firmhold.device.measure import Found, measured
from firmhold.sim.fleet import SimFleet
from firmhold.update.slots import Slot

ONE = Random(1).randbytes(200_000)


def test_what_lay_in_the_slot_is_no_part_of_the_image(fleet: SimFleet) -> None:
    """The signed length ends the image: a slot full of other data gives the same release."""
    fleet.publish(1, ONE)
    device = fleet.device("camera-1")
    for slot in Slot:
        device.slot(slot).write_bytes(b"\xff" * (1 << 18))
    fleet.rollout(1)

    device.live()

    assert device.runs(ONE)
    appliance = device.appliance()
    held = appliance.memory.state.holds(Slot.B)
    assert held is not None
    assert held.release.image.length == len(ONE)
    found = {each.slot: each.found for each in measured(appliance.memory.state, appliance.slots)}
    assert found == {Slot.A: Found.SAME, Slot.B: Found.SAME}
