"""What a Director of ours says of a component: for which device, and where to look."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from tuf.api.metadata import TargetFile

from firmhold.trust.device_id import DeviceId
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import ComponentFault, Malformed
from firmhold.trust.tuf.roles import Targets
from firmhold.trust.tuf.trusted_set import TARGETS
from firmhold.trust.uptane.component import Assignment, ComponentId, HardwareId, read_assignments
from firmhold.trust.uptane.full_verification import require_addressed

DEVICE = DeviceId("device-1")
WHERE = "signed.targets.a.json.custom.ecuIdentifiers"


def targets(custom: Mapping[str, Any] | None) -> Targets:
    """Director targets with one file."""
    more = {} if custom is None else {"custom": custom}
    files = {"a.json": TargetFile(1, {"sha256": "00" * 32}, "a.json", more)}
    return Targets(1, datetime(2030, 1, 1, tzinfo=UTC), files, None, {})


def assigned(**facts: object) -> Assignment:
    """The one assignment of a file whose entry says this."""
    found = read_assignments(targets({"ecuIdentifiers": {"main": facts}}), TARGETS)
    return found[ComponentId("main")]


def test_an_assignment_is_all_that_the_director_says() -> None:
    """Component, hardware, device and both hints come out as they were signed."""
    found = assigned(hardwareId="hw", device="device-1", revert="r.json", patched="p.json")
    assert (found.component, found.hardware) == (ComponentId("main"), HardwareId("hw"))
    assert (found.device, found.revert, found.patched) == (DEVICE, "r.json", "p.json")
    assert (found.target.path, found.target.role) == ("a.json", TARGETS)


def test_what_the_director_does_not_say_is_not_made_up() -> None:
    """Without the words there is no device and no hint."""
    found = assigned(hardwareId="hw")
    assert (found.device, found.revert, found.patched) == (None, None, None)
    assert read_assignments(targets(None), TARGETS) == {}
    assert read_assignments(targets({}), TARGETS) == {}


@pytest.mark.parametrize("name", ["hardwareId", "device", "revert", "patched"])
@pytest.mark.parametrize("value", [7, [], {}, False])
def test_words_of_another_kind_are_refused(name: str, value: object) -> None:
    """A hint or a name that is no text sinks the Director's targets."""
    with pytest.raises(Refused) as error:
        assigned(**{"hardwareId": "hw", name: value})
    fault = error.value.fault
    assert isinstance(fault, Malformed)
    assert fault.code is Code.TUF_SHAPE
    assert fault.where == (WHERE if name == "hardwareId" else f"{WHERE}.main.{name}")


def test_a_word_for_this_device_is_heard() -> None:
    """Every assignment names the device: then it is the device's."""
    require_addressed([assigned(hardwareId="hw", device=DEVICE)] * 2, DEVICE)
    require_addressed([], DEVICE)


@pytest.mark.parametrize(("facts", "found"), [({"device": "device-2"}, "device-2"), ({}, "nobody")])
def test_a_word_for_another_device_is_not(facts: dict[str, str], found: str) -> None:
    """One assignment for somebody else, or for nobody, sinks them all."""
    own, other = assigned(hardwareId="hw", device=DEVICE), assigned(hardwareId="hw", **facts)
    with pytest.raises(Refused) as error:
        require_addressed([own, other], DEVICE)
    assert error.value.fault == ComponentFault(
        code=Code.UPTANE_OTHER_DEVICE, component="main", expected=DEVICE, found=found
    )
