"""A key is revoked while a rollout is under way and devices are in the middle of a download.

Good updates go through; what the revoked key signed is refused from the next check-in on.
"""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from cryptography.x509 import Certificate, load_pem_x509_certificate
from sqlalchemy import select
from tuf.api.metadata import MetaFile, Snapshot, Timestamp

from firmhold.device.ports import Repository
from firmhold.fleet.ca.hand_over import revoke_former
from firmhold.fleet.tables import WORDS
from firmhold.protocol.check_in import Known, Question
from firmhold.protocol.paths import CHECK_IN
from firmhold.protocol.problem import parse_problem
from firmhold.release.adapters.folder import FolderSite
from firmhold.release.documents import add_signature, parse, unsigned, version_of
from firmhold.sim.caller import Caller, Shown
from firmhold.sim.fleet import SimFleet
from firmhold.sim.fleet_device import FleetDevice
from firmhold.sim.hands import revoke
from firmhold.sim.proxy import Between
from firmhold.sim.signer import sim_signer
from firmhold.sim.vendor import SimReader
from firmhold.storage.sql import open_for_reading, used
from firmhold.trust.errors import Code, Refused, Unavailable
from firmhold.trust.tuf.dialect import FIRMHOLD
from firmhold.trust.tuf.trusted_set import TrustedSet

ONE, TWO = Random(1).randbytes(500_000), Random(2).randbytes(500_000)
SLOT_BYTES = 1 << 20
HALF = 300_000
ROOM = 200_000
"""Bytes that handshakes, heads and documents of a few check-ins may take beside the payload."""

DIRECTOR_ROLES = ("targets", "snapshot", "timestamp")
ROLES = ("root", "timestamp", "snapshot", "targets", "feature", "security")

Figure = Callable[[str], None]


class Scene:
    """Three devices: one has installed, one is in the middle of it, one has not begun."""

    def __init__(self, fleet: SimFleet, wire: Between) -> None:
        self.fleet, self.wire = fleet, wire
        self.ready, self.late = (fleet.device(f"camera-{n}", slot_bytes=SLOT_BYTES) for n in (1, 2))
        self.midway = fleet.new_device("camera-3", SLOT_BYTES)
        self.midway.enrol(replace(fleet.invite("camera-3"), device_port=wire.port))

    def begin(self, counter: int) -> None:
        """A rollout is under way: one device has what it brings, one has half of it."""
        self.fleet.rollout(counter)
        lives(self.ready)
        self.wire.mend()
        self.wire.cut_after = HALF
        with pytest.raises(Unavailable):
            self.midway.check()
        assert self.wire.passed >= HALF

    def ends_well(self, image: bytes) -> None:
        """Who was in the middle goes on from there; who had not begun begins."""
        self.wire.mend()
        for device in (self.midway, self.late, self.ready):
            lives(device)
            assert device.runs(image)
        assert self.wire.passed < len(image) - HALF + ROOM


def lives(device: FleetDevice) -> None:
    """Go through a cycle, and through all the boots that it wants."""
    device.live()
    device.rest()


@pytest.fixture
def scene(fleet: SimFleet) -> Iterator[Scene]:
    """Release 1 is published, and devices have enrolled."""
    fleet.publish(1, ONE)
    with Between(fleet.home.device_port) as wire:
        yield Scene(fleet, wire)


def ignored(_: str) -> None:
    """What is said on the way."""


@contextmanager
def timed(figure: Figure, what: str, device: FleetDevice) -> Iterator[None]:
    """Tell how long it took until a device had taken in that a key is revoked."""
    began = time.monotonic()
    yield
    lives(device)
    figure(f"{what}: {time.monotonic() - began:.2f} s from the command to a device that knows")


def as_it_believes(device: FleetDevice, site: Path, fleet: SimFleet) -> SimReader:
    """A reader of a site who trusts just what a device trusts."""
    reader, store = SimReader(FolderSite(site), b"", fleet.clock), device.appliance().store
    found = {role: store.load(Repository.IMAGE, role) for role in ROLES}
    reader.stored = {role: data for role, data in found.items() if data is not None}
    return reader


