"""Row 56: updates are begun again and again, and none is brought to an end."""

from dataclasses import replace
from random import Random

import pytest

from firmhold.sim.fleet import SimFleet
from firmhold.sim.proxy import Between
from firmhold.trust.errors import Unavailable

FIRST = Random(1).randbytes(600_000)
SLOT_BYTES = 1 << 20
ROUNDS = 3


def test_a_device_that_is_kept_installing_runs_what_it_ran(fleet: SimFleet) -> None:
    """Release after release breaks off: the device runs on, and its spool does not grow."""
    fleet.publish(1, FIRST)
    with Between(fleet.home.device_port) as wire:
        device = fleet.new_device("camera-1", SLOT_BYTES)
        device.enrol(replace(fleet.invite("camera-1"), device_port=wire.port))
        fleet.rollout(1)
        device.live()
        assert device.runs(FIRST)

        for number in range(2, 2 + ROUNDS):
            fleet.publish(number, Random(number).randbytes(600_000))
            fleet.rollout(number)
            wire.mend()
            wire.cut_after = 200_000
            with pytest.raises(Unavailable):
                device.check()
            assert device.runs(FIRST)
            kept = sum(place.stat().st_size for place in device.spool.rglob("*") if place.is_file())
            assert kept < 1_500_000

        wire.mend()
        device.live()
        device.rest()
        device.live()
        device.rest()
        assert device.runs(Random(1 + ROUNDS).randbytes(600_000))
