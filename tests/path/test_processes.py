"""The real processes, as their users run them: agent, check, enrol, fetch, behind their walls."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

import pytest

from firmhold.device.agent import Agent
from firmhold.device.cli import main
from firmhold.device.events import Event
from firmhold.device.fetch.config import CONFIG
from firmhold.device.fetching import fetching
from firmhold.device.notify import notify
from firmhold.device.online import FETCH
from firmhold.sim.fleet import SimFleet
from firmhold.sim.fleet_device import FleetDevice
from firmhold.trust.errors import Code, Damaged
from firmhold.update.slots import Slot

ONE = Random(1).randbytes(200_000)
BIG = Random(2).randbytes(3_000_000)
PATIENCE_SECONDS = 60.0
Output = pytest.CaptureFixture[str]


def ran(device: FleetDevice, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of a device's as a process of its own."""
    line = [sys.executable, "-m", "firmhold", "device", "--state", str(device.state), *words]
    return subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE_SECONDS)  # noqa: S603, PLW1510


def begun(device: FleetDevice, *words: str) -> "subprocess.Popen[bytes]":
    """Begin a command of a device's, and do not wait for it."""
    line = [sys.executable, "-m", "firmhold", "device", "--state", str(device.state), *words]
    return subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603


def invited(fleet: SimFleet, name: str, folder: Path) -> Sequence[str]:
    """The words by which a device enrols."""
    (folder / "invitation").write_bytes(fleet.invite(name).to_bytes())
    slots = [f"--slot-{slot}={folder / f'slot-{slot}'}" for slot in Slot]
    return ["enrol", "--invitation", str(folder / "invitation"), *slots]


@contextmanager
def signals_kept() -> Iterator[None]:
    """Have the handlers of signals as they were, afterwards."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


@pytest.mark.slow
def test_a_device_enrols_checks_in_and_tells_its_owner(fleet: SimFleet) -> None:
    """Enrol, check, boot, confirm, verify, status: each is a process, and says what it did."""
    fleet.publish(1, ONE)
    device = fleet.new_device("camera-1")
    done = ran(device, *invited(fleet, "camera-1", device.folder))
    assert (done.returncode, done.stderr) == (0, "")
    assert "camera-1 is enrolled" in done.stdout
    again = ran(device, *invited(fleet, "camera-2", device.folder))
    assert again.returncode == 1
    assert Code.DEVICE_THERE in again.stderr
    fleet.rollout(1)
    done = ran(device, "check")
    assert (done.returncode, done.stdout) == (0, "check installing\nphase trial\nreboot wanted\n")
    assert ran(device, "boot").stdout == "slot b\n"
    assert ran(device, "confirm").stdout == "phase idle\n"
    assert device.runs(ONE)
    assert "as it was signed" in ran(device, "verify").stdout
    told = json.loads(ran(device, "status", "--json").stdout)
    assert told["running"] == "slot b"
    assert told["certificate"].startswith("full until ")
    device.slot(Slot.B).write_bytes(bytes(1 << 18))
    spoilt = ran(device, "verify")
    assert spoilt.returncode == 1
    assert Code.DEVICE_SLOT in spoilt.stderr


@pytest.mark.slow
def test_an_agent_installs_and_ends_for_the_reboot(
    fleet: SimFleet, capfd: Output, trap: Path
) -> None:
    """It judges what runs, checks in, has the release installed, and ends where nobody reboots.

    None of its processes loads what lies in the folder where it was started.
    """
    fleet.publish(1, ONE)
    device = fleet.device("camera-1")
    fleet.rollout(1)
    with signals_kept():
        assert Agent(device.state, None, ()).run() == 0
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines() if line[:1] == "{"]
    events = [line["event"] for line in lines if "part" not in line]
    assert events == [
        Event.STARTED,
        Event.JUDGED,
        Event.FETCH_STARTED,
        Event.CHECKED,
        Event.REBOOTING,
        Event.ENDED,
    ]
    device.rest()
    assert device.runs(ONE)
    assert not trap.exists()


@pytest.mark.slow
def test_an_agent_tries_again_and_ends_when_told_to(fleet: SimFleet, tmp_path: Path) -> None:
    """With the server away it waits and asks again; a signal ends it and what it started."""
    device = fleet.device("camera-1")
    fleet.stop("gateway")
    log = tmp_path / "log"
    with log.open("wb") as file:
        line = [sys.executable, "-m", "firmhold", "device", "--state", str(device.state), "agent"]
        agent = subprocess.Popen(line, stderr=file)  # noqa: S603
        fleet.until(lambda: log.read_text().count(Event.CHECK_FAILED) >= 1)
        fleet.start("gateway")
        fleet.until(lambda: Event.CHECKED in log.read_text())
        agent.send_signal(signal.SIGTERM)
        assert agent.wait(PATIENCE_SECONDS) == 0
    assert json.loads(log.read_text().splitlines()[-1])["event"] == Event.ENDED
    left = subprocess.run(["pgrep", "-f", str(device.state)], capture_output=True, check=False)  # noqa: S603, S607
    assert left.stdout == b""


@pytest.mark.slow
def test_a_process_killed_at_random_moments_is_taken_up(
    fleet: SimFleet, figure: Callable[[str], None]
) -> None:
    """SIGKILL while it fetches and installs: something whole runs, and the end is the same."""
    fleet.publish(1, BIG)
    device = fleet.device("camera-1", slot_bytes=1 << 22)
    fleet.rollout(1)
    chance, killed = Random(7), 0
    for _ in range(12):
        check = begun(device, "check", "--fetch", str(device.fetch_socket))
        time.sleep(0.35 + 0.9 * chance.random())
        if check.poll() is None:
            killed += 1
        check.send_signal(signal.SIGKILL)
        check.wait()
        assert device.appliance().boot.running() is not None
    with suppress(Exception):
        device.check()
    device.rest()
    device.live()
    device.rest()
    assert device.runs(BIG)
    figure(f"device process killed at {killed} random moments, finished each time")


def test_the_commands_speak_for_people_and_for_programs(fleet: SimFleet, capsys: Output) -> None:
    """Each command in one process: what it prints, and its exit status."""
    fleet.publish(1, ONE)
    device = fleet.new_device("camera-1")
    given = ("--fetch", str(device.fetch_socket))
    state = ("--state", str(device.state))

    def run(*words: str) -> tuple[int, str]:
        status = main([*state, *words], lambda: None)
        return status, capsys.readouterr().out

    assert run(*invited(fleet, "camera-1", device.folder), *given)[0] == 0
    fleet.rollout(1)
    status, told = run("check", "--json", *given)
    assert (status, json.loads(told)["ended"]) == (0, "installing")
    assert run("boot") == (0, "slot b\n")
    assert json.loads(run("start", "--json")[1])["phase"] == "idle"
    assert json.loads(run("verify", "--json")[1])["slot b"] == "as it was signed"
    assert "release 1 1.0" in run("status")[1]
    fleet.stop("gateway")
    status, told = run("check", "--json", *given)
    assert (status, json.loads(told)["failed"]) == (1, Code.FETCH_UNREACHABLE)
    (device.state / FETCH / "client.pem").write_bytes(b"spoilt")
    assert "cannot be read" in run("status")[1]
    (device.state / FETCH / "client.pem").unlink()
    assert "none: enrol" in run("status")[1]


def test_a_process_that_does_not_start_is_told(tmp_path: Path) -> None:
    """Where no process with the network can be had, the device says so and nothing is left."""
    with pytest.raises(Damaged) as caught, fetching(tmp_path / "nowhere" / CONFIG):
        pass
    assert caught.value.code is Code.DEVICE_FETCH


@pytest.mark.parametrize("abstract", [False, True])
def test_the_service_manager_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    abstract: bool,  # noqa: FBT001
) -> None:
    """By sd_notify(3), on a path or an abstract name; where nobody listens, nothing happens."""
    name = f"firmhold-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{name}" if abstract else name)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}" if abstract else name)
        notify("READY=1", "STATUS=well")
        assert manager.recv(100) == b"READY=1\nSTATUS=well"
    notify("WATCHDOG=1")
    monkeypatch.delenv("NOTIFY_SOCKET")
    notify("WATCHDOG=1")


def status_of(pid: int) -> dict[str, str]:
    """What the kernel says of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


