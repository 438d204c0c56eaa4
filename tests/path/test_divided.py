"""A server whose parts are users of their own, on a database where each is a role of its own."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from tests.path.reach import reaching
from tests.path.servers import answers, new_server, process_of, until

from firmhold.device.check import Ended
from firmhold.fleet.cli import main
from firmhold.fleet.divide import HELD, Users, divide
from firmhold.fleet.home import PARTS, SOCKETS, Home
from firmhold.protocol.invitation import parse_invitation
from firmhold.sim.fleet_device import FleetDevice
from firmhold.sim.postgresql import Cluster
from firmhold.trust.errors import Code, Misuse

PASSPHRASE = "open"  # noqa: S105 - of keys that are made for this test
USERS = Users({"ca": 61_001, "director": 61_002, "gateway": 61_003}, 61_010, 61_011)
MAY_ENTER = {
    "ca": {"ca", "ca-admin", "director"},
    "director": {"ca", "director", "director-admin"},
    "gateway": {"ca", "director"},
}
"""Which sockets a part may ask: its own, and those that the gateway asks."""

pytestmark = pytest.mark.xdist_group("divided")


@dataclass(frozen=True)
class Server:
    """A server that runs, divided."""

    home: Home
    folder: Path
    passfiles: dict[str, Path]


@pytest.fixture(name="server", scope="module")
def _server(cluster: Cluster) -> Iterator[Server]:
    """Set up by commands, divided, served by root, whom each part leaves at once."""
    assert os.geteuid() == 0, "walls between users can be tried by root only"
    folder = Path(tempfile.mkdtemp(prefix="firmhold-"))
    folder.chmod(0o755)
    passfiles = {part: folder / f"{part}.pgpass" for part in PARTS}
    for part, path in passfiles.items():
        shutil.copy(cluster.passfile(f"firmhold-{part}"), path)
        os.chown(path, USERS.parts[part], 0)
    shutil.copy(cluster.passfile("firmhold-owner"), folder / "owner.pgpass")
    url = cluster.database("divided").replace(
        str(cluster.passfile("firmhold-{part}")), str(folder / "{part}.pgpass")
    )
    os.environ["FIRMHOLD_PASSPHRASE"] = PASSPHRASE
    home = new_server(folder, "--database", url)
    divide(home, USERS)
    line = [sys.executable, "-m", "firmhold", "fleet", "serve", str(home.folder)]
    serving = subprocess.Popen(reaching(line), stdout=subprocess.DEVNULL)  # noqa: S603 - own words
    try:
        until(lambda: answers(home))
        yield Server(home, folder, passfiles)
    finally:
        serving.send_signal(signal.SIGTERM)
        serving.wait(30)
        shutil.rmtree(folder)
        del os.environ["FIRMHOLD_PASSPHRASE"]


def as_part(part: str, act: Callable[[], object]) -> bool:
    """Whether a process of a part's user can do something that needs a permission."""
    child = os.fork()
    if child == 0:
        os.setgroups([USERS.group])
        os.setresgid(USERS.group, USERS.group, USERS.group)
        os.setresuid(*[USERS.parts[part]] * 3)
        try:
            act()
        except PermissionError:
            os._exit(1)
        except BaseException:  # noqa: BLE001 - a child ends here, whatever happens
            os._exit(2)
        os._exit(0)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert ended in {0, 1}
    return ended == 0


def connect(path: Path) -> None:
    """Knock at a socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.connect(str(path))


@pytest.mark.slow
def test_each_part_runs_as_its_own_user(server: Server) -> None:
    """And has no group but the one of all parts."""
    for part, user in USERS.parts.items():
        status = Path(f"/proc/{process_of(server.home, part)}/status").read_text()
        assert f"Uid:\t{user}\t{user}\t{user}\t{user}\n" in status
        assert f"Groups:\t{USERS.group} \n" in status
        assert "CapEff:\t0000000000000000\n" in status


@pytest.mark.slow
def test_a_device_lives_on_a_divided_server(server: Server) -> None:
    """It enrols, checks in and reports: through every wall that there is."""
    about = ["--product", "camera", "--component", "main", "--model", "camera-1"]
    out = server.folder / "invitation"
    words = ["enrol", str(server.home.folder), "camera-1", *about, "--revision", "1"]
    assert main([*words, "--out", str(out)]) == 0
    device = FleetDevice(server.folder / "camera-1", 1 << 18)
    try:
        device.enrol(parse_invitation(out.read_bytes()))
        assert device.check()[0] is Ended.UNCHANGED
    finally:
        device.close()
    assert main(["show", str(server.home.folder), "camera-1"]) == 0
    assert main(["state", str(server.home.folder), "camera-1", "revoked"]) == 0


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
def test_a_part_reads_its_own_keys_and_no_others(server: Server, part: str) -> None:
    """Neither the keys nor the passwords of the other parts."""
    for other in PARTS:
        for name in HELD[other]:
            key = server.home.key(name)
            assert as_part(part, key.read_bytes) is (other == part)
            assert not as_part(part, partial(key.write_bytes, b""))
        assert as_part(part, server.passfiles[other].read_bytes) is (other == part)


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
def test_a_part_asks_those_whom_the_gateway_asks(server: Server, part: str) -> None:
    """Nobody but operators, and the part itself, comes to an operators' socket."""
    reached = {
        name for name in SOCKETS if as_part(part, partial(connect, server.home.socket(name)))
    }
    assert reached == MAY_ENTER[part]


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
def test_a_part_writes_nothing_of_the_servers(server: Server, part: str) -> None:
    """Nor can it put another socket, certificate or root in the place of one that is there."""
    home = server.home
    own = {home.socket(name).parent for name in SOCKETS if name.partition("-")[0] == part}
    own |= {home.server_certificates} if part == "gateway" else set()
    places = [path for path in home.folder.rglob("*") if path.is_dir()] + [home.folder]
    for place in places:
        made = place / "more"
        assert as_part(part, made.touch) is (place in own)
        made.unlink(missing_ok=True)
    for file in (
        home.authority,
        home.root("image"),
        home.root("director"),
    ):
        assert not as_part(part, partial(file.write_bytes, b""))


def test_a_server_on_one_file_is_not_divided(tmp_path: Path) -> None:
    """SQLite, and one role for all: refused before anything is given to anybody."""
    for url in ("sqlite:////x/fleet.db", "postgresql://firmhold@/fleet"):
        home = Home(tmp_path / "h", "127.0.0.1", 1, 2, tmp_path, url, 1)
        with pytest.raises(Misuse) as caught:
            divide(home, USERS)
        assert caught.value.code is Code.FLEET_DATABASE


def test_users_that_are_not_there_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says which user to make, and how."""
    monkeypatch.setenv("FIRMHOLD_PASSPHRASE", PASSPHRASE)
    home = new_server(tmp_path)
    capsys.readouterr()
    assert main(["divide", str(home.folder)]) == 1
    told = capsys.readouterr().err
    assert "firmhold-ca" in told
    assert "systemd-sysusers" in told
