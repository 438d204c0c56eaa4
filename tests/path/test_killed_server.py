"""A server's processes are killed while a device enrols, asks, fetches and reports."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import pytest
from tests.path.servers import answers, new_server, until

from firmhold.fleet.ask import Part
from firmhold.fleet.cli import main
from firmhold.fleet.home import PARTS, Home
from firmhold.protocol.invitation import parse_invitation
from firmhold.release.cli import main as release
from firmhold.signing.passphrases import VARIABLE
from firmhold.sim.fleet import TEXT
from firmhold.sim.fleet_device import FleetDevice
from firmhold.sim.proxy import Between
from firmhold.trust.errors import FirmholdError

ONE = Random(1).randbytes(300_000)
SLOT_BYTES = 1 << 19
STEPS = 6
"""Moments of an enrolment, and as many of the cycles after it, at which a part is killed."""
TRIES = 20
NEVER = 1 << 40

pytestmark = pytest.mark.slow


@dataclass
class Processes:
    """The parts of a server, each a process of its own; killed, a part is there again at once."""

    home: Home
    parts: dict[str, subprocess.Popen[bytes]]
    killed: int = 0

    def start(self, part: str) -> None:
        """Start a part."""
        words = [sys.executable, "-m", "firmhold", "fleet", "run", str(self.home.folder), part]
        self.parts[part] = subprocess.Popen(words, stdin=subprocess.DEVNULL)  # noqa: S603 - own words

    def kill(self, part: str) -> None:
        """End a part as a power cut does, and start it again."""
        self.parts[part].kill()
        self.parts[part].wait()
        self.killed += 1
        self.start(part)


@contextmanager
def served(folder: Path) -> Iterator[Processes]:
    """A server with a release, and a rollout of it to everybody."""
    home = new_server(folder, "--wait", "1")
    publish(folder)
    processes = Processes(home, {})
    try:
        for part in reversed(PARTS):
            processes.start(part)
        until(lambda: answers(home))
        key = f"file:{folder}/desk/keys/operator-1.pem"
        words = ["--release", "feature/camera/1.json", "--name", "r1", "--key", key]
        assert main(["rollout", str(home.folder), *words, "--waves", "100", "--soak", "0"]) == 0
        yield processes
    finally:
        for process in processes.parts.values():
            process.kill()
            process.wait()


def publish(folder: Path) -> None:
    """Build a release at the desk, have it signed, and publish it."""
    desk = str(folder / "desk")
    (folder / "1.img").write_bytes(ONE)
    said = {"number": 1, "more": "", "authority": "feature", "component": ""}
    (folder / "1.toml").write_text(TEXT.format(**said))
    for role, words in [
        ("security", ["counter", desk, "--product", "camera", "--to", "0"]),
        ("feature", ["build", desk, "--release", str(folder / "1.toml")]),
    ]:
        assert release(words) == 0
        for number in (1, 2):
            key = f"file:{desk}/keys/{role}-{number}.pem"
            assert release(["sign", desk, "--role", role, "--key", key]) == 0
        assert release(["publish", desk, "--to", str(folder / "site")]) == 0


def lived(
    processes: Processes, name: str, part: str, enrolling: int, asking: int
) -> tuple[int, int]:
    """Have a device enrol and update itself; a part is killed when so many bytes have come to it.

    Returns how many bytes came in each of the two.
    """
    home = processes.home
    with (
        Between(home.enrolment_port) as new,
        Between(home.device_port) as known,
        closing(FleetDevice(home.folder.parent / name, SLOT_BYTES)) as device,
    ):
        invited = parse_invitation(invitation(home, name))
        invited = replace(invited, enrolment_port=new.port, device_port=known.port)
        new.moments[enrolling] = known.moments[asking] = lambda: processes.kill(part)
        tried(home, lambda: device.enrol(invited))
        tried(home, device.live)
        device.rest()
        until(lambda: answers(home))
        assert device.runs(ONE)
        tried(home, lambda: reported(home, device, name))
        return new.passed, known.passed


def invitation(home: Home, name: str) -> bytes:
    """Invite a device, as an operator does."""
    out = home.folder.parent / f"{name}.json"
    about = ["--product", "camera", "--component", "main", "--model", "camera-1"]
    words = ["enrol", str(home.folder), name, *about, "--revision", "1", "--out", str(out)]
    assert main(words) == 0
    return out.read_bytes()


def reported(home: Home, device: FleetDevice, name: str) -> None:
    """Have a device ask until the server knows what it runs. Raises `FirmholdError`."""

    def known() -> bool:
        device.check()
        with Part(home, "director") as director:
            return director.read(f"/devices/{name}")["release_counter"] == 1

    until(known)


def tried(home: Home, act: Callable[[], object]) -> None:
    """Do something; if the server is killed meanwhile, do it again when it is back."""
    for _ in range(TRIES):
        with suppress(FirmholdError):
            act()
            return
        until(lambda: answers(home))
    raise AssertionError(act)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_killed_at_any_step_costs_a_device_another_try(
    part: str,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    figure: Callable[[str], None],
) -> None:
    """SIGKILL while a device enrols, and while it asks, fetches and reports: it gets there."""
    monkeypatch.setenv(VARIABLE, "a passphrase for a test")
    with served(tmp_path_factory.mktemp("k")) as processes:
        whole = lived(processes, "camera-0", part, NEVER, NEVER)
        for step in range(STEPS):
            moments = [1 + each * step // STEPS for each in whole]
            lived(processes, f"camera-{step + 1}", part, *moments)
        assert processes.killed == 2 * STEPS
    figure(f"{part} killed at {2 * STEPS} moments of devices' lives, each came through")
