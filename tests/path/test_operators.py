"""What operators run: set a server up, serve, look, direct; in tables and for programs."""

import json
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate
from tests.path.servers import answers, process_of, staged, until

from firmhold.fleet.authorities import read_authorities
from firmhold.fleet.cli import main
from firmhold.fleet.home import open_home
from firmhold.fleet.keys import name_key
from firmhold.fleet.supervise import Supervisor
from firmhold.pkix.borrowed import public_half
from firmhold.pkix.public import Algorithm, spki_sha256
from firmhold.signing.passphrases import Passphrases
from firmhold.signing.pkcs8 import seal_key
from firmhold.signing.uri import create_signer, open_signer
from firmhold.sim.fleet import SimFleet
from firmhold.sim.signer import sim_pem
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.settings.reader import parse_settings
from firmhold.trust.settings.trust_settings import ServerPins

ONE = b"image" * 30_000
PASSPHRASE = "open"  # noqa: S105 - of keys that are made from names
Output = pytest.CaptureFixture[str]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(name="run")
def _run(fleet: SimFleet, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on the server of the test; gives exit status, output, errors."""
    monkeypatch.setenv("FIRMHOLD_PASSPHRASE", PASSPHRASE)

    def run(command: str, *words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main([command, str(fleet.home.folder), *words])
        told = capsys.readouterr()
        return status, told.out, told.err

    return run


@pytest.fixture(name="key")
def _key(tmp_path: Path) -> str:
    """The operator's key, in a file."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(sim_pem("operator-1"), None)
    assert isinstance(key, Ed25519PrivateKey)
    (tmp_path / "operator.pem").write_bytes(seal_key(key, PASSPHRASE))
    return f"file:{tmp_path / 'operator.pem'}"


def test_an_operator_directs_a_rollout(fleet: SimFleet, run: Run, key: str) -> None:
    """Look it over, begin it, halt it, resume it, see how far it is."""
    fleet.publish(1, ONE)
    device = fleet.device("camera-1")
    path = "feature/camera/1.json"
    fleet.heard(path)
    words = ("--release", path, "--name", "r1", "--key", key, "--waves", "50,100", "--soak", "0")
    status, told, _ = run("rollout", *words, "--dry-run")
    assert status == 0
    assert "wave 2: " in told
    assert run("status", "--json")[1] == "[]\n"
    assert "start of r1 signed" in run("rollout", *words)[1]
    assert "halt of r1 signed, halted by_operator" in run("halt", "r1", "--key", key)[1]
    assert json.loads(run("resume", "r1", "--key", key, "--json")[1])["halted"] is None
    assert run("halt", "r1", "--key", key)[0] == 0
    assert "resume of r1 signed\n" in run("resume", "r1", "--key", key)[1]
    assert len(json.loads(run("rollout", *words, "--dry-run", "--json")[1])["plan"]) > 1
    device.live()
    fleet.until(lambda: fleet.confirmed("r1") + fleet.open_waves("r1") > 1)
    device.live()
    assert "r1" in run("status")[1]
    (row,) = json.loads(run("status", "--json")[1])
    assert row["product"] == "camera"


def test_an_operator_looks_at_devices(fleet: SimFleet, run: Run) -> None:
    """A table, all about one, both for programs too; one that there is not is told."""
    fleet.device("camera-1").check()
    fleet.settled()
    fleet.invite("camera-2")
    assert "camera-1" in run("devices")[1]
    rows = json.loads(run("devices", "--json")[1])
    assert [(row["device"], row["tier"]) for row in rows] == [
        ("camera-1", "device-signed"),
        ("camera-2", "none"),
    ]
    assert "camera-1" in run("show", "camera-1")[1]
    assert json.loads(run("show", "camera-1", "--json")[1])["report"]["device"] == "camera-1"
    status, _, error = run("show", "camera-9")
    assert status == 1
    assert Code.FLEET_NO_DEVICE in error
    assert run("state", "camera-1", "quarantined")[1] == "camera-1 is quarantined\n"
    told = json.loads(run("state", "camera-1", "active", "--json")[1])
    assert told == {"device": "camera-1", "state": "active"}
    assert run("state", "camera-9", "revoked")[0] == 1


def test_an_operator_looks_after_a_device_whose_reports_are_refused(
    fleet: SimFleet, run: Run
) -> None:
    """Told with its name and the check, until he acknowledges it; then its next report counts."""
    device = fleet.device("camera-1")
    device.check()
    copy = fleet.new_device("copy")
    shutil.copytree(device.state, copy.state)
    fleet.publish(1, ONE)
    fleet.rollout(1)
    for each in (device, copy):
        each.live()
    fleet.settled()
    alarm = "number_twice: 1 of 1 devices: camera-1"

    assert alarm in run("status")[1]
    assert "number_twice" in run("devices")[1]
    assert Code.MANIFEST_COUNTER in run("show", "camera-1")[1]
    assert run("acknowledge", "camera-1")[1].startswith("the alarms of camera-1 are acknowledged")
    assert alarm not in run("status")[1]
    assert json.loads(run("show", "camera-1", "--json")[1])["reports_refused"] == {}
    told = json.loads(run("acknowledge", "camera-1", "--json")[1])
    assert told == {"device": "camera-1", "acknowledged": True}
    assert Code.FLEET_NO_DEVICE in run("acknowledge", "camera-9")[2]


def test_an_operator_watches_until_he_has_seen_enough(
    fleet: SimFleet, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is drawn is of now, each time; an interrupt ends it, and is no failure."""
    fleet.publish(1, ONE)
    slept: list[float] = []

    def interrupted(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) > 1:
            raise KeyboardInterrupt
        fleet.rollout(1)

    monkeypatch.setattr("firmhold.fleet.show.sleep", interrupted)
    status, told, _ = run("status", "--watch")
    assert status == 0
    assert "r1" in told


def test_wrong_words_are_told_in_words(fleet: SimFleet, run: Run, key: str, tmp_path: Path) -> None:
    """What cannot be done is one line, one line of advice, and exit status 1."""
    fleet.publish(1, ONE)
    fleet.heard("feature/camera/1.json")
    assert Code.FLEET_NO_ROLLOUT in run("halt", "nothing", "--key", key)[2]
    words = ("--release", "feature/camera/1.json", "--name", "r1", "--key", key)
    for waves in ("", "0", "200", "50,20", "x"):
        assert run("rollout", *words, "--waves", waves)[0] == 1
    assert run("run", "kitchen")[0] == 1
    out = tmp_path / "there"
    out.write_text("mine")
    named = ("camera-1", "--product", "camera", "--component", "main", "--model", "camera-1")
    assert run("enrol", *named, "--revision", "1", "--out", str(out))[0] == 1
    assert out.read_text() == "mine"


# The library leaves a socket to the collector where nobody listens on its path.
@pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")
def test_a_part_that_is_away_is_told(fleet: SimFleet, run: Run) -> None:
    """Which part it is, and what to do."""
    fleet.stop("director")
    status, _, error = run("devices")
    assert status == 1
    assert Code.FLEET_UNREACHABLE in error


def test_an_operator_changes_the_authority(
    fleet: SimFleet, tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Look, make the next one, look what would end, end the former one; the device goes on."""
    monkeypatch.setenv("FIRMHOLD_PASSPHRASE", PASSPHRASE)
    home, device = str(fleet.home.folder), fleet.device("camera-1")
    key = create_signer(f"file:{tmp_path}/ca-2.pem", Passphrases(None, None), Algorithm.P256)

    def run(*words: str) -> str:
        assert main(["authority", words[0], home, *words[1:]]) == 0
        return capsys.readouterr().out

    assert "issues   until" in run("show")
    assert main(["authority", "revoke", home]) == 1
    assert Code.FLEET_KEY in capsys.readouterr().err
    assert "issues from now on (file)" in run("new", "--key", f"file:{tmp_path}/ca-2.pem")
    first, second = json.loads(run("show", "--json"))
    assert (first["state"], first["certificates"]) == ("issues", 0)
    assert (second["state"], second["certificates"]) == ("counts", 1)
    assert f"ends: authority {second['authority']}, 1 good cert" in run("revoke", "--dry-run")
    assert len(read_authorities(fleet.home).accepted) == 2

    fleet.stop("ca")
    assert "the ca does not run" in run("show")
    assert "alone counts" in run("revoke")
    assert [row["state"] for row in json.loads(run("show", "--json"))] == ["issues", "revoked"]
    fleet.signers["ca-2"] = key
    fleet.keys["ca"] = ["ca-2"]
    fleet.start("ca")
    device.live()
    assert json.loads(run("show", "--json"))[0]["certificates"] == 1


def test_an_operator_has_settings_written_that_name_the_servers_keys(
    fleet: SimFleet, tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys that were named after the current one come next; one that is not there is refused."""
    monkeypatch.setenv("FIRMHOLD_PASSPHRASE", PASSPHRASE)
    secrets, home = Passphrases(None, None), fleet.home
    for name in ("g-1", "g-2", "g-3", "other"):
        create_signer(f"file:{tmp_path}/{name}.pem", secrets, Algorithm.P256)
    uris = [f"file:{tmp_path}/{name}.pem" for name in ("g-1", "g-2", "g-3")]
    pins = [spki_sha256(public_half(open_signer(uri, secrets))).hex() for uri in uris]
    name_key(home, "gateway", uris[0], secrets, alone=True)
    for uri in uris[1:]:
        name_key(open_home(home.folder), "gateway", uri, secrets, alone=False)

    def settings(out: str, *words: str) -> int:
        return main(["settings", str(home.folder), "--out", str(tmp_path / out), *words])

    assert settings("none.json") == 1
    assert "the gateway has none of the keys" in capsys.readouterr().err
    assert settings("made.json", "--current", uris[1]) == 0
    assert settings("made.json", "--current", uris[1]) == 1
    assert "is there already" in capsys.readouterr().err
    made = parse_settings((tmp_path / "made.json").read_bytes())
    assert made.server_pins == ServerPins(
        frozenset({bytes.fromhex(pins[1])}), frozenset({bytes.fromhex(pins[2])})
    )
    own = load_pem_x509_certificate(home.authority.read_bytes())
    assert made.server_authorities == (own.public_bytes(Encoding.DER),)


def test_a_folder_that_is_no_server_is_told(tmp_path: Path, capsys: Output) -> None:
    """Nothing there, and something damaged there."""
    assert main(["devices", str(tmp_path)]) == 1
    assert Code.FLEET_HOME in capsys.readouterr().err
    (tmp_path / "fleet.json").write_text("{}")
    with pytest.raises(Misuse) as caught:
        open_home(tmp_path)
    assert caught.value.code is Code.FLEET_HOME


@contextmanager
def ended_by(act: Callable[[], None]) -> Iterator[None]:
    """Have something done beside, then tell this process to end as a service manager would."""
    failures: list[BaseException] = []

    def done() -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - told below
            failures.append(error)
        os.kill(os.getpid(), signal.SIGTERM)

    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    beside = threading.Thread(target=done)
    beside.start()
    try:
        yield
    finally:
        beside.join()
        for number, handler in kept.items():
            signal.signal(number, handler)
    assert failures == []


@pytest.mark.slow
def test_a_server_is_set_up_and_its_parts_are_kept_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output, trap: Path
) -> None:
    """From a staging desk to a server that listens; a part that is killed is started again.

    None of them loads what lies in the folder where it was started.
    """
    monkeypatch.setenv("FIRMHOLD_PASSPHRASE", PASSPHRASE)
    folder = tmp_path / "h"
    words = ["init", str(folder), *staged(tmp_path)]
    assert main(words) == 0
    assert "under one passphrase: ca, director, freshness, gateway" in capsys.readouterr().out
    assert main(words) == 1
    assert Code.FLEET_HOME in capsys.readouterr().err
    home = open_home(folder)

    def killed_and_back() -> None:
        until(lambda: answers(home))
        first = process_of(home, "director")
        os.kill(int(first), signal.SIGKILL)
        until(lambda: process_of(home, "director") not in ("", first))
        until(lambda: answers(home))

    with ended_by(killed_and_back):
        Supervisor(folder, PASSPHRASE, {}).run()
    assert not answers(home)
    assert process_of(home, "director") == ""
    assert not trap.exists()
