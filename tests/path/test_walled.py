"""The walls between the two halves of a device, tried from inside the real processes, as root."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from tests.path.reach import reaching

from firmhold.device.enrol import Body, enrol
from firmhold.device.fetch.config import CONFIG
from firmhold.device.online import FETCH
from firmhold.sim.fleet import SimFleet
from firmhold.sim.fleet_device import FleetDevice
from firmhold.trust.errors import Code, Misuse
from firmhold.update.slots import Slot

NOBODY = "nobody"
ONE = Random(1).randbytes(200_000)
PATIENCE_SECONDS = 60


@pytest.fixture(name="device")
def _device(fleet: SimFleet) -> Iterator[FleetDevice]:
    """A device whose network half is the user nobody; release 1 is meant for it."""
    assert os.geteuid() == 0, "walls between users can be tried by root only"
    fleet.publish(1, ONE)
    with tempfile.TemporaryDirectory(prefix="firmhold-") as name:
        Path(name).chmod(0o755)
        device = FleetDevice(Path(name) / "camera-1", 1 << 18)
        (Path(name) / "invitation").write_bytes(fleet.invite("camera-1").to_bytes())
        slots = [f"--slot-{slot}={device.slot(slot)}" for slot in Slot]
        words = ["--invitation", str(Path(name) / "invitation"), *slots, "--fetch-user", NOBODY]
        done = ran(device, "enrol", *words)
        assert (done.returncode, done.stderr) == (0, "")
        fleet.rollout(1)
        yield device
        device.close()


def command(device: FleetDevice, *words: str) -> list[str]:
    """A command of a device's as its own words."""
    return [sys.executable, "-m", "firmhold", "device", "--state", str(device.state), *words]


def ran(device: FleetDevice, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of a device's, whose network half is somebody else."""
    line = reaching(command(device, *words))
    return subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE_SECONDS)  # noqa: S603, PLW1510


HOSTILE_FETCH = """
import json, os, signal, socket, sys
from pathlib import Path
from firmhold.device.fetch import cli

def outcome(act):
    try:
        act()
    except OSError as error:
        return type(error).__name__
    return "done"

def hostile(*_):
    state = Path(sys.argv[1]).parents[1]
    slots = [state.parent / "slot-a", state.parent / "slot-b"]
    inner = [p for name in ("kept", "boot", "built-in") for p in (state / name,)]
    told = {"uid": os.getuid(), "groups": os.getgroups()}
    told["reads"] = {str(p): outcome(p.read_bytes) for p in [*slots, *map(Path, sys.argv[3:])]}
    told["lists"] = {p.name: outcome(lambda: os.listdir(p)) for p in [state, *inner]}
    told["writes"] = {
        str(p): outcome(lambda: p.open("r+b").close())
        for p in [*slots, *map(Path, sys.argv[3:]), Path(sys.argv[1])]
    }
    told["makes"] = {
        str(p): outcome((p / "more").touch)
        for p in [state, *inner, state / "fetch", Path("/tmp"), state / "fetch" / "spool"]
    }
    told["kills"] = outcome(lambda: os.kill(os.getppid(), 0))
    told["config"] = outcome(Path(sys.argv[1]).read_bytes)
    told["root again"] = outcome(lambda: os.setuid(0))
    print(json.dumps(told))

cli.serve = hostile
cli.main(sys.argv[1:3])
"""


@pytest.mark.slow
def test_a_hostile_process_with_the_network_reaches_its_spool_and_nothing_else(
    device: FleetDevice,
) -> None:
    """Taken over after it has walled itself in, it reads its folder, writes its spool, no more."""
    secret = [
        path for path in device.state.rglob("*") if path.is_file() and "fetch" not in path.parts
    ]
    config, place = device.state / FETCH / CONFIG, device.fetch_socket.parent / "hostile.sock"
    words = [sys.executable, "-c", HOSTILE_FETCH, str(config), str(place), *map(str, secret)]
    done = subprocess.run(  # noqa: S603
        reaching(words), capture_output=True, text=True, check=True, timeout=PATIENCE_SECONDS
    )
    told = json.loads(done.stdout)
    assert told["uid"] == 65_534
    assert told["groups"] == []
    refused = {"PermissionError"}
    assert set(told["reads"].values()) == refused
    assert set(told["lists"].values()) == refused
    assert set(told["writes"].values()) == refused
    spool = str(device.spool)
    assert {place for place, found in told["makes"].items() if found == "done"} == {spool}
    assert (told["kills"], told["root again"]) == ("PermissionError", "PermissionError")
    assert told["config"] == "done"
    assert len(told["reads"]) == 2 + len(secret)
    assert secret


