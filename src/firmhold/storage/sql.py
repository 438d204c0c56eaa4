"""The SQL engine: SQLite in one file. Other databases take the same statements, and are untried."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, MetaData, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

BUSY_MILLISECONDS = 10_000
"""How long a writer of SQLite waits for another one."""

_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # what was answered was written, whatever the power does
    "PRAGMA foreign_keys = ON",
    f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}",
)


def open_database(url: str) -> Engine:
    """Return an engine on the database at an SQLAlchemy URL, as `sqlite:////srv/fleet.db`."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin_at_once)
    return engine


def open_for_reading(url: str) -> Engine:
    """Return an engine that reads: no writer makes it wait, and it can write nothing."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_reader)
    return engine


@contextmanager
def used(engine: Engine) -> Iterator[Engine]:
    """Have an engine while the block lasts; its connections are closed at the end."""
    try:
        yield engine
    finally:
        engine.dispose()


def make_tables(engine: Engine, tables: MetaData) -> None:
    """Make the tables that are not there yet."""
    tables.create_all(engine)


def _prepare(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # we say BEGIN, not the driver
    _execute(connection, _PRAGMAS)


def _prepare_reader(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # each statement sees what was written last
    _execute(connection, (*_PRAGMAS, "PRAGMA query_only = ON"))


def _execute(connection: DBAPIConnection, statements: tuple[str, ...]) -> None:
    cursor = connection.cursor()
    for statement in statements:
        cursor.execute(statement)
    cursor.close()


def _begin_at_once(connection: Connection) -> None:
    # A reader that becomes a writer would be refused at once where another one writes.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
