"""Uptane 5.4.4: what the Director assigns must exist in the image repository, byte for byte."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tuf.api.metadata import DelegatedRole, Delegations, TargetFile

from firmhold.sim.clock import SimClock
from firmhold.sim.repository import SimRepository
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import ComponentFault, Malformed
from firmhold.trust.tuf.dialect import UPTANE
from firmhold.trust.tuf.trusted_set import TARGETS, TrustedSet
from firmhold.trust.uptane.component import Assignment, Component, ComponentId, HardwareId
from firmhold.trust.uptane.full_verification import Installable, assignments_of, verify_image
from firmhold.trust.verified import Verified, seal

IMAGE = b"an image" * 100
OWN = Component(ComponentId("ecu-1"), HardwareId("hw-1"), release_counter=7)


@dataclass
class Vehicle:
    """Both repositories, open for editing, and what a component makes of them."""

    director: SimRepository
    image: SimRepository
    clock: SimClock

    def order(self, path: str, custom: object, data: bytes = IMAGE) -> TargetFile:
        """Have the Director name a file."""
        file = self.director.add_target(TARGETS, path, data)
        file.unrecognized_fields["custom"] = custom
        return file

    def offer(self, path: str, custom: object, data: bytes = IMAGE) -> TargetFile:
        """Have the image repository name a file."""
        file = self.image.add_target(TARGETS, path, data)
        file.unrecognized_fields["custom"] = custom
        return file

    def trusted(self, repository: SimRepository) -> TrustedSet:
        """The repository as a client sees it after the TUF steps."""
        now, published = self.clock.now(), repository.published
        trusted = TrustedSet.pin(published["root"], UPTANE)
        trusted = trusted.accept_timestamp(published["timestamp"], now)
        trusted = trusted.accept_snapshot(published["snapshot"], now)
        return trusted.accept_targets(published["targets"], now)

    def assignments(self) -> Mapping[ComponentId, Assignment]:
        """What the Director assigns."""
        self.director.release(TARGETS)
        return assignments_of(self.trusted(self.director)).value

    def verify(self, own: Component = OWN) -> Verified[Installable]:
        """What the component may install."""
        assignment = self.assignments()[own.component]
        self.image.release(TARGETS)
        document = self.trusted(self.image).targets[TARGETS].document.value
        target = document.target(assignment.target.path, TARGETS)
        assert target is not None
        return verify_image(own, assignment, seal(target))


@pytest.fixture(name="vehicle")
def _vehicle(tmp_path: Path) -> Vehicle:
    """Two repositories that agree about one image for one component."""
    clock = SimClock()
    director = SimRepository(tmp_path / "director", clock)
    vehicle = Vehicle(director, SimRepository(tmp_path / "image", clock), clock)
    vehicle.order("a.img", ecu("ecu-1"))
    vehicle.offer("a.img", {"hardwareIds": ["hw-0", "hw-1"], "releaseCounter": 7})
    return vehicle


def ecu(component: str, hardware: str = "hw-1") -> dict[str, Any]:
    """The Director's custom field for one component."""
    return {"ecuIdentifiers": {component: {"hardwareId": hardware}}}


def refusal(act: Callable[[], object]) -> ComponentFault:
    """The fault with which `act` is refused."""
    with pytest.raises(Refused) as error:
        act()
    assert isinstance(error.value.fault, ComponentFault)
    return error.value.fault


def test_an_image_that_both_repositories_name_may_be_installed(vehicle: Vehicle) -> None:
    """Agreement of both repositories gives the component its image and release counter."""
    installable = vehicle.verify().value
    assert installable.component == "ecu-1"
    assert installable.release_counter == 7
    assert installable.target.value.path == "a.img"
    installable.target.value.expectation.check(IMAGE)


def test_every_digest_of_either_repository_must_hold(vehicle: Vehicle) -> None:
    """A digest that only one repository names is checked like the common ones."""
    del vehicle.director.targets().targets["a.img"].hashes["sha512"]
    del vehicle.image.targets().targets["a.img"].hashes["sha512"]
    vehicle.director.targets().targets["a.img"].hashes["sha384"] = "0" * 96
    expectation = vehicle.verify().value.target.value.expectation
    assert set(expectation.digests) == {"sha256", "sha384"}


def test_a_director_that_delegates_is_refused(vehicle: Vehicle) -> None:
    """Nobody speaks for the Director: a delegation in its targets sinks them (5.3.2)."""
    role = DelegatedRole("other", [], 1, terminating=False, paths=["*"])
    vehicle.director.targets().delegations = Delegations({}, {"other": role})
    assert refusal(vehicle.assignments) == ComponentFault(
        code=Code.UPTANE_DIRECTOR_DELEGATES,
        component="",
        expected="no delegations",
        found="targets",
    )


def test_a_component_that_is_named_twice_sinks_the_whole_set(vehicle: Vehicle) -> None:
    """The Director cannot give one component two images, whichever of them is right (5.4.4.6)."""
    vehicle.order("b.img", ecu("ecu-2") | {"ecuIdentifiers": ecu("ecu-1")["ecuIdentifiers"]})
    assert refusal(vehicle.assignments) == ComponentFault(
        code=Code.UPTANE_COMPONENT_TWICE, component="ecu-1", expected="a.img", found="b.img"
    )