@pytest.mark.slow
def test_a_device_is_updated_whose_halves_are_two_users(device: FleetDevice) -> None:
    """The one that fetches is nobody, the one that installs is root; the release arrives."""
    done = ran(device, "check")
    assert (done.returncode, done.stderr) == (0, "")
    assert "reboot wanted" in done.stdout
    fetched = [path for path in device.spool.rglob("*") if path.is_file()]
    assert fetched
    assert {path.stat().st_uid for path in fetched} == {65_534}
    device.rest()
    assert device.runs(ONE)


@pytest.mark.slow
def test_what_installs_needs_no_network_at_all(device: FleetDevice) -> None:
    """In a namespace that has not even a loopback, it verifies and installs what was fetched."""
    line = ["unshare", "--net", *command(device, "check", "--fetch", str(device.fetch_socket))]
    done = subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE_SECONDS)  # noqa: S603, PLW1510
    assert (done.returncode, done.stderr) == (0, "")
    assert "reboot wanted" in done.stdout
    device.rest()
    assert device.runs(ONE)


HOSTILE_INSTALL = """
import socket, sys
from firmhold.device import commands
from firmhold.device.adapters.walls import no_network
from firmhold.device.cli import main

PORT = int(sys.argv[1])

def hostile(*_):
    for family, kind in (
        (socket.AF_INET, socket.SOCK_STREAM),
        (socket.AF_INET, socket.SOCK_DGRAM),
        (socket.AF_INET, socket.SOCK_RAW),
        (socket.AF_INET6, socket.SOCK_STREAM),
        (socket.AF_PACKET, socket.SOCK_RAW),
    ):
        try:
            with socket.socket(family, kind, 1 if kind is socket.SOCK_RAW else 0) as made:
                if family is not socket.AF_PACKET:
                    made.connect(("::1" if family is socket.AF_INET6 else "192.0.2.1", PORT))
                    made.send(b"out")
            print("done")
        except OSError as error:
            print(type(error).__name__)
    raise SystemExit(0)

commands.Online.check = hostile
main(sys.argv[3:], no_network if sys.argv[2] == "walled" else lambda: None)
"""
NAMESPACE = """
ip link set lo up
ip address add 192.0.2.1/24 dev lo
exec "$@"
"""
LISTENING = """
import socket, subprocess, sys
with socket.create_server(("::", 7), family=socket.AF_INET6, dualstack_ipv6=True):
    sys.exit(subprocess.run(sys.argv[1:]).returncode)
"""


def hostile_install(device: FleetDevice, wall: str) -> list[str]:
    """What a taken-over process that installs can open and send, where somebody listens."""
    last = command(device, "check", "--fetch", str(device.fetch_socket))[4:]
    hostile = [sys.executable, "-c", HOSTILE_INSTALL, "7", wall, *last]
    words = ["unshare", "--net", "sh", "-ec", NAMESPACE, "sh", sys.executable, "-c", LISTENING]
    done = subprocess.run(  # noqa: S603
        [*words, *hostile], capture_output=True, text=True, check=True, timeout=PATIENCE_SECONDS
    )
    return done.stdout.split()


@pytest.mark.slow
def test_a_hostile_process_that_installs_reaches_nobody(device: FleetDevice) -> None:
    """As root, in a namespace with an open port: refused each way; without the wall, it would."""
    assert hostile_install(device, "walled") == ["PermissionError"] * 5
    assert hostile_install(device, "open") == ["done"] * 5


def test_a_user_that_is_not_there_is_told(fleet: SimFleet, tmp_path: Path) -> None:
    """Before anything is made."""
    device = fleet.new_device("camera-1")
    body = Body({slot: device.slot(slot) for slot in Slot}, (), "no-such-user")
    with pytest.raises(Misuse, match="no user no-such-user") as caught:
        enrol(tmp_path / "state", fleet.invite("camera-1"), body)
    assert caught.value.code is Code.MISUSE
    assert not (tmp_path / "state").exists()
