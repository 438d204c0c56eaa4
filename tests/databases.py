"""Databases for tests: SQLite in a file, and a real PostgreSQL server in each test process."""

import secrets
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from firmhold.sim.postgresql import Cluster

ON_BOTH = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
"""Marks tests that hold with either database."""
ON_POSTGRESQL = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
"""Marks tests of what SQLite has not: a server that goes away."""


def new_database(request: pytest.FixtureRequest) -> str:
    """Return the URL of an empty PostgreSQL database; empty, where a test does not ask for one."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return ""
    cluster: Cluster = request.getfixturevalue("cluster")
    return cluster.database(f"fleet-{secrets.token_hex(8)}")
