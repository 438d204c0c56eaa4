"""An offline update is the Director's word from other hands: each check alone."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from firmhold.sim.clock import BEGIN
from firmhold.sim.offline import HOLDERS, sim_offline_update, sim_order
from firmhold.sim.settings import sim_settings
from firmhold.trust.device_id import DeviceId
from firmhold.trust.digest import TARGET_FILE, Expectation
from firmhold.trust.encoding import JsonObject
from firmhold.trust.errors import Code, Fault, Refused
from firmhold.trust.faults import (
    Absent,
    ComponentFault,
    Expired,
    Malformed,
    Mismatch,
    QuorumUnmet,
    VersionMismatch,
    WrongType,
)
from firmhold.trust.settings.reader import parse_settings
from firmhold.trust.settings.trust_settings import SETTINGS_PATH, OfflineRules, TrustSettings
from firmhold.trust.tuf.roles import Target
from firmhold.trust.tuf.wire import parse_envelope
from firmhold.trust.uptane.component import Component, ComponentId, HardwareId
from firmhold.trust.uptane.full_verification import verify_image
from firmhold.trust.uptane.offline import (
    MOST_NAMES,
    Addressee,
    OfflineUpdate,
    verify_offline_update,
)
from firmhold.trust.verified import Verified, seal

IMAGE = b"an image" * 100
DIGESTS = {"sha256": hashlib.sha256(IMAGE).hexdigest()}
WEEK = timedelta(days=7)
CUSTOM: JsonObject = {"hardwareIds": ["hw-1"], "releaseCounter": 3}


def entry(*components: str) -> dict[str, Any]:
    """A target for components of one kind."""
    named = {component: {"hardwareId": "hw-1"} for component in components}
    return {"length": len(IMAGE), "hashes": DIGESTS, "custom": {"ecuIdentifiers": named}}


@dataclass
class Medium:
    """An offline update, who signs it, and the device into which it is put; open for editing."""

    settings: Verified[TrustSettings]
    signed: dict[str, Any] = field(
        default_factory=lambda: {**sim_order({"a.img": entry("ecu-1")}, devices=["camera-7"])}
    )
    holders: tuple[str, ...] = HOLDERS
    addressee: Addressee = field(
        default_factory=lambda: Addressee(DeviceId("camera-7"), frozenset({"line-3"}))
    )
    newest: int = 0
    now: datetime = BEGIN

    def verify(self) -> Verified[OfflineUpdate]:
        """What the device makes of the medium."""
        data = sim_offline_update(self.signed, self.holders)
        return verify_offline_update(data, self.settings, self.addressee, self.newest, self.now)

    def refusal(self) -> Fault:
        """The fault with which the medium is refused."""
        return refused(self.verify)


def refused(act: Callable[[], object]) -> Fault:
    """The fault with which `act` is refused."""
    with pytest.raises(Refused) as error:
        act()
    return error.value.fault


@pytest.fixture(name="medium")
def _medium() -> Medium:
    """A medium that its device may take."""
    return Medium(seal(parse_settings(json.dumps(sim_settings()).encode())))


def test_an_offline_update_assigns_what_a_director_would(medium: Medium) -> None:
    """Its assignments go into the same full verification against the image repository."""
    update = medium.verify().value
    assert (update.version, update.expires) == (1, BEGIN + WEEK)
    assignment = update.assignments[ComponentId("ecu-1")]
    own = Component(ComponentId("ecu-1"), HardwareId("hw-1"))
    expectation = Expectation("a.img", len(IMAGE), DIGESTS, TARGET_FILE)
    image = seal(Target("a.img", "feature", expectation, CUSTOM))
    assert verify_image(own, assignment, image).value.release_counter == 3


def test_an_offline_update_never_passes_for_targets_metadata(medium: Medium) -> None:
    """No TUF role is played by it, whichever keys signed it."""
    data = sim_offline_update(medium.signed)
    fault = refused(lambda: parse_envelope(data, "targets", "targets"))
    assert fault.code is Code.TUF_SHAPE


@pytest.mark.parametrize(
    ("member", "value"),
    [("_type", "targets"), ("delegations", {}), ("spec_version", "1.0.31")],
    ids=["type", "delegations", "specification"],
)
def test_targets_metadata_never_pass_for_an_offline_update(
    medium: Medium, member: str, value: object
) -> None:
    """A document that would be both is neither."""
    medium.signed[member] = value
    fault = medium.refusal()
    assert isinstance(fault, Malformed)
    assert (fault.code, fault.where) == (Code.OFFLINE_SHAPE, f"signed.{member}")
    assert not isinstance(fault, WrongType)


def test_a_document_under_another_tag_is_refused(medium: Medium) -> None:
    """The tag says what its holders signed."""
    medium.signed["tag"] = "firmhold offline update 2"
    assert medium.refusal() == Mismatch(
        code=Code.OFFLINE_TAG,
        what="tag",
        expected="firmhold offline update 1",
        found="firmhold offline update 2",
    )


@pytest.mark.parametrize(
    ("holders", "signed"),
    [((), ()), (("offline-1",), ("offline-1",)), (("offline-1", "operator-1"), ("offline-1",))],
    ids=["nobody", "one", "one and an operator"],
)
def test_too_few_holders_are_refused(
    medium: Medium, holders: tuple[str, ...], signed: tuple[str, ...]
) -> None:
    """Offline, too, nobody alone puts firmware on a device."""
    medium.holders = holders
    fault = medium.refusal()
    assert isinstance(fault, QuorumUnmet)
    assert (fault.code, fault.role) == (Code.OFFLINE_SIGNATURES, "offline-update")
    assert (fault.delegator, fault.threshold) == (SETTINGS_PATH, 2)
    assert fault.signed == signed


def test_a_key_of_an_algorithm_past_its_date_counts_for_nothing(medium: Medium) -> None:
    """Offline keys are judged by the algorithm policy like all others."""
    medium.settings = seal(replace(medium.settings.value, algorithms={}))
    assert medium.refusal().code is Code.OFFLINE_SIGNATURES


@pytest.mark.parametrize("most", [30, 8], ids=["thirty days", "fewer"])
def test_an_offline_update_lives_no_longer_than_permitted(medium: Medium, most: int) -> None:
    """The rules say how many days; one second more is refused."""
    medium.settings = seal(
        replace(medium.settings.value, offline_rules=OfflineRules(most, groups=False))
    )
    medium.signed["expires"] = f"{BEGIN + timedelta(days=most):%Y-%m-%dT%H:%M:%SZ}"
    assert medium.verify().value.expires == BEGIN + timedelta(days=most)
    medium.signed["expires"] = f"{BEGIN + timedelta(days=most, seconds=1):%Y-%m-%dT%H:%M:%SZ}"
    fault = medium.refusal()
    assert isinstance(fault, Mismatch)
    assert (fault.code, fault.what) == (Code.OFFLINE_LIFETIME, "expires")
    assert fault.expected == f"at most {most} days after 2030-01-01T00:00:00Z"


def test_an_expired_offline_update_is_refused(medium: Medium) -> None:
    """A medium that was found in a drawer is of no use."""
    medium.now = BEGIN + WEEK - timedelta(seconds=1)
    medium.verify()
    medium.now = BEGIN + WEEK
    assert medium.refusal() == Expired(
        code=Code.OFFLINE_EXPIRED,
        role="offline-update",
        expires=BEGIN + WEEK,
        now=BEGIN + WEEK,
    )


def test_a_device_whose_time_is_behind_takes_a_medium_of_today(medium: Medium) -> None:
    """The device that needs a medium is the one that heard the time long ago."""
    medium.now = BEGIN - timedelta(days=999)
    assert medium.verify().value.version == 1


@pytest.mark.parametrize(
    ("devices", "groups", "named"),
    [
        (["camera-7"], [], True),
        (["camera-1", "camera-7"], ["line-9"], True),
        ([], ["line-3"], True),
        (["camera-1"], ["line-2", "line-3"], True),
        (["camera-1"], ["line-9"], False),
        (["line-3"], ["camera-7"], False),
        ([], [], False),
    ],
    ids=[
        "the device",
        "among others",
        "its group",
        "one of its groups",
        "others",
        "names in the wrong list",
        "nobody",
    ],
)
def test_an_offline_update_is_for_named_devices_and_groups(
    medium: Medium, devices: list[str], groups: list[str], *, named: bool
) -> None:
    """Who is not named, by itself or by a group, takes nothing."""
    medium.signed.update(devices=devices, groups=groups)
    if named:
        assert medium.verify().value.version == 1
        return
    assert medium.refusal() == Absent(
        code=Code.OFFLINE_NOT_FOR_US, name="camera-7", listed_in="offline-update"
    )


def test_groups_count_only_where_the_rules_permit_them(medium: Medium) -> None:
    """Where only devices may be named, a group refuses the whole, whoever stands beside it."""
    rules = OfflineRules(30, groups=False)
    medium.settings = seal(replace(medium.settings.value, offline_rules=rules))
    medium.verify()
    medium.signed["groups"] = ["line-3", "line-2"]
    assert medium.refusal() == Mismatch(
        code=Code.OFFLINE_GROUPS, what="groups", expected="none", found="line-2"
    )


def test_an_older_offline_update_than_the_last_is_refused(medium: Medium) -> None:
    """The last one may be put in again; one before it may not."""
    medium.signed["version"] = medium.newest = 4
    assert medium.verify().value.version == 4
    medium.newest = 5
    assert medium.refusal() == VersionMismatch(
        code=Code.OFFLINE_ROLLBACK, role="offline-update", expected=5, found=4
    )


def test_a_component_that_is_named_twice_sinks_the_whole(medium: Medium) -> None:
    """As with a Director: one component, one image."""
    medium.signed["targets"]["b.img"] = entry("ecu-2", "ecu-1")
    assert medium.refusal() == ComponentFault(
        code=Code.UPTANE_COMPONENT_TWICE, component="ecu-1", expected="a.img", found="b.img"
    )


MALFORMED: dict[str, tuple[str, Any, Code]] = {
    "version": ("version", 0, Code.OFFLINE_SHAPE),
    "issued_at": ("issued_at", "today", Code.OFFLINE_SHAPE),
    "expires": ("expires", None, Code.OFFLINE_SHAPE),
    "devices": ("devices", {}, Code.OFFLINE_SHAPE),
    "devices[0]": ("devices", [""], Code.OFFLINE_SHAPE),
    "groups": ("groups", ["g"] * (MOST_NAMES + 1), Code.OFFLINE_SHAPE),
    "targets": ("targets", [], Code.TUF_SHAPE),
    "targets.a.img.length": ("targets", {"a.img": {"hashes": DIGESTS}}, Code.TUF_SHAPE),
}


@pytest.mark.parametrize("where", MALFORMED)
def test_an_offline_update_of_another_shape_is_refused_and_named(
    medium: Medium, where: str
) -> None:
    """Every member is there, in its type."""
    member, value, code = MALFORMED[where]
    medium.signed[member] = value
    fault = medium.refusal()
    assert isinstance(fault, Malformed)
    assert (fault.code, fault.where) == (code, f"signed.{where}")
