"""Row 65: somebody reports for a device, reports again what it once said, or reports nonsense."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from firmhold.sim.clock import BEGIN
from firmhold.sim.signer import sim_signer
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
