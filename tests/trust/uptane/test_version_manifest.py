"""A version manifest is this device's own word, said once, in answer to a nonce."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmhold.sim.clock import BEGIN
from firmhold.sim.signer import sim_signer
from firmhold.trust.device_id import DeviceId
from firmhold.trust.encoding import JsonObject, canonical_json
from firmhold.trust.errors import Code, Fault, Refused
from firmhold.trust.faults import Absent, Malformed, Mismatch, QuorumUnmet, VersionMismatch
from firmhold.trust.keys import parse_public_key
from firmhold.trust.uptane.component import ComponentId
from firmhold.trust.uptane.version_manifest import (
    MOST_CHECKPOINT_CHARACTERS,
    MOST_COMPONENTS,
    MOST_REFUSALS,
    Installed,
    KnownDevice,
    Outcome,
    SlotState,
    Verdict,
    VersionManifest,
    read_manifest,
    verify_manifest,
)
from firmhold.trust.verified import Verified

NONCE = b"n" * 32
MAIN, RADIO = ComponentId("main"), ComponentId("radio")
MANIFEST = VersionManifest(
    device=DeviceId("camera-7"),
    nonce=NONCE,
    counter=12,
    time=BEGIN + timedelta(days=3),
    recovery=False,
    booted="a",
    slots=MappingProxyType({"a": SlotState.GOOD, "b": SlotState.UNKNOWN}),
    components=MappingProxyType(
        {MAIN: Installed(b"m" * 32, 7, "1.7.0"), RADIO: Installed(b"r" * 32, 0, "factory")}
    ),
    outcome=Outcome(b"m" * 32, Verdict.INSTALLED),
    refusals=("tuf.freeze.timestamp",),
    checkpoint=None,
)


def known(device: str = "camera-7", counter: int = 11) -> KnownDevice:
    """What the server knows of a device."""
    signer = sim_signer(device)
    key = parse_public_key(signer.entry)
    assert key is not None
    components = frozenset({MAIN, RADIO, ComponentId("motor")})
    return KnownDevice(DeviceId(device), signer.key_id, key, components, counter)


@dataclass
class Report:
    """A report on its way, and what the server knows when it arrives; open for editing."""

    manifest: VersionManifest = MANIFEST
    signer: str = "camera-7"
    device: KnownDevice = field(default_factory=known)
    nonce: bytes = NONCE

    def data(self) -> bytes:
        """The report as it travels."""
        signer = sim_signer(self.signer)
        return self.manifest.to_bytes([(signer.key_id, signer.sign(self.manifest.payload))])

    def verify(self) -> Verified[VersionManifest]:
        """What the server makes of it."""
        return verify_manifest(self.data(), self.device, self.nonce)

    def refusal(self) -> Fault:
        """The fault with which it is refused."""
        return refused(self.verify)


def refused(act: Callable[[], object]) -> Fault:
    """The fault with which `act` is refused."""
    with pytest.raises(Refused) as error:
        act()
    return error.value.fault


@pytest.fixture(name="report")
def _report() -> Report:
    """An honest report."""
    return Report()


def test_a_devices_own_report_is_taken_in_as_it_was_made(report: Report) -> None:
    """Components, slots, refusals and time come from the device to the fleet."""
    assert report.verify().value == MANIFEST


@pytest.mark.parametrize("signer", ["camera-8", "operator-1"])
def test_a_report_by_another_key_is_refused(report: Report, signer: str) -> None:
    """Nobody reports for a device but its own key."""
    report.signer = signer
    assert report.refusal() == QuorumUnmet(
        code=Code.MANIFEST_SIGNATURE,
        role="version-manifest",
        delegator="inventory",
        threshold=1,
        signed=(),
        missing=("camera-7",),
    )


def test_a_report_that_was_altered_is_refused(report: Report) -> None:
    """What the device signed is what the fleet reads."""
    altered = report.data().replace(b'"version": "1.7.0"', b'"version": "1.7.1"')
    fault = refused(lambda: verify_manifest(altered, report.device, NONCE))
    assert fault.code is Code.MANIFEST_SIGNATURE


def test_a_report_about_another_device_is_refused(report: Report) -> None:
    """A device's key speaks for that device only."""
    report.manifest = replace(MANIFEST, device=DeviceId("camera-8"))
    assert report.refusal() == Mismatch(
        code=Code.MANIFEST_DEVICE, what="device", expected="camera-7", found="camera-8"
    )


def test_a_report_that_answers_another_nonce_is_refused(report: Report) -> None:
    """A report of yesterday, or one made in advance, is no answer."""
    report.nonce = b"m" * 32
    assert report.refusal() == Mismatch(
        code=Code.MANIFEST_NONCE, what="nonce", expected="6d" * 32, found="6e" * 32
    )


@pytest.mark.parametrize("counter", [12, 13, 999], ids=["the same", "one more", "many more"])
def test_a_report_that_was_counted_before_is_refused(report: Report, counter: int) -> None:
    """Every report of a device is later than its last one."""
    report.device = known(counter=counter)
    assert report.refusal() == VersionMismatch(
        code=Code.MANIFEST_COUNTER, role="version-manifest", expected=counter + 1, found=12
    )


