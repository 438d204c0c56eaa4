"""A server's tables in a file, and an authority of its own."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine
from tests.databases import new_database

from firmhold.fleet.ca.authority import Authority, make_authority
from firmhold.fleet.ca.issue import Desk
from firmhold.fleet.database import make_database
from firmhold.fleet.home import Home
from firmhold.fleet.nonces import Nonces
from firmhold.sim.clock import BEGIN
from firmhold.sim.signer import sim_signer
from firmhold.storage.sql import open_database, used

NOW = BEGIN + timedelta(days=1)


def a_home(folder: Path, database: str) -> Home:
    """A server's folder, of which only the database matters."""
    return Home(folder, "127.0.0.1", 1, 2, folder / "site", database, 1)


@pytest.fixture(name="home", params=["sqlite", "postgresql"])
def _home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    """A server with empty tables."""
    home = a_home(tmp_path, new_database(request) or f"sqlite:///{tmp_path / 'fleet.db'}")
    make_database(home)
    return home


@pytest.fixture(name="of_director")
def _of_director(home: Home) -> Iterator[Engine]:
    """The tables, as the director opens them."""
    with used(open_database(home.database_for("director"), "director")) as engine:
        yield engine


@pytest.fixture(name="database")
def _database(home: Home) -> Iterator[Engine]:
    """The tables, as the CA opens them."""
    with used(open_database(home.database_for("ca"), "ca")) as engine:
        yield engine


@pytest.fixture(name="authority")
def _authority() -> Authority:
    """An authority whose key anybody can make again."""
    key = sim_signer("ca")
    return Authority(key, make_authority(key, "test devices", NOW))


@pytest.fixture(name="ca")
def _ca(database: Engine, authority: Authority) -> Desk:
    """A CA at work on the tables."""
    return Desk(database, "127.0.0.1", lambda _: authority, Nonces())
