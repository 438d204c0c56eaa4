"""An outside suite around the real command."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from firmhold.sim.suite import SimSuite


@pytest.fixture
def suite(tmp_path: Path) -> Iterator[SimSuite]:
    """A repository, a wire and a client that knows the first root."""
    with SimSuite(tmp_path) as suite:
        suite.begin()
        yield suite
