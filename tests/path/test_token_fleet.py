"""Every key that hardware can hold is in hardware: from the first ceremony to an updated device."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from firmhold.fleet.home import Home, open_home
from firmhold.protocol.invitation import parse_invitation
from firmhold.signing.pkcs11_uri import MODULE
from firmhold.sim.fleet import free_port
from firmhold.sim.fleet_device import FleetDevice
from firmhold.sim.token import SimTokens, softhsm_module

IMAGE = Random(3).randbytes(150_000)
PIN = "60221408"
PEOPLE = {
    role: [f"{role}-{n}" for n in (1, 2, 3)] for role in ("root", "targets", "feature", "security")
}
OFFICES = ("freshness-1", "operator-1", "offline-1", "offline-2", "offline-3")
MACHINES = ("snapshot", "timestamp", "director")
RELEASE = """
product = "camera"
class = "feature"
version = "1.0"
[[components]]
id = "main"
type = "system"
image = "1.img"
hardware = [{ model = "camera-1", first = 1, last = 4 }]
"""

Run = Callable[..., str]


@pytest.fixture(name="folder")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a short name: sockets are below it."""
    return tmp_path_factory.mktemp("t")


@pytest.fixture(name="environment")
def _environment(folder: Path) -> Iterator[dict[str, str]]:
    """Tokens for people, for the site and for the fleet server; PINs as systemd lays them out."""
    module = softhsm_module()
    assert module is not None, "softhsm2 is missing: run `make deps`"
    (folder / "pins").mkdir()
    (folder / "pins" / "pin").write_text(PIN)
    with SimTokens.make(folder / "hsm", module) as tokens:
        for name in ("people", "site", "server"):
            tokens.add(name, PIN)
        yield os.environ | {
            MODULE: str(module),
            "CREDENTIALS_DIRECTORY": str(folder / "pins"),
            "FIRMHOLD_PASSPHRASE": "for the gateway's TLS key",
        }


