"""In a database that knows roles, each part can do what it is for, and not one thing more."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from firmhold.fleet.database import has_roles, make_database
from firmhold.fleet.home import PARTS, Home
from firmhold.fleet.tables import TABLES
from firmhold.sim.postgresql import Cluster
from firmhold.storage.sql import used
from firmhold.trust.errors import Code, Misuse

TABLE_NAMES = sorted(TABLES.tables)
STATEMENTS = {
    "SELECT": "SELECT * FROM {table}",
    "INSERT": "INSERT INTO {table} DEFAULT VALUES",
    "UPDATE": "UPDATE {table} SET {column} = {column}",
    "DELETE": "DELETE FROM {table}",
    "TRUNCATE": "TRUNCATE {table}",
    "ALTER": "ALTER TABLE {table} ADD COLUMN more int",
    "DROP": "DROP TABLE {table}",
}
OWN = {"ca": "SELECT INSERT UPDATE", "director": "SELECT INSERT UPDATE", "gateway": "INSERT"}
OTHERS = {
    ("director", "ca_devices"),
    ("director", "gateway_reports"),
    ("director", "gateway_check_ins"),
    ("director", "gateway_superseded"),
    ("gateway", "ca_certificates"),
    ("gateway", "director_words"),
    ("gateway", "director_words_before"),
}
"""Who may read whose tables."""


def a_home(folder: Path, database: str) -> Home:
    """A server's folder, of which only the database matters."""
    return Home(folder, "127.0.0.1", 1, 2, folder / "site", database, 1)


@pytest.fixture(name="home", scope="module")
def _home(cluster: Cluster) -> Home:
    """A server whose tables are made, on a database that knows roles."""
    home = a_home(Path("/nowhere"), cluster.database("roles"))
    make_database(home)
    return home


@pytest.fixture(name="engines", scope="module")
def _engines(home: Home) -> Iterator[dict[str, Engine]]:
    """The database as each part comes to it."""
    with ExitStack() as stack:
        yield {
            part: stack.enter_context(used(create_engine(home.database_for(part))))
            for part in PARTS
        }


def permitted(engine: Engine, statement: str) -> bool:
    """Whether a role may say something; whether it makes sense is not asked."""
    with engine.connect() as connection:
        try:
            connection.execute(text(statement))
        except ProgrammingError as error:
            return re.search("permission denied|must be owner", str(error)) is None
        except IntegrityError:
            return True  # a row of nothing got as far as to what it lacks
    return True


def expected(part: str, table: str) -> set[str]:
    """What a part may do with a table."""
    own = set(OWN[part].split()) if table.startswith(f"{part}_") else set()
    if (part, table) == ("director", "director_words_before"):
        return {"SELECT", "INSERT", "DELETE"}
    if (part, table) == ("director", "director_taken"):
        return {"SELECT", "INSERT"}
    if (part, table) == ("director", "director_refused"):
        return own | {"DELETE"}
    return own | ({"SELECT"} if (part, table) in OTHERS else set())


@pytest.mark.parametrize("table", TABLE_NAMES)
@pytest.mark.parametrize("part", PARTS)
def test_a_part_may_do_what_it_is_for_and_nothing_else(
    engines: dict[str, Engine], part: str, table: str
) -> None:
    """Each statement on each table is tried as each part, on a real server."""
    column = next(iter(TABLES.tables[table].columns)).name
    can = {
        kind
        for kind, statement in STATEMENTS.items()
        if permitted(engines[part], statement.format(table=table, column=column))
    }
    assert can == expected(part, table)


@pytest.mark.parametrize("part", PARTS)
def test_no_part_makes_tables(engines: dict[str, Engine], part: str) -> None:
    """Tables are the owner's, whom no part can be."""
    assert not permitted(engines[part], "CREATE TABLE more (id int)")
    assert not permitted(engines[part], 'SET ROLE "firmhold-owner"')


def test_setting_the_database_up_again_takes_away_what_was_given_since(
    home: Home, engines: dict[str, Engine]
) -> None:
    """Rights are what the list says, whatever somebody granted by hand."""
    with used(create_engine(home.database_for("owner"))) as owner, owner.begin() as connection:
        connection.execute(text('GRANT ALL ON ca_devices TO "firmhold-gateway"'))
    assert permitted(engines["gateway"], "DELETE FROM ca_devices")
    make_database(home)
    assert not permitted(engines["gateway"], "DELETE FROM ca_devices")


def test_the_roles_that_are_not_there_are_named(cluster: Cluster) -> None:
    """An operator is told which roles to make; until then nothing was made."""
    cluster.add_role("lone-owner")
    home = a_home(Path("/nowhere"), cluster.database("lone", "lone-{part}"))
    with pytest.raises(Misuse, match="no such roles: lone-ca, lone-director, lone-gateway"):
        make_database(home)
    for part in PARTS:
        cluster.add_role(f"lone-{part}")
    make_database(home)


def test_without_the_placeholder_all_parts_are_one_role(cluster: Cluster) -> None:
    """Such a server works, and has no walls in its database."""
    home = a_home(Path("/nowhere"), cluster.database("one").replace("{part}", "owner"))
    make_database(home)
    assert not has_roles(home)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql://a:secret@/b", "a password in the URL"),
        ("mysql://a@/b", "neither sqlite nor postgresql"),
        ("fleet", "no URL of a database"),
        ("postgresql://a@/b?host=/nowhere", "No such file"),
        ("sqlite:////nowhere/at/all.db", "unable to open"),
    ],
)
def test_a_url_that_leads_nowhere_is_refused_with_its_reason(url: str, reason: str) -> None:
    """And what should not have been in it is not said again."""
    with pytest.raises(Misuse, match=reason) as caught:
        make_database(a_home(Path("/nowhere"), url))
    assert caught.value.code is Code.FLEET_DATABASE
    assert "secret" not in str(caught.value)
