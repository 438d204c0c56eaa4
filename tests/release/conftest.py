"""A vendor in memory, files to release, and desks of both kinds."""

from collections.abc import Callable
from pathlib import Path

import pytest

from firmhold.release.adapters.folder import FolderDesk, FolderSite
from firmhold.release.ports import Desk, Site
from firmhold.sim.desk import SimDesk, SimSite
from firmhold.sim.vendor import SimVendor

MakeFile = Callable[..., Path]
KINDS = ("folder", "memory")


@pytest.fixture
def make_file(tmp_path: Path) -> MakeFile:
    """Make a file with a name and content, each in a folder of its own choice."""

    def make(name: str = "a.bin", data: bytes = b"firmware", folder: str = "incoming") -> Path:
        path = tmp_path / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    return make


@pytest.fixture
def vendor() -> SimVendor:
    """A vendor with a staging domain in memory, nothing released yet."""
    return SimVendor()


@pytest.fixture(params=KINDS)
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Desk:
    """An empty desk of each kind."""
    made: Desk = SimDesk() if request.param == "memory" else FolderDesk(tmp_path / "desk")
    made.make()
    return made


@pytest.fixture(params=KINDS)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    """An empty site of each kind."""
    return SimSite() if request.param == "memory" else FolderSite(tmp_path / "site")


@pytest.fixture(params=KINDS)
def any_vendor(request: pytest.FixtureRequest, tmp_path: Path) -> SimVendor:
    """A vendor whose desk and site are in memory, and one with folders."""
    if request.param == "memory":
        return SimVendor()
    return SimVendor(FolderDesk(tmp_path / "desk"), FolderSite(tmp_path / "site"))
