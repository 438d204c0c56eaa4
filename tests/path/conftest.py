"""A fleet for one test: a vendor, a server that listens, devices that are enrolled."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from firmhold.sim.fleet import SimFleet


@pytest.fixture(name="fleet")
def _fleet(tmp_path: Path) -> Iterator[SimFleet]:
    """A server on which nothing is published yet."""
    with SimFleet(tmp_path) as fleet:
        yield fleet
