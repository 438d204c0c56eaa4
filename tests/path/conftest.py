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


@pytest.fixture(name="trap")
def _trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Somebody has laid modules of his own into the folder in which commands are run."""
    folder = tmp_path / "trap"
    folder.mkdir()
    for name in ("json", "ssl", "socket", "firmhold"):
        sprung = f"open({str(folder / 'sprung')!r}, 'w').close()\nraise SystemExit(9)\n"
        (folder / f"{name}.py").write_text(sprung)
    monkeypatch.chdir(folder)
    return folder / "sprung"


@pytest.fixture(name="database")
def _database(request: pytest.FixtureRequest) -> str:
    """Where the server keeps what it knows: both kinds, where a test asks for them by name."""
    return new_database(request)
