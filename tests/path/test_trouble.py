"""Trouble on either side: no room, no certificate, an old backup, a wrong clock; nobody is lost."""

import shutil
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from firmhold.device.appliance import locked
from firmhold.device.check import Ended
from firmhold.device.fetch.ask import FetchClient
from firmhold.device.fetch.config import CERTIFICATE, CONFIG, FetchConfig, read_fetch_config
from firmhold.device.fetch.serve import Fetcher
from firmhold.device.online import FETCH
from firmhold.fleet.ca.authority import Authority
from firmhold.fleet.ca.issue import State
from firmhold.protocol.identity import CertificateClass, Identity
from firmhold.sim.caller import Caller, Shown
from firmhold.sim.fleet import SimFleet
from firmhold.sim.fleet_device import FleetDevice
from firmhold.sim.owner import pem_of, tls_key
from firmhold.sim.signer import sim_signer
from firmhold.trust.device_id import DeviceId
from firmhold.trust.encoding import JsonObject
from firmhold.trust.errors import Code, FirmholdError, Misuse, Refused, Unavailable
from firmhold.trust.governance.rollout_act import Action
from firmhold.trust.outer_faults import FetchFault

ONE = Random(1).randbytes(200_000)
TWO = ONE[:70_000] + b"second" + ONE[70_000:]
MENDED = ONE[:90_000] + b"mended" + ONE[90_000:]


def failure(device: FleetDevice) -> Code:
    """The code with which a cycle ends."""
    with pytest.raises(FirmholdError) as caught:
        device.check()
    return caught.value.code


def class_of(device: FleetDevice) -> str:
    """The class of the certificate that a device has."""
    found = x509.load_pem_x509_certificate((device.state / FETCH / CERTIFICATE).read_bytes())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    (name,) = names.get_values_for_type(x509.UniformResourceIdentifier)
    return name.split(":")[2]


def test_a_full_spool_is_told_and_costs_nothing(fleet: SimFleet) -> None:
    """No room for what is fetched: the device says so, runs on, and goes on when there is room."""
    fleet.publish(1, ONE)
    device = fleet.device("camera-1")
    fleet.rollout(1)
    config = device.state / FETCH / CONFIG
    known = read_fetch_config(config)
    small = FetchConfig(**{**_fields(known), "most_bytes": 100_000})  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("firmhold.device.online.MOST_SPOOL_BYTES", 100_000)
        config.write_bytes(small.to_bytes())
        assert failure(device) is Code.FETCH_DISK_FULL
        assert not device.runs(ONE)
    device.live()
    assert device.runs(ONE)


def _fields(config: FetchConfig) -> dict[str, object]:
    return {name: getattr(config, name) for name in FetchConfig.__slots__}


def test_a_device_whose_certificate_ended_while_it_was_away_comes_back(fleet: SimFleet) -> None:
    """Its own key speaks for it: it gets the recovery class, checks in, and is full again later."""
    fleet.publish(1, ONE)
    device = fleet.device("camera-1")
    device.check()
    key = tls_key("long ago")
    authority = Authority(
        sim_signer("ca"), x509.load_pem_x509_certificate(fleet.home.authority.read_bytes())
    )
    identity = Identity(DeviceId("camera-1"), CertificateClass.FULL)
    ended = authority.for_device(
        identity, key.public_key(), fleet.clock.now() - timedelta(days=40), timedelta(days=30)
    )
    folder = device.state / FETCH
    (folder / CERTIFICATE).write_bytes(pem_of(key) + ended.public_bytes(Encoding.PEM))
    assert device.check()[0] is Ended.UNCHANGED
    assert class_of(device) == "full"  # another one of its is good still
    with fleet.operator("ca") as ca:
        ca.post("/devices/camera-1/state", {"state": State.QUARANTINED.value})
    with suppress(Unavailable):
        device.check()
    device.check()
    assert class_of(device) == "recovery"


@pytest.mark.parametrize("spoilt", [None, b"", b"spoilt"], ids=["gone", "empty", "spoilt"])
def test_a_device_whose_certificate_is_lost_gets_another_one(
    fleet: SimFleet, spoilt: bytes | None
) -> None:
    """Its signing key speaks for it: nobody has to come to it."""
    fleet.publish(1, ONE)
    device = fleet.device("camera-1")
    place = device.state / FETCH / CERTIFICATE
    place.unlink()
    if spoilt is not None:
        place.write_bytes(spoilt)
    assert device.check()[0] is Ended.UNCHANGED
    assert class_of(device) == "full"


