"""What each part may do in the database, where the database knows roles; all else it may not.

The gateway, to which devices talk, adds to its inbox and looks up certificates and the Director's
words. It cannot change or delete a row of anybody's, not even of its own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Engine, Table, text

from firmhold.fleet import tables

OWNER = "owner"
"""Makes the tables, and is used for nothing else."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What one part may do with one table."""

    part: str
    privileges: str
    table: Table


_INBOXES = (tables.REPORTS, tables.CHECK_INS, tables.SUPERSEDED)

GRANTS = (
    *(
        Grant("ca", "SELECT, INSERT, UPDATE", table)
        for table in (tables.TOKENS, tables.ENROLLED, tables.CERTIFICATES)
    ),
    *(
        Grant("director", "SELECT, INSERT, UPDATE", table)
        for table in (
            tables.DEVICES,
            tables.WORDS,
            tables.ACTS,
            tables.ROLLOUTS,
            tables.OUTCOMES,
            tables.READ_UP_TO,
        )
    ),
    Grant("director", "SELECT, INSERT, DELETE", tables.WORDS_BEFORE),
    Grant("director", "SELECT, INSERT, UPDATE, DELETE", tables.REFUSED),
    Grant("director", "SELECT, INSERT", tables.TAKEN),
    *(
        Grant("director", "SELECT", table)
        for table in (tables.ENROLLED, tables.REPORTS, tables.CHECK_INS, tables.SUPERSEDED)
    ),
    *(Grant("gateway", "INSERT", table) for table in _INBOXES),
    *(
        Grant("gateway", "SELECT", table)
        for table in (tables.CERTIFICATES, tables.WORDS, tables.WORDS_BEFORE)
    ),
)


def missing(engine: Engine, roles: Mapping[str, str]) -> list[str]:
    """Return the roles that the database does not know."""
    query = text("SELECT rolname FROM pg_roles")
    with engine.connect() as connection:
        there = set(connection.execute(query).scalars())
    return [role for role in roles.values() if role not in there]


def grant(engine: Engine, roles: Mapping[str, str]) -> None:
    """Give the role of each part what it may do, and take all else from it."""
    with engine.begin() as connection:
        for statement in _statements(engine, roles):
            connection.exec_driver_sql(statement)


def _statements(engine: Engine, roles: Mapping[str, str]) -> Iterator[str]:
    quote = engine.dialect.identifier_preparer.quote
    for role in roles.values():
        for table in tables.TABLES.sorted_tables:
            yield f"REVOKE ALL ON {table.name} FROM {quote(role)}"
    for each in GRANTS:
        yield f"GRANT {each.privileges} ON {each.table.name} TO {quote(roles[each.part])}"