def forged(fleet: SimFleet, role: str | None = None, data: bytes = b"") -> Path:
    """A copy of the site by one who has its machines' keys, with other metadata for a role."""
    vendor, now = fleet.vendor, fleet.clock.now()
    site = fleet.folder / "thief"
    shutil.copytree(fleet.folder / "site", site)
    release = {
        name: vendor.desk.current(name) or b"" for name in ("targets", "feature", "security")
    }
    if role is not None:
        release[role] = data
        version = version_of(parse(data, role))
        (site / "metadata" / f"{version}.{role}.json").write_bytes(data)
    number = version_of(parse(vendor.desk.current("snapshot") or b"", "snapshot")) + 1
    meta = {
        f"{name}.json": MetaFile.from_data(version_of(parse(each, name)), each, ["sha256"])
        for name, each in release.items()
    }
    until = (now + timedelta(days=5)).replace(microsecond=0)
    snapshot = unsigned(Snapshot(number, expires=until, meta=meta))
    snapshot = add_signature(snapshot, "snapshot", vendor.online["snapshot"])
    (site / "metadata" / f"{number}.snapshot.json").write_bytes(snapshot)
    newest = MetaFile.from_data(number, snapshot, ["sha256"])
    timestamp = unsigned(Timestamp(number, expires=until, snapshot_meta=newest))
    timestamp = add_signature(timestamp, "timestamp", vendor.online["timestamp"])
    (site / "metadata" / "timestamp.json").write_bytes(timestamp)
    return site


@pytest.mark.parametrize("role", ["feature", "security", "targets", "root"])
def test_a_holder_is_revoked_under_way(scene: Scene, role: str, figure: Figure) -> None:
    """Those who are left sign anew what must be, and the next release goes out without him."""
    fleet, vendor = scene.fleet, scene.fleet.vendor
    scene.begin(1)
    with timed(figure, f"{role} key", scene.ready):
        revoke(vendor, f"{role}-1", {}, ignored)
        vendor.publish()
    scene.ends_well(ONE)

    fleet.draft(2, TWO)
    vendor.sign("feature", "feature-2", "feature-3")
    vendor.publish()
    fleet.rollout(2)
    for device in (scene.ready, scene.midway, scene.late):
        lives(device)
        assert device.runs(TWO)


@pytest.mark.parametrize("authority", ["feature", "security"])
def test_what_a_revoked_holder_signed_with_another_is_refused(scene: Scene, authority: str) -> None:
    """It was a quorum when it was signed, it is none at the next check-in."""
    fleet, vendor = scene.fleet, scene.fleet.vendor
    scene.begin(1)
    stolen = vendor.desk.current(authority) or b""
    assert sim_signer(f"{authority}-1").key_id.encode() in stolen
    revoke(vendor, f"{authority}-1", {}, ignored)
    vendor.publish()
    lives(scene.ready)

    document = json.loads(stolen)
    document["signed"]["version"] += 7
    again = json.dumps({"signed": document["signed"], "signatures": []}).encode()
    for name in (f"{authority}-1", f"{authority}-2"):
        again = add_signature(again, authority, sim_signer(name))
    reader = as_it_believes(scene.ready, forged(fleet, authority, again), fleet)
    with pytest.raises(Refused) as error:
        reader.read(f"{authority}/camera/1.json")
    assert error.value.code is Code.TUF_SIGNATURES_DELEGATED


@pytest.mark.parametrize("role", ["timestamp", "snapshot"])
def test_a_machine_of_the_site_gets_another_key_under_way(
    scene: Scene, role: str, figure: Figure
) -> None:
    """The next root names the new key; what the old one signs is refused."""
    vendor = scene.fleet.vendor
    scene.begin(1)
    with timed(figure, f"{role} key", scene.ready):
        revoke(vendor, role, {role: f"{role}-new"}, ignored)
        vendor.machines[role] = f"{role}-new"
        vendor.publish()
    scene.ends_well(ONE)

    vendor.machines[role] = role
    with pytest.raises(Refused) as error:
        as_it_believes(scene.ready, forged(scene.fleet), scene.fleet).refresh()
    codes = {"timestamp": Code.TUF_SIGNATURES_TIMESTAMP, "snapshot": Code.TUF_SIGNATURES_SNAPSHOT}
    assert error.value.code is codes[role]


def word_of(fleet: SimFleet, device: str) -> bytes:
    """The Director's timestamp for a device, as it stands in the tables."""
    query = select(WORDS.c.timestamp).where(WORDS.c.device == device)
    engine = open_for_reading(fleet.home.database_for("director"))
    with used(engine) as database, database.connect() as connection:
        return bytes(connection.execute(query).scalar_one())


def is_of(word: bytes, signer: str) -> bool:
    """Whether a word was signed by the key that is made from a name."""
    return str(sim_signer(signer).key_id).encode() in word


