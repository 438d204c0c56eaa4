"""A server's tables in a file, and an authority of its own."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from firmhold.fleet.ca.authority import Authority, make_authority
from firmhold.fleet.ca.issue import Desk
from firmhold.fleet.nonces import Nonces
from firmhold.fleet.tables import TABLES
from firmhold.sim.clock import BEGIN
from firmhold.sim.signer import sim_signer
from firmhold.storage.sql import make_tables, open_database

NOW = BEGIN + timedelta(days=1)


@pytest.fixture(name="url")
def _url(tmp_path: Path) -> str:
    """Where the tables are."""
    return f"sqlite:///{tmp_path / 'fleet.db'}"


@pytest.fixture(name="database")
def _database(url: str) -> Engine:
    """Empty tables."""
    engine = open_database(url)
    make_tables(engine, TABLES)
    return engine


@pytest.fixture(name="authority")
def _authority() -> Authority:
    """An authority whose key anybody can make again."""
    key = sim_signer("ca")
    return Authority(key, make_authority(key, "test devices", NOW))


@pytest.fixture(name="ca")
def _ca(database: Engine, authority: Authority) -> Desk:
    """A CA at work on the tables."""
    return Desk(database, authority, Nonces())
