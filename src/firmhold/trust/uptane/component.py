"""Components of a device, what the Director assigns to them, and what an image is made for.

A *component* is what Uptane calls an ECU: a part of the device that has an image of its own. The
Director's targets say in `custom.ecuIdentifiers` which component takes which image; the image
repository's targets say in `custom.hardwareIds` what an image is made for and in
`custom.releaseCounter` where it stands in the order of releases (Uptane 5.2.3.1.2, 5.3.2).

A Director of ours says more in an entry of `ecuIdentifiers`: `device`, whom the word is for, and
two hints that spare the device a search, `revert` and `patched`. They are target paths in the image
repository; what stands there is believed by its own signatures, or not at all.
"""

from dataclasses import dataclass
from typing import NewType

from firmhold.trust.device_id import DeviceId
from firmhold.trust.encoding import JsonObject, JsonValue
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import ComponentFault
from firmhold.trust.tuf.roles import Target, Targets
from firmhold.trust.tuf.schema import a_list, a_number, a_text, an_object

ComponentId = NewType("ComponentId", str)
"""Which component of which device: Uptane's ECU identifier."""

HardwareId = NewType("HardwareId", str)
"""What kind of component: Uptane's hardware identifier."""

MOST_HARDWARE_IDS = 1024


@dataclass(frozen=True, slots=True)
class Component:
    """A component as the device knows it; `release_counter` is that of the image it has, or 0."""

    component: ComponentId
    hardware: HardwareId
    release_counter: int = 0


@dataclass(frozen=True, slots=True)
class Assignment:
    """What the Director says: this component, being of this kind, takes this image."""

    component: ComponentId
    hardware: HardwareId
    target: Target
    device: DeviceId | None = None
    """Whom the word is for; None: it does not say."""
    revert: str | None = None
    """Where a revert authorisation stands that is meant to permit this step."""
    patched: str | None = None
    """Where the manifest stands that the assigned release patches."""


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What the image repository says of an image beyond its bytes."""

    hardware: frozenset[HardwareId]
    release_counter: int


def read_assignments(targets: Targets, role: str) -> dict[ComponentId, Assignment]:
    """Read the Director's targets; one component named twice sinks the whole set (5.4.4.6)."""
    assignments: dict[ComponentId, Assignment] = {}
    for path in targets.files:
        target = targets.target(path, role)
        for assignment in _assignments(target) if target is not None else ():
            known = assignments.get(assignment.component)
            if known is not None:
                raise Refused(
                    ComponentFault(
                        code=Code.UPTANE_COMPONENT_TWICE,
                        component=assignment.component,
                        expected=known.target.path,
                        found=path,
                    )
                )
            assignments[assignment.component] = assignment
    return assignments


def read_image_facts(target: Target) -> ImageFacts:
    """Read what an image is made for; one that is made for nothing said is made for nothing."""
    where = f"signed.targets.{target.path}.custom"
    custom = _custom(target)
    listed = a_list(custom.get("hardwareIds", []), f"{where}.hardwareIds", MOST_HARDWARE_IDS)
    hardware = frozenset(HardwareId(a_text(entry, f"{where}.hardwareIds")) for entry in listed)
    counter = a_number(custom.get("releaseCounter", 0), f"{where}.releaseCounter", 0)
    return ImageFacts(hardware, counter)


def _assignments(target: Target) -> list[Assignment]:
    where = f"signed.targets.{target.path}.custom.ecuIdentifiers"
    named = an_object(_custom(target).get("ecuIdentifiers", {}), where)
    return [
        _assignment(ComponentId(component), an_object(facts, f"{where}.{component}"), target, where)
        for component, facts in named.items()
    ]


def _assignment(
    component: ComponentId, facts: JsonObject, target: Target, where: str
) -> Assignment:
    hardware = HardwareId(a_text(facts.get("hardwareId"), where))
    device, revert, patched = (
        None if facts.get(name) is None else a_text(facts[name], f"{where}.{component}.{name}")
        for name in ("device", "revert", "patched")
    )
    whom = None if device is None else DeviceId(device)
    return Assignment(component, hardware, target, whom, revert, patched)


def _custom(target: Target) -> JsonObject:
    """Everything that was said of a target besides its bytes; nothing, if nothing was said."""
    custom: JsonValue = {} if target.custom is None else target.custom
    return an_object(custom, f"signed.targets.{target.path}.custom")
