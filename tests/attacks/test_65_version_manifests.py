"""Row 65: somebody reports for a device, reports again what it once said, or reports nonsense."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from firmhold.fleet.tables import DEVICES, REPORTS
from firmhold.protocol import paths
from firmhold.protocol.check_in import Known, Question, parse_answer
from firmhold.sim.caller import Caller, Shown
from firmhold.sim.clock import BEGIN
from firmhold.sim.fleet import SimFleet
from firmhold.sim.signer import sim_signer
from firmhold.storage.sql import open_database, open_for_reading, used
from firmhold.trust.device_id import DeviceId
from firmhold.trust.document import document_bytes
from firmhold.trust.encoding import canonical_json
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Absent, Mismatch, QuorumUnmet, VersionMismatch
from firmhold.trust.keys import parse_public_key
from firmhold.trust.uptane.component import ComponentId
from firmhold.trust.uptane.version_manifest import (
    Installed,
    KnownDevice,
    SlotState,
    VersionManifest,
    verify_manifest,
)

MAIN = ComponentId("main")
CAMERA, OTHER = DeviceId("camera-7"), DeviceId("camera-8")


@dataclass
class Inventory:
    """What the fleet's server keeps: devices with the last report of each; gives out nonces."""

    devices: dict[DeviceId, KnownDevice] = field(default_factory=dict)
    reports: dict[DeviceId, VersionManifest] = field(default_factory=dict)
    asked: int = 0

    def enrol(self, device: DeviceId) -> None:
        """Take a device in, with the key that belongs to its name."""
        signer = sim_signer(device)
        key = parse_public_key(signer.entry)
        assert key is not None
        self.devices[device] = KnownDevice(device, signer.key_id, key, frozenset({MAIN}), 0)

    def nonce(self) -> bytes:
        """Give out a nonce that was never given out before."""
        self.asked += 1
        return hashlib.sha256(f"nonce {self.asked}".encode()).digest()

    def take(self, device: DeviceId, data: bytes, nonce: bytes) -> Refused | None:
        """Take in what came over the connection of a device; return the refusal if it is none."""
        try:
            manifest = verify_manifest(data, self.devices[device], nonce).value
        except Refused as refused:
            return refused
        self.devices[device] = replace(self.devices[device], counter=manifest.counter)
        self.reports[device] = manifest
        return None


def report(device: DeviceId, nonce: bytes, counter: int, version: str = "1.7.0") -> VersionManifest:
    """What an honest device says."""
    return VersionManifest(
        device=device,
        nonce=nonce,
        counter=counter,
        time=BEGIN,
        recovery=False,
        booted="a",
        slots={"a": SlotState.GOOD, "b": SlotState.UNKNOWN},
        components={MAIN: Installed(bytes(32), 7, version)},
        outcome=None,
        refusals=("uptane.digest",),
        checkpoint=None,
    )


def signed(manifest: VersionManifest, name: str) -> bytes:
    """The report, signed by the key that belongs to a name."""
    signer = sim_signer(name)
    return manifest.to_bytes([(signer.key_id, signer.sign(manifest.payload))])


@pytest.fixture(name="fleet")
def _fleet() -> Inventory:
    """Two devices, of which one has reported, an attack that it detected included."""
    fleet = Inventory()
    fleet.enrol(CAMERA)
    fleet.enrol(OTHER)
    nonce = fleet.nonce()
    assert fleet.take(CAMERA, signed(report(CAMERA, nonce, 1), CAMERA), nonce) is None
    assert fleet.reports[CAMERA].refusals == ("uptane.digest",)
    return fleet


def held(fleet: Inventory, before: VersionManifest) -> None:
    """The server knows what it knew, and takes the device's own next report."""
    assert fleet.reports == {CAMERA: before}
    nonce = fleet.nonce()
    assert fleet.take(CAMERA, signed(report(CAMERA, nonce, 2, "1.8.0"), CAMERA), nonce) is None
    assert fleet.reports[CAMERA].components[MAIN].version == "1.8.0"


def test_nobody_reports_for_a_device_without_its_key(fleet: Inventory) -> None:
    """A forged report says that all is well; another device's key does not sign for this one."""
    before, nonce = fleet.reports[CAMERA], fleet.nonce()
    refused = fleet.take(CAMERA, signed(report(CAMERA, nonce, 2, "9.9.9"), OTHER), nonce)
    assert refused is not None
    assert refused.code is Code.MANIFEST_SIGNATURE
    assert isinstance(refused.fault, QuorumUnmet)
    held(fleet, before)