@pytest.mark.slow
def test_the_process_that_installs_is_walled_in_before_it_asks(fleet: SimFleet) -> None:
    """When its first question arrives, it has a filter and can get no privileges any more."""
    device = fleet.device("camera-1")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other_half:
        place = device.fetch_socket.parent / "silent.sock"
        other_half.bind(str(place))
        other_half.listen(1)
        check = begun(device, "check", "--fetch", str(place))
        asker, _ = other_half.accept()
        with asker:
            assert asker.recv(10)
            told = status_of(check.pid)
        check.kill()
        check.wait()
    assert (told["Seccomp"], told["NoNewPrivs"]) == ("2", "1")


@pytest.mark.slow
def test_the_process_with_the_network_is_walled_in(fleet: SimFleet) -> None:
    """When it listens, it can get no privileges any more; what it may not write it cannot."""
    device = fleet.device("camera-1")
    with fetching(device.state / FETCH / CONFIG) as place:
        words = ["pgrep", "-f", f"firmhold.device.fetch.cli .* {place}"]
        pids = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()  # noqa: S603
        told = [status_of(int(pid)) for pid in pids]
        assert [each["NoNewPrivs"] for each in told] == ["1"] * len(told)
        assert told


@pytest.mark.slow
@pytest.mark.parametrize("clock", ["1970-01-02 00:00:00", "2100-01-01 00:00:00"])
def test_a_device_whose_clock_is_wrong_is_updated_all_the_same(fleet: SimFleet, clock: str) -> None:
    """Its real processes under another clock: time comes by signed word alone."""
    fleet.publish(1, ONE)
    device = fleet.device("camera-1")
    fleet.rollout(1)
    line = ["faketime", clock, sys.executable, "-m", "firmhold", "device"]
    line += ["--state", str(device.state), "check"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE_SECONDS)  # noqa: S603, PLW1510
    assert (done.returncode, done.stderr) == (0, "")
    assert "reboot wanted" in done.stdout
    device.rest()
    assert device.runs(ONE)


def test_every_event_of_the_log_is_told_to_its_reader() -> None:
    """The guide has each name of the closed list."""
    guide = Path(__file__).parents[2] / "docs" / "guides" / "first-device.md"
    assert [event for event in Event if f"`{event}`" not in guide.read_text()] == []
