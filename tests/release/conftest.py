"""A vendor in memory, files to release, desks of both kinds, and the command line."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from firmhold.cli import main
from firmhold.release.adapters.folder import FolderDesk, FolderSite
from firmhold.release.ports import Desk, Site
from firmhold.sim.desk import SimDesk, SimSite
from firmhold.sim.vendor import SimVendor

MakeFile = Callable[..., Path]
Run = Callable[..., tuple[int, str, str]]
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


@pytest.fixture
def sim_desk() -> SimDesk:
    """A desk in memory, open for a hostile hand."""
    return SimDesk()


@pytest.fixture
def busy(sim_desk: SimDesk, make_file: MakeFile) -> SimVendor:
    """A vendor at `sim_desk` who released `old.bin`; a draft with `a.bin` waits for signatures."""
    vendor = SimVendor(sim_desk)
    vendor.release("feature", make_file("old.bin"))
    vendor.build("feature", make_file("a.bin"))
    return vendor


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


def make_keys_cheap(patch: pytest.MonkeyPatch) -> None:
    """Let new key files cost no time to open: what they cost is tested where keys are."""
    patch.setattr("firmhold.signing.pkcs8._N", 2)


@pytest.fixture(scope="session")
def made_desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk that `keys init` has made in 2030, to be copied and not to be changed."""
    folder = tmp_path_factory.mktemp("made")
    passphrase = folder / "passphrase"
    passphrase.write_text("a passphrase\n")
    desk = folder / "desk"
    arguments = ["--passphrase-file", str(passphrase), "--at", "2030-01-01T00:00:00Z"]
    with pytest.MonkeyPatch.context() as patch:
        make_keys_cheap(patch)
        assert main(["release", "keys", "init", str(desk), *arguments]) == 0
    return desk


@pytest.fixture
def desk_folder(made_desk: Path, tmp_path: Path) -> Path:
    """A desk of files with a staging domain."""
    return shutil.copytree(made_desk, tmp_path / "desk")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `firmhold release` on 2 January 2030; return exit status, output and errors."""
    make_keys_cheap(monkeypatch)
    monkeypatch.setenv("FIRMHOLD_PASSPHRASE", "a passphrase")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1893542400")
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main(["release", *map(str, arguments)])
        return (status, *capsys.readouterr())

    return run
