"""Row 20: the Director names one component twice, with different images."""

import pytest
from tests.attacks.flashed import TWO, assert_held

from firmhold.drill.rehearsal import DEVICE, Rehearsal
from firmhold.sim.machine import sim_image
from firmhold.trust.errors import Code

THREE = sim_image("three", 2, 2)


@pytest.mark.parametrize("order", [(1, 2), (2, 3), (3, 2)])
def test_a_component_named_twice_sinks_the_whole_set(
    device: Rehearsal, order: tuple[int, int]
) -> None:
    """Nobody picks the more convenient of two words: none of them counts."""
    device.domain.release(TWO, 2, security=2)
    device.domain.release(THREE, 3, security=2)
    before = device.flash()

    device.domain.assign(DEVICE, *(device.domain.path(counter) for counter in order))
    assert device.check_in() is Code.UPTANE_COMPONENT_TWICE

    assert_held(device, before)
