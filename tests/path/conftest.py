"""A fleet for one test: a vendor, a server that listens, devices that are enrolled."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.databases import new_database

from firmhold.sim.fleet import SimFleet


@pytest.fixture(name="fleet")
def _fleet(tmp_path: Path, database: str) -> Iterator[SimFleet]:
    """A server on which nothing is published yet."""
    with SimFleet(tmp_path, database=database) as fleet:
        yield fleet


@pytest.fixture(name="database")
def _database(request: pytest.FixtureRequest) -> str:
    """Where the server keeps what it knows: both kinds, where a test asks for them by name."""
    return new_database(request)