@pytest.fixture(name="run")
def _run(folder: Path, environment: dict[str, str]) -> Run:
    """Type a command."""

    def run(*words: str) -> str:
        line = [sys.executable, "-m", "firmhold", *words]
        done = subprocess.run(  # noqa: S603 - own words
            line, cwd=folder, env=environment, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout

    return run


def uri(name: str) -> str:
    """Where the key of somebody or something is."""
    if name == "gateway":
        return "file:gateway.pem"
    token = "server" if name in {"ca", "director", "freshness-1"} else "people"
    return f"pkcs11:token={'site' if name in {'snapshot', 'timestamp'} else token};object={name}"


def held(run: Run, place: str, signers: tuple[str, ...], *root: str) -> None:
    """A ceremony that was planned is signed, verified and adopted."""
    for name in signers:
        run("keys", "ceremony", "sign", place, "--key", uri(name), *root)
    run("keys", "ceremony", "assemble", place, *root)
    run("keys", "ceremony", "verify", place, "--name", "auditor", "--key", uri("auditor"), *root)
    run("keys", "ceremony", "adopt", place, "--desk", "desk", *root)


def seats(*pairs: tuple[str, str]) -> list[str]:
    """Appointments, as options."""
    return [word for role, name in pairs for word in ("--appoint", f"{role}={name}.card")]


def begun(run: Run, folder: Path) -> None:
    """A domain whose keys are in tokens, with both repositories, settings and one release."""
    names = [name for holders in PEOPLE.values() for name in holders]
    for name in (*names, *OFFICES, *MACHINES, "ca", "auditor", "gateway"):
        kind = ["--algorithm", "ecdsa-sha2-nistp256"] if name in {"ca", "operator-1"} else []
        run("keys", "make", uri(name), "--holder", name, "--card", f"{name}.card", *kind)
    people = {role: [(role, name) for name in holders] for role, holders in PEOPLE.items()}
    online = [("snapshot", "snapshot"), ("timestamp", "timestamp")]
    first = ["keys", "ceremony", "root", "--first", "staging"]
    run(*first, "--to", "c1", *seats(*people["root"], *people["targets"], *online))
    held(run, "c1", ("root-1", "root-2"))
    director = [(role, "director") for role in ("targets", "snapshot", "timestamp")]
    run(*first, "--repository", "director", "--to", "c2", *seats(*people["root"], *director))
    held(run, "c2", ("root-2", "root-3"))
    root = ("--root", "desk/metadata/1.root.json")
    both = seats(*people["feature"], *people["security"])
    run("keys", "ceremony", "authority", "--desk", "desk", "--to", "c3", *both)
    held(run, "c3", ("targets-1", "targets-2"), *root)

    cards = [f"{name}.card" for name in (*OFFICES, "gateway")]
    run("keys", "settings", *cards, "--to", "settings.json")
    (folder / "1.img").write_bytes(IMAGE)
    (folder / "1.toml").write_text(RELEASE)
    run("release", "settings", "desk", "settings.json")
    run("release", "counter", "desk", "--product", "camera", "--to", "0")
    for role in ("targets", "security"):
        signed(run, role, *root)
    run("release", "renew", "desk", "--role", "feature")
    signed(run, "feature", *root)
    published(run)
    run("release", "build", "desk", "--release", "1.toml")
    signed(run, "feature", *root)
    published(run)


def signed(run: Run, role: str, *root: str) -> None:
    """Two holders sign a role's draft."""
    for number in (2, 3):
        run("release", "sign", "desk", "--role", role, "--key", uri(f"{role}-{number}"), *root)


def published(run: Run) -> None:
    """What is signed goes out, with the keys of the site's token."""
    machines = [
        word for name in ("snapshot", "timestamp") for word in ("--key", f"{name}={uri(name)}")
    ]
    run("release", "publish", "desk", "--to", "site", *machines)


@pytest.fixture(name="home")
def _home(run: Run, folder: Path, environment: dict[str, str]) -> Iterator[Home]:
    """A fleet server whose parts run, with their keys in a token."""
    begun(run, folder)
    offices = {"ca": "ca", "director": "director", "freshness": "freshness-1", "gateway": "gateway"}
    keys = [word for office, name in offices.items() for word in ("--key", f"{office}={uri(name)}")]
    ports = ["--device-port", str(free_port()), "--enrolment-port", str(free_port())]
    told = run(
        "fleet", "init", "h", "--desk", "desk", "--site", "site", "--wait", "1", *ports, *keys
    )
    assert "under one passphrase: gateway" in told
    parts = [
        subprocess.Popen(  # noqa: S603 - own words
            [sys.executable, "-P", "-m", "firmhold", "fleet", "run", "h", part],
            cwd=folder,
            env=environment,
        )
        for part in ("ca", "director", "gateway")
    ]
    try:
        yield open_home(folder / "h")
    finally:
        for part in parts:
            part.terminate()
        for part in parts:
            part.wait(30)


def until(works: Callable[[], str]) -> str:
    """Try until it works, for a while."""
    for _ in range(60):
        try:
            return works()
        except AssertionError:
            time.sleep(0.5)
    return works()


@pytest.mark.slow
def test_a_device_is_updated_by_keys_that_never_left_their_tokens(
    home: Home, run: Run, folder: Path
) -> None:
    """No private key is in a file but the one that TLS reads, and those of the device."""
    about = ["--product", "camera", "--component", "main", "--model", "camera-1", "--revision", "2"]
    until(lambda: run("fleet", "devices", "h"))
    until(lambda: run("fleet", "enrol", "h", "camera-1", *about, "--out", "invitation.json"))
    device = FleetDevice(folder / "camera-1", 1 << 20)
    device.enrol(parse_invitation((folder / "invitation.json").read_bytes()))
    words = ["--release", "feature/camera/1.json", "--name", "r1", "--waves", "100"]
    until(lambda: run("fleet", "rollout", "h", *words, "--key", uri("operator-1")))
    device.live()
    device.rest()
    device.close()
    assert device.runs(IMAGE)

    private = [file for file in folder.rglob("*.pem") if b"PRIVATE" in file.read_bytes()]
    assert {file.name for file in private} == {"gateway.pem", "client.pem"}
    assert not [*home.folder.joinpath("keys").iterdir()]
    for name in ("ca", "director", "freshness-1", "root-1", "feature-2", "operator-1"):
        assert run("keys", "audit", uri(name))