def test_a_revoked_device_is_refused_and_runs_on(fleet: SimFleet) -> None:
    """It gets nothing any more, not even by its own key; its neighbour is served."""
    fleet.publish(1, ONE)
    revoked, neighbour = fleet.device("camera-1"), fleet.device("camera-2")
    revoked.check()
    with fleet.operator("ca") as ca:
        ca.post("/devices/camera-1/state", {"state": State.REVOKED.value})
    before = revoked.appliance().boot.running()
    assert failure(revoked) is Code.FETCH_REFUSED
    assert revoked.appliance().boot.running() is before
    assert neighbour.check()[0] is Ended.UNCHANGED


def test_a_device_in_quarantine_gets_security_releases_only(fleet: SimFleet) -> None:
    """Something speaks against it: no feature release is meant for it, and it can be mended."""
    patchable = "patchable = true"
    fleet.publish(1, ONE, component=patchable)
    device, neighbour = fleet.device("camera-1"), fleet.device("camera-2")
    fleet.rollout(1)
    for each in (device, neighbour):
        each.live()
    with fleet.operator("ca") as ca:
        ca.post("/devices/camera-1/state", {"state": State.QUARANTINED.value})
    fleet.publish(2, TWO, component=patchable)
    fleet.rollout(2)
    assert neighbour.live() is Ended.INSTALLING
    assert device.live() is Ended.UNCHANGED
    runs = device.appliance().runs()
    assert runs is not None
    patches = f'patches = "{runs.release.digest.hex()}"'
    fleet.publish(3, MENDED, patches, "security", patchable)
    fleet.rollout(3, authority="security")
    assert device.live() is Ended.INSTALLING
    assert device.runs(MENDED)


def test_a_server_that_comes_back_from_a_backup_locks_nobody_out(fleet: SimFleet) -> None:
    """Words and rollouts of the backup are older than what devices saw; the next ones are newer."""
    fleet.publish(1, ONE)
    device = fleet.device("camera-1")
    fleet.stop("gateway")
    fleet.stop("director")
    _copy_database(fleet, fleet.folder / "backup")
    fleet.start("director")
    fleet.start("gateway")
    fleet.rollout(1)
    device.live()
    assert device.runs(ONE)
    for part in ("gateway", "director", "ca"):
        fleet.stop(part)
    _restore_database(fleet, fleet.folder / "backup")
    for part in ("ca", "director", "gateway"):
        fleet.start(part)
    assert device.check()[0] is Ended.UNCHANGED
    assert device.runs(ONE)
    fleet.publish(2, TWO)
    fleet.rollout(2)
    device.live()
    assert device.runs(TWO)


def _copy_database(fleet: SimFleet, to: Path) -> None:
    to.mkdir()
    for place in fleet.folder.glob("fleet.db*"):
        shutil.copy(place, to / place.name)


def _restore_database(fleet: SimFleet, backup: Path) -> None:
    for place in fleet.folder.glob("fleet.db*"):
        place.unlink()
    for place in backup.iterdir():
        shutil.copy(place, fleet.folder / place.name)


@pytest.mark.parametrize("years", [-56, 74])
def test_a_server_whose_clock_is_wrong_is_not_believed(fleet: SimFleet, years: int) -> None:
    """Signed by the right key, 1970 and 2100 are refused, and the true time is taken again."""
    fleet.publish(1, ONE)
    device = fleet.device("camera-1")
    device.check()
    by = timedelta(days=365.25 * years)
    fleet.clock.advance(by)
    with pytest.raises((Refused, Unavailable)):
        device.check()
    fleet.clock.advance(-by)
    fleet.restart("gateway")
    assert device.check()[0] is Ended.UNCHANGED


def test_two_processes_do_not_work_on_one_device(fleet: SimFleet) -> None:
    """The second one is told to come back."""
    device = fleet.device("camera-1")
    with locked(device.state), pytest.raises(Misuse) as caught, locked(device.state):
        pass
    assert caught.value.code is Code.DEVICE_BUSY


def test_a_release_that_is_not_for_this_hardware_is_not_meant_for_it(fleet: SimFleet) -> None:
    """The director leaves a device out that the release has nothing for."""
    fleet.publish(1, ONE)
    fits, other = fleet.device("camera-1", 4), fleet.device("camera-2", 5)
    fleet.rollout(1)
    assert fits.live() is Ended.INSTALLING
    assert other.live() is Ended.UNCHANGED