def test_components_that_share_an_image_are_each_assigned(vehicle: Vehicle) -> None:
    """One image may go to several components, and a file to none."""
    both = ecu("ecu-2")["ecuIdentifiers"] | ecu("ecu-3", "hw-3")["ecuIdentifiers"]
    vehicle.order("b.img", {"ecuIdentifiers": both})
    vehicle.director.add_target(TARGETS, "readme.txt", b"for nobody")
    assignments = vehicle.assignments()
    assert {name: found.target.path for name, found in assignments.items()} == {
        "ecu-1": "a.img",
        "ecu-2": "b.img",
        "ecu-3": "b.img",
    }
    assert assignments[ComponentId("ecu-3")].hardware == "hw-3"


def test_a_director_that_means_another_kind_of_hardware_is_refused(vehicle: Vehicle) -> None:
    """An image that the Director means for other hardware is not taken."""
    vehicle.order("a.img", ecu("ecu-1", "hw-2"))
    assert refusal(vehicle.verify) == ComponentFault(
        code=Code.UPTANE_DIRECTOR_HARDWARE, component="ecu-1", expected="hw-1", found="hw-2"
    )


def test_an_image_of_another_length_is_refused(vehicle: Vehicle) -> None:
    """Director and image repository must name the same length."""
    vehicle.director.targets().targets["a.img"].length += 1
    assert refusal(vehicle.verify) == ComponentFault(
        code=Code.UPTANE_LENGTH, component="ecu-1", expected="801", found="800"
    )


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_one_different_digest_is_enough_to_refuse(vehicle: Vehicle, algorithm: str) -> None:
    """Every digest that both repositories name must be the same."""
    hashes = vehicle.director.targets().targets["a.img"].hashes
    hashes[algorithm] = hashes[algorithm][::-1]
    assert refusal(vehicle.verify).code is Code.UPTANE_DIGEST


def test_repositories_without_a_common_digest_do_not_agree(vehicle: Vehicle) -> None:
    """Two descriptions that cannot be compared are no agreement."""
    hashes = vehicle.image.targets().targets["a.img"].hashes
    hashes["sha384"] = "1" * 96
    vehicle.image.targets().targets["a.img"].hashes = {"sha384": hashes["sha384"]}
    fault = refusal(vehicle.verify)
    assert fault.code is Code.UPTANE_DIGEST
    assert fault.found == f"sha384:{'1' * 96}"
    assert fault.expected.startswith("sha256:")
    assert ",sha512:" in fault.expected


@pytest.mark.parametrize(
    ("custom", "found"),
    [
        ({"hardwareIds": ["hw-2", "hw-0"]}, "hw-0,hw-2"),
        ({"hardwareIds": []}, ""),
        ({}, ""),
        (None, ""),
    ],
    ids=["other hardware", "no hardware", "nothing said of hardware", "nothing said at all"],
)
def test_an_image_that_is_not_made_for_the_hardware_is_refused(
    vehicle: Vehicle, custom: object, found: str
) -> None:
    """The image repository must say that the image is made for this hardware."""
    vehicle.offer("a.img", custom)
    assert refusal(vehicle.verify) == ComponentFault(
        code=Code.UPTANE_IMAGE_HARDWARE, component="ecu-1", expected="hw-1", found=found
    )


@pytest.mark.parametrize(
    ("counter", "taken"), [(6, False), (7, True), (8, True)], ids=["older", "same", "newer"]
)
def test_a_release_counter_never_goes_back(vehicle: Vehicle, counter: int, *, taken: bool) -> None:
    """An image below the installed release counter is refused; the same or a later one is not."""
    vehicle.offer("a.img", {"hardwareIds": ["hw-1"], "releaseCounter": counter})
    if taken:
        assert vehicle.verify().value.release_counter == counter
        return
    assert refusal(vehicle.verify) == ComponentFault(
        code=Code.UPTANE_RELEASE_COUNTER, component="ecu-1", expected="7", found="6"
    )


def test_an_image_without_a_release_counter_is_below_every_other(vehicle: Vehicle) -> None:
    """Leaving the counter out is no way round it."""
    vehicle.offer("a.img", {"hardwareIds": ["hw-1"]})
    assert refusal(vehicle.verify).code is Code.UPTANE_RELEASE_COUNTER


@pytest.mark.parametrize(
    "custom",
    [
        "text",
        {"ecuIdentifiers": []},
        {"ecuIdentifiers": {"ecu-1": "hw-1"}},
        {"ecuIdentifiers": {"ecu-1": {}}},
        {"ecuIdentifiers": {"ecu-1": {"hardwareId": 7}}},
    ],
    ids=["no object", "no table", "no entry", "no hardware", "a number for hardware"],
)
def test_an_assignment_that_cannot_be_read_is_refused(vehicle: Vehicle, custom: object) -> None:
    """What the Director says of components is read strictly."""
    vehicle.order("a.img", custom)
    with pytest.raises(Refused) as error:
        vehicle.assignments()
    assert error.value.code is Code.TUF_SHAPE
    assert isinstance(error.value.fault, Malformed)
    assert error.value.fault.where.startswith("signed.targets.a.img.custom")


@pytest.mark.parametrize(
    "custom",
    [
        [],
        {"hardwareIds": "hw-1"},
        {"hardwareIds": [7]},
        {"hardwareIds": ["hw-1"], "releaseCounter": "7"},
        {"hardwareIds": ["hw-1"], "releaseCounter": -1},
    ],
    ids=["no object", "no list", "a number", "a text as counter", "a negative counter"],
)
def test_image_facts_that_cannot_be_read_are_refused(vehicle: Vehicle, custom: object) -> None:
    """What the image repository says of an image is read strictly."""
    vehicle.offer("a.img", custom)
    with pytest.raises(Refused) as error:
        vehicle.verify()
    assert error.value.code is Code.TUF_SHAPE