def test_a_report_of_before_is_not_taken_again(fleet: Inventory) -> None:
    """What the device once said answers no later question."""
    before, first = fleet.reports[CAMERA], signed(fleet.reports[CAMERA], CAMERA)
    nonce = fleet.nonce()
    refused = fleet.take(CAMERA, first, nonce)
    assert refused is not None
    assert refused.fault == Mismatch(
        code=Code.MANIFEST_NONCE, what="nonce", expected=nonce.hex(), found=before.nonce.hex()
    )
    held(fleet, before)


def test_a_report_is_not_taken_twice_for_one_nonce(fleet: Inventory) -> None:
    """Delivered again under its own nonce, a report does not count again."""
    before = fleet.reports[CAMERA]
    refused = fleet.take(CAMERA, signed(before, CAMERA), before.nonce)
    assert refused is not None
    assert refused.fault == VersionMismatch(
        code=Code.MANIFEST_COUNTER, role="version-manifest", expected=2, found=1
    )
    held(fleet, before)


def test_a_device_does_not_report_for_another(fleet: Inventory) -> None:
    """A device that is in an attacker's hands speaks for itself only."""
    before, nonce = fleet.reports[CAMERA], fleet.nonce()
    refused = fleet.take(OTHER, signed(report(CAMERA, nonce, 2), OTHER), nonce)
    assert refused is not None
    assert refused.fault == Mismatch(
        code=Code.MANIFEST_DEVICE, what="device", expected="camera-8", found="camera-7"
    )
    held(fleet, before)


def test_a_device_does_not_invent_parts_of_itself(fleet: Inventory) -> None:
    """A component that was never enrolled is refused with the whole report."""
    before, nonce = fleet.reports[CAMERA], fleet.nonce()
    honest = report(CAMERA, nonce, 2)
    more = replace(
        honest, components={**honest.components, ComponentId("brake"): before.components[MAIN]}
    )
    refused = fleet.take(CAMERA, signed(more, CAMERA), nonce)
    assert refused is not None
    assert refused.fault == Absent(
        code=Code.MANIFEST_COMPONENT, name="brake", listed_in="inventory"
    )
    held(fleet, before)


def bend(edit: Callable[[dict[str, Any]], object]) -> Callable[[bytes, bytes], bytes]:
    """Have the device's own key sign a report that was bent before."""

    def bent(honest: bytes, _nonce: bytes) -> bytes:
        document = json.loads(honest)["signed"]
        edit(document)
        signer = sim_signer(CAMERA)
        return document_bytes(document, [(signer.key_id, signer.sign(canonical_json(document)))])

    return bent


FLAWED: dict[str, tuple[Callable[[bytes, bytes], bytes], Code]] = {
    "empty": (lambda _, __: b"", Code.ENCODING_NOT_JSON),
    "cut": (lambda honest, _: honest[:-9], Code.ENCODING_NOT_JSON),
    "nonce only": (lambda _, nonce: nonce, Code.ENCODING_NOT_UTF8),
    "a key twice": (
        lambda honest, _: honest.replace(b'"counter": 2', b'"counter": 2, "counter": 3'),
        Code.ENCODING_DUPLICATE_KEY,
    ),
    "endless": (lambda honest, _: honest + b" " * 300_000, Code.ENCODING_TOO_LARGE),
    "unsigned": (
        lambda honest, _: document_bytes(json.loads(honest)["signed"], []),
        Code.MANIFEST_SIGNATURE,
    ),
    "altered after it was signed": (
        lambda honest, _: honest.replace(b'"good"', b'"bad"'),
        Code.MANIFEST_SIGNATURE,
    ),
    "another kind of document": (bend(lambda d: d.update(tag="x")), Code.MANIFEST_TAG),
    "a counter that is a text": (bend(lambda d: d.update(counter="2")), Code.MANIFEST_SHAPE),
    "no components": (bend(lambda d: d.pop("components")), Code.MANIFEST_SHAPE),
    "a slot that is not there": (bend(lambda d: d.update(booted="z")), Code.MANIFEST_SHAPE),
    "markup in a field": (
        bend(lambda d: d.update(refusals=["<img\nonerror=x>"])),
        Code.MANIFEST_SHAPE,
    ),
}


