"""Measures check-ins: by the second of CPU time, by handshake, in bytes, and what a device needs.

python bench/checkin.py [--devices 10]

A server in three processes and one device, on loopback. Asking takes CPU time of this machine
too, so what counts is work by second of CPU time of the parts that answer.
"""

import argparse
import hashlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from firmhold.fleet.home import Home, open_home
from firmhold.protocol.check_in import Known, Question
from firmhold.protocol.invitation import parse_invitation
from firmhold.protocol.paths import CHECK_IN
from firmhold.sim.caller import Caller, Shown
from firmhold.sim.fleet import free_port
from firmhold.sim.proxy import Between
from firmhold.trust.encoding import parse_json
from firmhold.trust.tuf.schema import an_object

FIRMHOLD = (sys.executable, "-m", "firmhold")
TICK = os.sysconf("SC_CLK_TCK")
PARTS = ("gateway", "director")
IMAGE_BYTES = 64 << 20
TURNS, BYTES_TIMES = 20, 10
OK = 200
DESCRIPTION = """
product = "camera"
class = "feature"
version = "1.0"
[[components]]
id = "main"
type = "system"
image = "image"
hardware = [{ model = "camera-1", first = 1, last = 4 }]
"""


def run(*words: str) -> str:
    """Run a command; return what it printed."""
    done = subprocess.run([*FIRMHOLD, *words], check=True, capture_output=True, text=True)
    return done.stdout


def build(folder: Path, image_bytes: int) -> Home:
    """Make a desk with one release, and a server."""
    desk, site, home = (str(folder / name) for name in ("desk", "site", "home"))
    (folder / "image").write_bytes(secrets.token_bytes(image_bytes))
    (folder / "release.toml").write_text(DESCRIPTION)
    run("release", "keys", "init", desk)
    run("release", "keys", "fleet", desk)
    run("release", "settings", desk, f"{desk}/fleet/settings.json")
    run("release", "counter", desk, "--product", "camera", "--to", "0")
    for roles in (("targets", "security"), ("feature",)):
        if roles == ("feature",):
            run("release", "build", desk, "--release", str(folder / "release.toml"))
        for role in roles:
            for number in (1, 2):
                key = f"file:{desk}/keys/{role}-{number}.pem"
                run("release", "sign", desk, "--role", role, "--key", key)
        run("release", "publish", desk, "--to", site)
    ports = ("--device-port", str(free_port()), "--enrolment-port", str(free_port()))
    run("fleet", "init", home, "--desk", desk, "--site", site, *ports)
    return open_home(Path(home))


@contextmanager
def served(home: Home) -> Iterator[None]:
    """Have the server run."""
    line = [*FIRMHOLD, "fleet", "serve", str(home.folder)]
    with Path(os.devnull).open("w") as nowhere:
        server = subprocess.Popen(line, stdout=nowhere, stderr=nowhere)
    try:
        _until(lambda: bool(run_quietly("fleet", "devices", str(home.folder))))
        yield
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


def run_quietly(*words: str) -> str:
    """Run a command that may fail; return what it printed."""
    done = subprocess.run([*FIRMHOLD, *words], check=False, capture_output=True, text=True)
    return done.stdout


def _until(happens: Callable[[], bool]) -> None:
    for _ in range(200):
        if happens():
            return
        time.sleep(0.1)
    raise TimeoutError


def enrolled(home: Home, folder: Path, port: int) -> Path:
    """Enrol a device that reaches the device port by another one; return its state folder."""
    folder.mkdir()
    invitation, state = folder / "invitation", folder / "state"
    words = ("--product", "camera", "--component", "main", "--model", "camera-1", "--revision", "1")
    run("fleet", "enrol", str(home.folder), folder.name, *words, "--out", str(invitation))
    known = parse_invitation(invitation.read_bytes())
    invitation.write_bytes(replace(known, device_port=port).to_bytes())
    for slot in "ab":
        with (folder / slot).open("wb") as file:
            file.truncate(IMAGE_BYTES + (1 << 20))
    slots = ("--slot-a", str(folder / "a"), "--slot-b", str(folder / "b"))
    run("device", "--state", str(state), "enrol", "--invitation", str(invitation), *slots)
    return state


def process(home: Home, part: str) -> int:
    """The process of a part."""
    found = subprocess.run(
        ["pgrep", "-f", f"fleet run {home.folder} {part}"],
        check=True,
        capture_output=True,
        text=True,
    )
    return int(found.stdout.split()[0])


def cpu_seconds(pid: int) -> float:
    """How much CPU time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def pss_mib(pid: int) -> float:
    """How much memory is a process's share."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise ValueError(pid)


def known_question(caller: Caller) -> bytes:
    """A question of a device that has the newest of everything."""
    told = an_object(parse_json(_asked(caller, _question(b"", b"")), max_bytes=1 << 20), "answer")
    texts = [
        str(an_object(told[name], name)["timestamp"]).encode() for name in ("image", "director")
    ]
    return _question(*texts)


