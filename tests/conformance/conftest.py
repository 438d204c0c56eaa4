"""An outside suite around the real command."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from firmhold.sim.suite import SimSuite


@pytest.fixture
def suite(tmp_path: Path) -> Iterator[SimSuite]:
    """A repository, a wire and a client that knows the first root, as `init` would leave it."""
    with SimSuite(tmp_path) as suite:
        suite.client.metadata.mkdir(parents=True)
        (suite.client.metadata / "root.json").write_bytes(suite.repository.published["root"])
        yield suite