def test_the_director_gets_another_key_under_way(scene: Scene, figure: Figure) -> None:
    """Every device has a new word at once; a word of the old key is refused."""
    fleet, vendor = scene.fleet, scene.fleet.vendor
    fleet.keys["director"] = ["director", "director-new"]
    fleet.restart("director")
    scene.begin(1)
    before = word_of(fleet, "camera-1")
    with timed(figure, "Director's key", scene.ready):
        revoke(vendor, "director", dict.fromkeys(DIRECTOR_ROLES, "director-new"), ignored)
        assert fleet.take_roots() == [2]
        fleet.until(lambda: is_of(word_of(fleet, "camera-1"), "director-new"))
    scene.ends_well(ONE)

    assert is_of(before, "director")
    trusted = TrustedSet.pin(
        scene.ready.appliance().store.load(Repository.DIRECTOR, "root") or b"", FIRMHOLD
    )
    with pytest.raises(Refused) as error:
        trusted.accept_timestamp(before, fleet.clock.now())
    assert error.value.code is Code.TUF_SIGNATURES_TIMESTAMP
    trusted.accept_timestamp(word_of(fleet, "camera-1"), fleet.clock.now())


def test_another_key_tells_the_time_under_way(scene: Scene, figure: Figure) -> None:
    """A new epoch begins with a key of its own; the old one tells no time any more."""
    fleet, vendor = scene.fleet, scene.fleet.vendor
    fleet.keys["freshness"] = ["freshness-1", "freshness-new"]
    fleet.restart("director")
    scene.begin(1)
    with timed(figure, "freshness key", scene.ready):
        revoke(vendor, "freshness-1", {"freshness": "freshness-new"}, ignored)
        vendor.publish()
        fleet.until(lambda: epoch_of(scene.ready) == 2)
    scene.ends_well(ONE)
    for device in (scene.ready, scene.midway, scene.late):
        assert epoch_of(device) == 2

    fleet.keys["freshness"] = ["freshness-1"]
    fleet.restart("director")
    with pytest.raises(Unavailable):  # an honest director knows itself that it may not
        scene.ready.check()


def epoch_of(device: FleetDevice) -> int:
    """The freshness epoch that a device has reached by its next cycle."""
    lives(device)
    floor = device.appliance().store.floor
    assert floor is not None
    assert not floor.recovery
    return floor.epoch


def certificate_of(device: FleetDevice) -> Certificate:
    """The certificate by which a device asks."""
    return load_pem_x509_certificate((device.state / "fetch" / "client.pem").read_bytes())


def test_the_authority_of_certificates_is_revoked_under_way(scene: Scene, figure: Figure) -> None:
    """What it issued counts no more with the next request; each device has another certificate."""
    fleet = scene.fleet
    scene.begin(1)
    devices = (scene.ready, scene.midway, scene.late)
    stolen = [certificate_of(device) for device in devices]
    with timed(figure, "key of the device CA", scene.ready):
        fleet.hand_over("ca-new")
        known = revoke_former(fleet.home)
    scene.ends_well(ONE)

    for device, before in zip(devices, stolen, strict=True):
        now = certificate_of(device)
        now.verify_directly_issued_by(known.issuing)
        before.verify_directly_issued_by(known.revoked[0])
        assert "urn:firmhold:full:" in str(now.extensions)


def test_a_revoked_authority_ends_open_connections_too(fleet: SimFleet, figure: Figure) -> None:
    """The next request on a connection that has been let in is refused, and so is a new one."""
    device = fleet.device("camera-1")
    shown = Shown.of_device(device.state)
    question = Question(bytes(32), Known(1), Known(1)).to_bytes()
    with Caller(fleet.home.device_port, shown) as caller:
        assert caller.ask("POST", CHECK_IN, question)[0] == 200
        fleet.hand_over("ca-new")
        assert caller.ask("POST", CHECK_IN, question)[0] == 200
        began = time.monotonic()
        revoke_former(fleet.home)
        status, body = caller.ask("POST", CHECK_IN, question)
    figure(f"device CA: {time.monotonic() - began:.3f} s to the refusal on an open connection")
    assert (status, parse_problem(body).code) == (403, Code.GATEWAY_AUTHORITY)
    with Caller(fleet.home.device_port, shown) as caller:
        assert caller.ask("POST", CHECK_IN, question)[0] == 403
    lives(device)


def test_a_director_without_its_new_key_serves_what_was_signed(scene: Scene) -> None:
    """Devices go on with the words of before until the key is there, and are told the time."""
    fleet, vendor = scene.fleet, scene.fleet.vendor
    scene.begin(1)
    before = word_of(fleet, "camera-2")
    revoke(vendor, "director", dict.fromkeys(DIRECTOR_ROLES, "director-new"), ignored)
    fleet.take_roots()
    time.sleep(2.5)  # rounds of the director's
    assert word_of(fleet, "camera-2") == before
    with pytest.raises(Refused):
        scene.late.check()  # the root says that this word counts no more
    assert scene.late.appliance().boot.running() is not None

    fleet.keys["director"] = ["director-new"]
    fleet.restart("director")
    fleet.until(lambda: is_of(word_of(fleet, "camera-2"), "director-new"))
    scene.ends_well(ONE)
