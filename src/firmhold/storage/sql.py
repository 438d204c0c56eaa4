"""The SQL engine: SQLite in one file, or PostgreSQL; the same statements and the same promises.

Whoever writes does so alone: on SQLite nobody else writes to the file meanwhile, on PostgreSQL
nobody else who writes for the same part of a server. So what is read first and written then is one
step, and rows that are numbered can be seen in the order of their numbers.
"""

import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, Connection, Engine, MetaData, create_engine, event, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry

from firmhold.trust.errors import Code, Misuse
from firmhold.trust.outer_faults import FleetFault

BUSY_MILLISECONDS = 10_000
"""How long a writer waits for another one."""

_SQLITE = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # what was answered was written, whatever the power does
    "PRAGMA foreign_keys = ON",
    f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}",
)
_POSTGRESQL = (
    f"SET lock_timeout = {BUSY_MILLISECONDS}",
    f"SET idle_in_transaction_session_timeout = {6 * BUSY_MILLISECONDS}",  # of a writer that hangs
)
_ONLY_READS = {
    "sqlite": "PRAGMA query_only = ON",
    "postgresql": "SET default_transaction_read_only = on",
}
_PATIENCE = {"connect_timeout": 5}
_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}


def database_url(text: str) -> URL:
    """Return the SQLAlchemy URL of a database that we know. Raises `Misuse`."""
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise misuse(text, "no URL of a database") from error
    if url.password is not None:
        raise misuse(text, "a password in the URL: name a passfile instead")
    driver = _DRIVERS.get(url.get_backend_name())
    if driver is None:
        raise misuse(text, "neither sqlite nor postgresql")
    return url.set(drivername=driver)


def open_database(text: str, part: str = "") -> Engine:
    """Return an engine on the database at a URL, as `sqlite:////srv/fleet.db`.

    On PostgreSQL those who write for the same `part` take turns. Raises `Misuse`.
    """
    url = database_url(text)
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url)
        _begin_sqlite(engine, _SQLITE)
        event.listen(engine, "begin", _begin_at_once)
    else:
        engine = _postgresql(url, _POSTGRESQL)
        _take_turns(engine, part)
    return engine


def open_for_reading(text: str) -> Engine:
    """Return an engine that reads: no writer makes it wait, and it can write nothing."""
    url = database_url(text)
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url)
        _begin_sqlite(engine, (*_SQLITE, _ONLY_READS["sqlite"]))
        return engine
    engine = _postgresql(url, (*_POSTGRESQL, _ONLY_READS["postgresql"]))
    return engine.execution_options(isolation_level="AUTOCOMMIT")


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


def misuse(url: str, detail: str) -> Misuse:
    """Return what is said of a database that cannot be used; a password is not said again."""
    shown = re.sub(r":[^:/@]*@", ":***@", url)
    return Misuse(FleetFault(code=Code.FLEET_DATABASE, what=shown, detail=detail))


def _begin_sqlite(engine: Engine, statements: tuple[str, ...]) -> None:
    def begun(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # we say BEGIN, not the driver
        _execute(connection, statements)

    event.listen(engine, "connect", begun)


def _postgresql(url: URL, statements: tuple[str, ...]) -> Engine:
    """Return an engine that tries each connection before use: the server may have restarted."""

    def begun(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        connection.autocommit = True  # what is set holds for the connection, not for a transaction
        _execute(connection, statements)
        connection.autocommit = False

    engine = create_engine(url, pool_pre_ping=True, connect_args=_PATIENCE)
    event.listen(engine, "connect", begun)
    return engine


def _execute(connection: DBAPIConnection, statements: tuple[str, ...]) -> None:
    cursor = connection.cursor()
    for statement in statements:
        cursor.execute(statement)
    cursor.close()


def _begin_at_once(connection: Connection) -> None:
    # A reader that becomes a writer would be refused at once where another one writes.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _take_turns(engine: Engine, part: str) -> None:
    """Have each transaction wait for the one before it; what it reads then, that one has left."""
    turn = select(func.pg_advisory_xact_lock(zlib.crc32(f"firmhold {part}".encode())))

    def begun(connection: Connection) -> None:
        connection.execute(turn)

    event.listen(engine, "begin", begun)
