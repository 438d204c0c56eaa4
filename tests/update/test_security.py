"""The security authority's own documents: by its word only, in one form, about one product."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from firmhold.trust.device_id import DeviceId
from firmhold.trust.digest import TARGET_FILE, Expectation
from firmhold.trust.encoding import canonical_json
from firmhold.trust.errors import Code, Fault, Refused
from firmhold.trust.faults import Malformed, Mismatch, WrongType
from firmhold.trust.tuf.roles import Target
from firmhold.trust.verified import Verified, seal
from firmhold.update.security import (
    COUNTER_TAG,
    MAX_DEVICES,
    REVERT_TAG,
    ProductCounter,
    Revert,
    parse_counter,
    parse_revert,
    verify_counter,
    verify_revert,
)
from firmhold.update.version import ReleaseCounter, SecurityCounter

COUNTER = ProductCounter("thing", SecurityCounter(3))
REVERT = Revert(
    "thing",
    (DeviceId("device-1"), DeviceId("device-2")),
    ReleaseCounter(8),
    ReleaseCounter(7),
    datetime(2030, 6, 1, tzinfo=UTC),
)
COUNTER_PATH, REVERT_PATH = "security/counters/thing.json", "security/thing/revert-8.json"


def target(path: str, data: bytes, role: str = "security") -> Verified[Target]:
    """What the image repository says of a file."""
    digests = {"sha256": hashlib.sha256(data).hexdigest()}
    return seal(Target(path, role, Expectation(path, len(data), digests, TARGET_FILE), None))


def fault_of(act: Callable[[], object]) -> Fault:
    """The fault with which `act` is refused."""
    with pytest.raises(Refused) as error:
        act()
    return error.value.fault


def test_the_security_authority_gives_a_product_its_counter() -> None:
    """The counter is believed where the authority says it."""
    data = COUNTER.to_bytes()
    assert verify_counter(target(COUNTER_PATH, data), data).value == COUNTER


def test_the_security_authority_gives_leave_to_go_back() -> None:
    """A revert authorisation is believed below the product that it is for."""
    data = REVERT.to_bytes()
    assert verify_revert(target(REVERT_PATH, data), data).value == REVERT


BOTH = pytest.mark.parametrize(
    ("verify", "path", "data"),
    [
        (verify_counter, COUNTER_PATH, COUNTER.to_bytes()),
        (verify_revert, REVERT_PATH, REVERT.to_bytes()),
    ],
    ids=["counter", "revert"],
)
Verify = Callable[[Verified[Target], bytes], object]


@BOTH
def test_the_feature_authority_gives_neither(verify: Verify, path: str, data: bytes) -> None:
    """The same document below `feature/` is nothing, whoever signed it."""
    path = path.replace("security/", "feature/")
    fault = fault_of(lambda: verify(target(path, data, role="feature"), data))
    assert fault == Mismatch(
        code=Code.UPDATE_NOT_SECURITY, what="authority", expected="security", found="feature"
    )


@BOTH
@pytest.mark.parametrize("role", ["targets", "feature"])
def test_nobody_else_speaks_for_the_security_authority(
    verify: Verify, path: str, data: bytes, role: str
) -> None:
    """Its path in another role's mouth is nothing."""
    fault = fault_of(lambda: verify(target(path, data, role=role), data))
    assert fault.code is Code.UPDATE_AUTHORITY


@BOTH
def test_the_bytes_are_the_targets(verify: Verify, path: str, data: bytes) -> None:
    """A document that is not the one that was signed for is not read."""
    fault = fault_of(lambda: verify(target(path, data), data.replace(b"thing", b"other")))
    assert fault.code is Code.TUF_TARGET_DIGEST


@BOTH
def test_a_document_of_another_kind_is_refused(verify: Verify, path: str, data: bytes) -> None:
    """Neither document passes for the other, nor for a later form of itself."""
    bent = data.replace(b' 1"', b' 2"')
    fault = fault_of(lambda: verify(target(path, bent), bent))
    assert isinstance(fault, WrongType)
    assert fault.code is Code.UPDATE_SECURITY_FORMAT
    assert fault.found == fault.role.replace(" 1", " 2")


@pytest.mark.parametrize(
    "path",
    ["security/counters/other.json", "security/counters/thing", "security/thing/thing.json"],
)
def test_a_counter_stands_under_the_name_of_its_product(path: str) -> None:
    """Nobody can offer the counter of one product as that of another."""
    data = COUNTER.to_bytes()
    assert fault_of(lambda: verify_counter(target(path, data), data)) == Mismatch(
        code=Code.UPDATE_COUNTER_PATH,
        what="path",
        expected="counters/thing.json",
        found=path.removeprefix("security/"),
    )