@pytest.mark.parametrize("flaw", FLAWED)
def test_a_flawed_report_is_refused_whole(fleet: Inventory, flaw: str) -> None:
    """Bytes that are no report move nothing on the server, whoever signed them."""
    before, nonce = fleet.reports[CAMERA], fleet.nonce()
    make, code = FLAWED[flaw]
    data = make(signed(report(CAMERA, nonce, 2), CAMERA), nonce)
    refused = fleet.take(CAMERA, data, nonce)
    assert refused is not None
    assert refused.code is code
    held(fleet, before)


QUESTION = Question(bytes(32), Known(1), Known(1)).to_bytes()


def known(fleet: SimFleet) -> tuple[int, bytes, list[bytes]]:
    """A device's counter, what is believed of it, and all reports that came in."""
    with used(open_for_reading(fleet.home.database)) as database, database.connect() as connection:
        counter, believed = connection.execute(select(DEVICES.c.counter, DEVICES.c.report)).one()
        came = connection.execute(select(REPORTS.c.data).order_by(REPORTS.c.id)).scalars()
        return counter, bytes(believed or b""), [bytes(each) for each in came]


def edited(report: bytes, edit: Callable[[Any], object]) -> bytes:
    """A report after a hand was at it."""
    document = json.loads(report)
    edit(document)
    return json.dumps(document).encode()


@pytest.fixture(name="a_fleet")
def _a_fleet(tmp_path: Path) -> Iterator[SimFleet]:
    """A server that listens."""
    with SimFleet(tmp_path) as made:
        yield made


FORGED: dict[str, tuple[Callable[[Any], object], int]] = {
    "as it was": (lambda _: None, 204),
    "with today's nonce": (lambda d: d["signed"].update(nonce="TODAY"), 204),
    "another version": (lambda d: d["signed"].update(nonce="TODAY", counter=99), 204),
    "no signature": (lambda d: d.update(signatures=[]), 204),
    "nothing of it": (lambda d: d.clear(), 403),
}


@pytest.mark.parametrize(("edit", "status"), FORGED.values(), ids=FORGED)
def test_no_forged_report_moves_what_a_fleet_believes(
    a_fleet: SimFleet, edit: Callable[[Any], object], status: int
) -> None:
    """Sent by who has the certificate but not the signing key: it counts for nothing."""
    device = a_fleet.device("camera-1")
    device.check()
    a_fleet.until(lambda: known(a_fleet)[0] > 0)
    counter, believed, reports = known(a_fleet)

    with Caller(a_fleet.home.device_port, Shown.of_device(device.state)) as thief:
        told = parse_answer(thief.ask("POST", paths.CHECK_IN, QUESTION)[1])
        forged = edited(reports[0], edit).replace(b"TODAY", told.report_nonce.hex().encode())
        assert thief.ask("POST", paths.REPORT, forged)[0] == status
    a_fleet.settled()

    assert known(a_fleet)[:2] == (counter, believed)
    a_fleet.clock.advance(timedelta(days=2))
    for _ in range(2):  # it hears the time, and that a report is due
        device.check()
    a_fleet.until(lambda: known(a_fleet)[0] == counter + 1)


def test_a_report_that_comes_again_counts_for_nothing_and_alarms_nobody(a_fleet: SimFleet) -> None:
    """Whoever holds the gateway repeats an old one: also where an operator has let numbers go."""
    device = a_fleet.device("camera-1")
    device.check()
    a_fleet.until(lambda: known(a_fleet)[0] > 0)
    a_fleet.clock.advance(timedelta(days=2))
    for _ in range(2):
        device.check()
    a_fleet.until(lambda: len(known(a_fleet)[2]) > 1)
    a_fleet.settled()
    believed = known(a_fleet)[1]
    with a_fleet.operator() as director:
        director.post("/devices/camera-1/acknowledge", {})

    with used(open_database(a_fleet.home.database)) as database, database.begin() as connection:
        for came in connection.execute(select(REPORTS).order_by(REPORTS.c.id)).mappings().all():
            connection.execute(insert(REPORTS), {**came, "id": None})
    a_fleet.settled()

    assert known(a_fleet)[1] == believed
    with a_fleet.operator() as director:
        (row,) = director.rows("/devices")
        assert row["alarms"] == []