def test_a_halted_rollout_reaches_nobody_until_it_is_resumed(fleet: SimFleet) -> None:
    """Who has the release keeps it; who waits, waits; resumed, it goes on."""
    fleet.publish(1, ONE)
    first, second = fleet.device("camera-1"), fleet.device("camera-2")
    fleet.rollout(1)
    first.live()
    fleet.tell("r1", Action.HALT)
    assert second.live() is Ended.UNCHANGED
    assert first.check()[0] is Ended.UNCHANGED
    assert first.runs(ONE)
    fleet.tell("r1", Action.RESUME)
    assert second.live() is Ended.INSTALLING
    assert second.runs(ONE)


def test_a_token_enrols_one_device_once(fleet: SimFleet) -> None:
    """A second device with the same invitation is refused, and the first one is as it was."""
    invited = fleet.invite("camera-1")
    fleet.new_device("one").enrol(invited)
    with pytest.raises(Unavailable) as caught:
        fleet.new_device("two").enrol(invited)
    assert caught.value.code is Code.FETCH_REFUSED


def test_an_enrolment_whose_answer_was_lost_is_done_again(fleet: SimFleet) -> None:
    """The token is spent, the device has nothing: its own key speaks for it."""
    device, invited = fleet.new_device("camera-1"), fleet.invite("camera-1")
    device.enrol(invited)
    (device.state / FETCH / CERTIFICATE).unlink()
    device.enrol(invited)
    assert device.check()[0] is Ended.UNCHANGED


def test_a_device_is_not_enrolled_twice_nor_as_another(fleet: SimFleet) -> None:
    """What it is stands in its state folder, and an invitation does not change that."""
    device = fleet.device("camera-1")
    with pytest.raises(Misuse) as caught:
        device.enrol(fleet.invite("camera-2"))
    assert caught.value.code is Code.DEVICE_THERE
    assert device.check()[0] is Ended.UNCHANGED
    (device.state / FETCH / CERTIFICATE).unlink()
    with pytest.raises(Misuse) as caught:
        device.enrol(fleet.invite("camera-3"))
    assert "camera-3" in str(caught.value)


def test_no_two_reports_bear_one_number(fleet: SimFleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report that did not arrive has used its number up: the next one has another."""

    def lost(*_: object) -> None:
        raise Unavailable(FetchFault(code=Code.FETCH_CUT, url="report", detail="lost"))

    device = fleet.device("camera-1")
    with monkeypatch.context() as patched:
        patched.setattr(FetchClient, "report", lost)
        device.check()
    first = device.appliance().accounts.now.counter
    device.check()
    assert device.appliance().accounts.now.counter == first + 1


def test_another_servers_key_is_not_believed(fleet: SimFleet) -> None:
    """A gateway with a good certificate and a key that the settings do not pin is sent nothing."""
    device = fleet.device("camera-1")
    config = device.state / FETCH / CONFIG
    known = read_fetch_config(config)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            "firmhold.device.online.configured",
            lambda *_: FetchConfig(**{**_fields(known), "pins": (bytes(32),)}),  # type: ignore[arg-type]
        )
        assert failure(device) is Code.FETCH_PIN
    assert device.check()[0] is Ended.UNCHANGED


def test_a_body_without_end_is_refused_unread(fleet: SimFleet) -> None:
    """Of ten gigabytes that are announced, the server reads a few pages."""
    device = fleet.device("camera-1")
    with Caller(fleet.home.device_port, Shown.of_device(device.state)) as caller:
        line = caller.connect()
        head = b"POST /v1/check-in HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000000\r\n\r\n"
        line.sendall(head + bytes(20_000))
        assert b" 413 " in line.recv(200)
    assert device.check()[0] is Ended.UNCHANGED


def test_metadata_that_a_spool_had_before_bring_nothing_in(
    fleet: SimFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process with the network that gives out what it has for what it was asked: told apart."""
    fleet.publish(1, ONE)
    device = fleet.device("camera-1")
    fleet.rollout(1)
    device.live()
    device.check()
    fleet.publish(2, TWO)
    fleet.rollout(2)

    def from_its_cache(_: Fetcher, name: str, __: str, ___: int) -> JsonObject:
        return {"there": (device.spool / name).exists()}

    with monkeypatch.context() as patched:
        patched.setattr(Fetcher, "_brought", from_its_cache)
        assert list((device.spool / "metadata").iterdir())
        for _ in range(2):
            with pytest.raises(FirmholdError):
                device.check()
            device.rest()
            assert device.runs(ONE)
    device.live()
    assert device.runs(TWO)
