"""A device on flash with its vendor, for the tests of what it believes."""

from pathlib import Path

import pytest

from firmhold.drill.rehearsal import Rehearsal
from firmhold.sim.machine import sim_image

ONE, TWO = sim_image("one", 1, 3), sim_image("two", 2, 5, last=100)


@pytest.fixture
def device(tmp_path: Path) -> Rehearsal:
    """A device that has installed release 1 of its vendor, a minute ago."""
    device = Rehearsal(tmp_path)
    device.offer(ONE, 1, security=1)
    assert device.update() is None
    device.wait(60)
    return device