def test_a_component_that_the_device_does_not_have_is_refused(report: Report) -> None:
    """A device cannot invent parts of itself."""
    more = {**MANIFEST.components, ComponentId("tail"): MANIFEST.components[MAIN]}
    report.manifest = replace(MANIFEST, components=more)
    assert report.refusal() == Absent(
        code=Code.MANIFEST_COMPONENT, name="tail", listed_in="inventory"
    )


def test_a_component_that_does_not_answer_may_be_left_out(report: Report) -> None:
    """A device that lost a part can still report the others."""
    report.manifest = replace(MANIFEST, components={MAIN: MANIFEST.components[MAIN]})
    assert set(report.verify().value.components) == {MAIN}


def test_a_document_of_another_kind_is_no_report(report: Report) -> None:
    """The tag says which format the device signed."""
    other = report.data().replace(b"version manifest 1", b"version manifest 2")
    assert refused(lambda: verify_manifest(other, report.device, NONCE)) == Mismatch(
        code=Code.MANIFEST_TAG,
        what="tag",
        expected="firmhold version manifest 1",
        found="firmhold version manifest 2",
    )


PART: JsonObject = {"release_sha256": "00" * 32, "release_counter": 1, "version": "1"}
MALFORMED: dict[str, tuple[str, Any]] = {
    "device": ("device", ""),
    "nonce": ("nonce", "00"),
    "counter": ("counter", 0),
    "time": ("time", "late"),
    "recovery": ("recovery", 0),
    "booted": ("booted", "c"),
    "slots": ("slots", []),
    "slots.a": ("slots", {"a": "fine"}),
    "slots.b": ("slots", {"a": "good", "b": ["good"]}),
    "components": ("components", {str(n): PART for n in range(MOST_COMPONENTS + 1)}),
    "components.main": ("components", {"main": 7}),
    "components.main.release_sha256": ("components", {"main": {**PART, "release_sha256": "0"}}),
    "components.main.release_counter": ("components", {"main": {**PART, "release_counter": -1}}),
    "components.main.version": ("components", {"main": {**PART, "version": "a\nb"}}),
    "components.main.more": ("components", {"main": {**PART, "more": 1}}),
    "refusals": ("refusals", ["a"] * (MOST_REFUSALS + 1)),
    "refusals[0]": ("refusals", [7]),
    "outcome": ("outcome", 7),
    "outcome.verdict": ("outcome", {"release_sha256": "00" * 32, "verdict": "lost"}),
    "outcome.release_sha256": ("outcome", {"release_sha256": "00", "verdict": "failed"}),
    "checkpoint": ("checkpoint", "c" * (MOST_CHECKPOINT_CHARACTERS + 1)),
    "more": ("more", 1),
}


@pytest.mark.parametrize("where", MALFORMED)
def test_a_report_of_another_shape_is_refused_and_named(where: str) -> None:
    """Every member of a report is there, in its type, and none besides."""
    member, value = MALFORMED[where]
    fault = refused(lambda: read_manifest({**MANIFEST.to_json(), member: value}))
    assert isinstance(fault, Malformed)
    assert (fault.code, fault.where) == (Code.MANIFEST_SHAPE, f"signed.{where}")


def test_as_many_components_as_are_permitted_are_read() -> None:
    """The bound itself is inside the bounds."""
    components: JsonObject = {str(n): PART for n in range(MOST_COMPONENTS)}
    manifest = read_manifest({**MANIFEST.to_json(), "components": components})
    assert len(manifest.components) == MOST_COMPONENTS


@pytest.mark.parametrize("member", sorted(MANIFEST.to_json()))
def test_no_member_of_a_report_may_be_missing(report: Report, member: str) -> None:
    """A report that leaves something out is not taken in."""
    document = json.loads(report.data())
    document["signed"].pop(member)
    fault = refused(lambda: verify_manifest(json.dumps(document).encode(), report.device, NONCE))
    assert isinstance(fault, Malformed)
    assert (fault.code, fault.where) == (Code.MANIFEST_SHAPE, f"signed.{member}")


names = st.text("ab.-7\u00e9", min_size=1, max_size=9)
digests = st.binary(min_size=32, max_size=32)
counters = st.integers(0, 2**63 - 1)
manifests = st.builds(
    VersionManifest,
    device=names.map(DeviceId),
    nonce=digests,
    counter=counters.filter(bool),
    time=st.integers(0, 10**9).map(lambda seconds: BEGIN + timedelta(seconds=seconds)),
    recovery=st.booleans(),
    booted=st.just("a"),
    slots=st.fixed_dictionaries(
        {"a": st.sampled_from(SlotState)}, optional={"b": st.sampled_from(SlotState)}
    ),
    components=st.dictionaries(
        names.map(ComponentId), st.builds(Installed, digests, counters, names), max_size=4
    ),
    outcome=st.none() | st.builds(Outcome, digests, st.sampled_from(Verdict)),
    refusals=st.lists(names, max_size=4).map(tuple),
    checkpoint=st.none() | st.text("ab\n\u2014", max_size=40),
)


@given(manifests)
def test_a_report_that_was_written_is_read_back(manifest: VersionManifest) -> None:
    """What the device says is what the fleet reads, and what was signed."""
    data = Report(manifest).data()
    signed = json.loads(data)["signed"]
    assert read_manifest(signed) == manifest
    assert canonical_json(signed) == manifest.payload