def test_leave_to_go_back_stands_below_its_product() -> None:
    """Leave for one product is none for another."""
    data, path = REVERT.to_bytes(), "security/other/revert-8.json"
    assert fault_of(lambda: verify_revert(target(path, data), data)) == Mismatch(
        code=Code.UPDATE_REVERT_PATH, what="product", expected="thing", found="other"
    )


Bend = Callable[[dict[str, Any]], object]

COUNTERS: Mapping[str, tuple[Bend, str]] = {
    "no tag": (lambda value: value.pop("tag"), "document.tag"),
    "no product": (lambda value: value.pop("product"), "document.product"),
    "product reserved": (lambda value: value.update(product="counters"), "product"),
    "counter below zero": (lambda value: value.update(security_counter=-1), "security_counter"),
    "counter true": (lambda value: value.update(security_counter=True), "security_counter"),
    "more": (lambda value: value.update(more=1), "document.more"),
}


@pytest.mark.parametrize(("bend", "where"), COUNTERS.values(), ids=COUNTERS)
def test_what_is_no_counter_is_refused(bend: Bend, where: str) -> None:
    """Each member has its type and its bounds, and the refusal says which had not."""
    value = json.loads(COUNTER.to_bytes())
    bend(value)
    fault = fault_of(lambda: parse_counter(canonical_json(value)))
    assert isinstance(fault, Malformed)
    assert (fault.code, fault.where) == (Code.UPDATE_COUNTER_SHAPE, where)


REVERTS: Mapping[str, tuple[Bend, str]] = {
    "no tag": (lambda value: value.pop("tag"), "document.tag"),
    "product no text": (lambda value: value.update(product=1), "product"),
    "for nobody": (lambda value: value.update(devices=[]), "devices"),
    "for everybody": (lambda value: value.update(devices=None), "devices"),
    "for a device twice": (lambda value: value.update(devices=["a", "a"]), "devices"),
    "for a device without name": (lambda value: value.update(devices=[""]), "devices[0]"),
    "for too many": (
        lambda value: value.update(devices=[str(n) for n in range(MAX_DEVICES + 1)]),
        "devices",
    ),
    "from nothing": (lambda value: value.update({"from": 0}), "from"),
    "to the same": (lambda value: value.update(to=8), "to"),
    "forward": (lambda value: value.update(to=9), "to"),
    "to nothing": (lambda value: value.update(to=0), "to"),
    "for ever": (lambda value: value.update(expires=None), "expires"),
    "more": (lambda value: value.update(floor=0), "document.floor"),
}


@pytest.mark.parametrize(("bend", "where"), REVERTS.values(), ids=REVERTS)
def test_what_is_no_leave_is_refused(bend: Bend, where: str) -> None:
    """Leave is for named devices, for one step back, until a date, and lifts nothing else."""
    value = json.loads(REVERT.to_bytes())
    bend(value)
    fault = fault_of(lambda: parse_revert(canonical_json(value)))
    assert isinstance(fault, Malformed)
    assert (fault.code, fault.where) == (Code.UPDATE_REVERT_SHAPE, where)


@pytest.mark.parametrize(
    ("parse", "data", "code"),
    [
        (parse_counter, COUNTER.to_bytes(), Code.UPDATE_COUNTER_SHAPE),
        (parse_revert, REVERT.to_bytes(), Code.UPDATE_REVERT_SHAPE),
    ],
    ids=["counter", "revert"],
)
def test_both_have_one_spelling(parse: Callable[[bytes], object], data: bytes, code: Code) -> None:
    """The same document in other bytes is refused."""
    parse(data)
    assert fault_of(lambda: parse(data + b"\n")) == Malformed(
        code=code, where="document", expected="the canonical form"
    )


def test_tags_are_names_of_their_own() -> None:
    """No two kinds of document bear one tag."""
    assert COUNTER_TAG != REVERT_TAG


def test_leave_is_for_the_devices_that_it_names() -> None:
    """Devices stand in the document in the order in which they were named."""
    turned = replace(REVERT, devices=REVERT.devices[::-1])
    assert parse_revert(turned.to_bytes()) == turned != REVERT


@pytest.mark.parametrize(("start", "end"), [(2, 1), (9, 8), (9, 1)])
def test_leave_may_be_for_any_step_back(start: int, end: int) -> None:
    """One release back or to the very first: the security authority says how far."""
    step = replace(REVERT, from_counter=ReleaseCounter(start), to_counter=ReleaseCounter(end))
    assert parse_revert(step.to_bytes()) == step


def test_as_many_devices_as_may_be_are_named() -> None:
    """The list has a bound, and the bound itself is within it."""
    devices = tuple(DeviceId(f"device-{number}") for number in range(MAX_DEVICES))
    assert parse_revert(replace(REVERT, devices=devices).to_bytes()).devices == devices
