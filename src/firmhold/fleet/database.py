"""The tables of a server, made once by their owner; each part then comes as a role of its own.

A URL with `{part}` in it names a role for each part, as
`postgresql://firmhold-{part}@/firmhold?passfile=/etc/firmhold/{part}.pgpass`: `owner` makes the
tables, `ca`, `director` and `gateway` get what `roles` says. Without it, all parts are one role.
"""

from collections.abc import Mapping

from sqlalchemy.exc import DBAPIError

from firmhold.fleet import roles
from firmhold.fleet.home import PARTS, Home
from firmhold.fleet.tables import TABLES
from firmhold.storage.sql import database_url, make_tables, misuse, open_database, used

Roles = Mapping[str, str]


def role_of(home: Home, part: str) -> str:
    """Return the database role of a part; empty, where the database knows none or none is named."""
    return database_url(home.database_for(part)).username or ""


def has_roles(home: Home) -> bool:
    """Tell whether each part has a role of its own."""
    names = [role_of(home, part) for part in (roles.OWNER, *PARTS)]
    return len(set(names)) == len(names)


def make_database(home: Home) -> None:
    """Make the tables, and give each role what is its part's. Raises `Misuse`."""
    try:
        with used(open_database(home.database_for(roles.OWNER))) as engine:
            named = {part: role_of(home, part) for part in PARTS} if has_roles(home) else {}
            unknown = roles.missing(engine, named) if named else []
            if unknown:
                raise misuse(home.database, f"no such roles: {', '.join(unknown)}")
            make_tables(engine, TABLES)
            if named:
                roles.grant(engine, named)
    except DBAPIError as error:
        raise misuse(home.database, " ".join(str(error.orig).split())) from error
