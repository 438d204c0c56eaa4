"""Databases keep what the parts of a server count on, of whichever kind they are."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import BigInteger, Column, Engine, MetaData, Table, func, insert, select
from sqlalchemy.exc import DBAPIError
from tests.databases import ON_BOTH, ON_POSTGRESQL, new_database

from firmhold.sim.postgresql import Cluster
from firmhold.storage.sql import make_tables, open_database, open_for_reading, used

TABLES = MetaData()
THINGS = Table("things", TABLES, Column("id", BigInteger, primary_key=True))
WRITERS = 8


@pytest.fixture(name="database")
def _database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database with one table."""
    url = new_database(request) or f"sqlite:///{tmp_path / 'things.db'}"
    url = url.replace("{part}", "owner")
    with used(open_database(url)) as engine:
        make_tables(engine, TABLES)
    return url


def count(engine: Engine) -> int:
    """How many things there are."""
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(THINGS)).scalar_one()


def one_more(engine: Engine) -> None:
    """Read how many there are, and add the next: a step that two must not do at once."""
    with engine.begin() as connection:
        found = connection.execute(select(func.count()).select_from(THINGS)).scalar_one()
        connection.execute(insert(THINGS), {"id": found})


def all_at_once(work: Callable[[], None]) -> None:
    """Do the same from many threads."""
    threads = [threading.Thread(target=work) for _ in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@ON_BOTH
def test_what_is_read_and_then_written_is_one_step(database: str) -> None:
    """Many writers count and add at once; nobody counts what another one is adding."""
    with used(open_database(database, "one")) as engine:
        all_at_once(lambda: one_more(engine))
        assert count(engine) == WRITERS


@ON_BOTH
def test_a_reader_writes_nothing(database: str) -> None:
    """Neither by a statement nor in a transaction."""
    with used(open_for_reading(database)) as reader:
        with pytest.raises(DBAPIError, match=r"read.?only"):
            one_more(reader)
        assert count(reader) == 0


@ON_BOTH
def test_a_reader_sees_each_thing_as_soon_as_it_was_written(database: str) -> None:
    """Also on a connection that has read before, and while another writer is not done."""
    query = select(func.count()).select_from(THINGS)
    with (
        used(open_database(database)) as writer,
        used(open_for_reading(database)) as reader,
        reader.connect() as connection,
    ):
        assert connection.execute(query).scalar_one() == 0
        one_more(writer)
        assert connection.execute(query).scalar_one() == 1
        with writer.begin() as other:
            other.execute(insert(THINGS), {"id": 7})
            assert connection.execute(query).scalar_one() == 1


@ON_POSTGRESQL
def test_connections_survive_a_restart_of_the_server(cluster: Cluster, database: str) -> None:
    """What was open is opened anew, and what was set is set anew."""
    with used(open_for_reading(database)) as reader, used(open_database(database)) as writer:
        one_more(writer)
        assert count(reader) == 1
        cluster.stop()
        cluster.start()
        one_more(writer)
        assert count(reader) == 2
        with pytest.raises(DBAPIError, match="read-only"):
            one_more(reader)