def _question(image: bytes, director: bytes) -> bytes:
    def known(timestamp: bytes) -> Known:
        return Known(1, 1, hashlib.sha256(timestamp).digest()) if timestamp else Known(1)

    return Question(secrets.token_bytes(32), known(image), known(director)).to_bytes()


def _asked(caller: Caller, body: bytes) -> bytes:
    status, answer = caller.ask("POST", CHECK_IN, body)
    if status != OK:
        raise ValueError(answer)
    return answer


def rate(home: Home, act: Callable[[int], None], times: int) -> tuple[float, dict[str, float]]:
    """How often something can be done in a second, and by second of CPU time of each part."""
    pids = {part: process(home, part) for part in PARTS}
    before = {part: cpu_seconds(pid) for part, pid in pids.items()}
    began = time.monotonic()
    for number in range(times):
        act(number)
    used = {part: max(cpu_seconds(pid) - before[part], 1 / TICK) for part, pid in pids.items()}
    return times / (time.monotonic() - began), {part: times / used[part] for part in PARTS}


def measure_server(home: Home, states: list[Path], wire: Between) -> None:
    """Print what a check-in and a handshake cost; each device has its turns, and no more."""
    shown, times = [Shown.of_device(state) for state in states], TURNS * len(states)
    with ExitStack() as stack:
        callers = [stack.enter_context(Caller(home.device_port, each)) for each in shown]
        bodies = [known_question(caller) for caller in callers]

        def again(number: int) -> None:
            _asked(callers[number % len(callers)], bodies[number % len(callers)])

        _print("unchanged check-ins over connections that stay", *rate(home, again, times))

    def anew(number: int) -> None:
        with Caller(home.device_port, shown[number % len(shown)]) as once:
            _asked(once, bodies[number % len(shown)])

    _print("the same, each with a handshake of its own", *rate(home, anew, times))
    with Caller(wire.port, shown[0]) as caller:
        _asked(caller, bodies[0])
        wire.passed = 0
        for _ in range(BYTES_TIMES):
            _asked(caller, bodies[0])
        mean = wire.passed // BYTES_TIMES
        print(f"\nbytes from the server for an unchanged check-in, TLS too: {mean}")


def _print(what: str, each: float, by: dict[str, float]) -> None:
    print(f"| {what} | {each:.0f} | {by['gateway']:.0f} | {by['director']:.0f} |")


def measure_device(state: Path) -> None:
    """Print how much memory the processes of a device take."""
    line = [*FIRMHOLD, "device", "--state", str(state), "agent"]
    with Path(os.devnull).open("w") as nowhere:
        agent = subprocess.Popen(line, stderr=nowhere, stdout=nowhere)
    most: dict[str, float] = {}
    try:
        while agent.poll() is None:
            for name, pid in _processes(state, agent.pid):
                try:
                    most[name] = max(most.get(name, 0.0), pss_mib(pid))
                except (OSError, ValueError):
                    continue
            time.sleep(0.02)
    finally:
        agent.kill()
    print("\n| process of a device during an install of 64 MiB | most PSS, MiB |\n|---|---|")
    for name, value in most.items():
        print(f"| {name} | {value:.0f} |")


def _processes(state: Path, agent: int) -> Iterator[tuple[str, int]]:
    yield "agent", agent
    for name, words in (("fetch", "firmhold.device.fetch.cli"), ("install", "check --json")):
        pattern = f"{words} {state}" if name == "fetch" else f"{state} {words}"
        found = subprocess.run(
            ["pgrep", "-f", pattern], check=False, capture_output=True, text=True
        )
        for pid in found.stdout.split():
            yield name, int(pid)


def main() -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=10)
    options = parser.parse_args()
    os.environ.setdefault("FIRMHOLD_PASSPHRASE", "of a bench")
    with tempfile.TemporaryDirectory(prefix="firmhold-") as name:
        folder = Path(name)
        home = build(folder, IMAGE_BYTES)
        with served(home), Between(home.device_port) as wire:
            names = [folder / f"device-{number}" for number in range(1, options.devices + 1)]
            states = [enrolled(home, name, wire.port) for name in names]
            state = states[0]
            run("device", "--state", str(state), "check")
            print(
                "| | a second | by CPU second of the gateway | of the director |\n|---|---|---|---|"
            )
            measure_server(home, states, wire)
            key = f"file:{folder}/desk/keys/operator-1.pem"
            run(
                "fleet",
                "rollout",
                str(home.folder),
                "--release",
                "feature/camera/1.json",
                "--name",
                "r1",
                "--key",
                key,
                "--waves",
                "100",
                "--soak",
                "0",
            )
            measure_device(state)


if __name__ == "__main__":
    main()
