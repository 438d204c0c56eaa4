"""Full verification: what the Director assigns must exist in the image repository, byte for byte.

The metadata of both repositories were accepted by the TUF steps before (Uptane 5.4.4.3 to 5.4.4.6);
what is left is what makes it Uptane (5.4.4.2, step 13, and 5.4.4.6):

1. the Director delegates to nobody;
2. the Director names each component at most once, else the whole set is refused;
3. the Director means this kind of component;
4. the image repository has a target of the same path, of the same length,
5. and with the same digests: at least one in common, and no common one different;
6. the image is made for this kind of component;
7. its release counter does not go back.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from firmhold.trust.device_id import DeviceId
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import ComponentFault
from firmhold.trust.tuf.roles import Target
from firmhold.trust.tuf.trusted_set import TARGETS, TrustedSet
from firmhold.trust.uptane.component import (
    Assignment,
    Component,
    ComponentId,
    read_assignments,
    read_image_facts,
)
from firmhold.trust.verified import Verified, seal


@dataclass(frozen=True, slots=True)
class Installable:
    """An image that both repositories stand for, for one component of this device."""

    component: ComponentId
    target: Verified[Target]
    """The image, with every digest that either repository names."""
    release_counter: int


def assignments_of(director: TrustedSet) -> Verified[Mapping[ComponentId, Assignment]]:
    """Return what the accepted Director targets assign, by component. Raises `Refused`."""
    targets = director.targets[TARGETS].document.value
    # 1. the Director delegates to nobody
    if targets.delegations is not None:
        raise _refusal(Code.UPTANE_DIRECTOR_DELEGATES, "", "no delegations", TARGETS)
    # 2. each component at most once
    return seal(read_assignments(targets, TARGETS))


def require_addressed(assignments: Iterable[Assignment], device: DeviceId) -> None:
    """Pass if every assignment says that it is for `device`: no word for another serves here.

    A Director of ours makes targets for each device and names it; a plain Uptane repository names
    components, which are then unique in the world, and has no use for this.
    """
    for assignment in assignments:
        if assignment.device != device:
            found = "nobody" if assignment.device is None else assignment.device
            raise _refusal(Code.UPTANE_OTHER_DEVICE, assignment.component, device, found)


def verify_image(
    component: Component, assignment: Assignment, image: Verified[Target]
) -> Verified[Installable]:
    """Return what `component` may install, if the Director's word and the image agree."""
    ordered, found = assignment.target.expectation, image.value.expectation
    name = component.component
    # 3. the Director means this kind of component
    if assignment.hardware != component.hardware:
        code = Code.UPTANE_DIRECTOR_HARDWARE
        raise _refusal(code, name, component.hardware, assignment.hardware)
    # 4. the same length
    if ordered.length != found.length:
        raise _refusal(Code.UPTANE_LENGTH, name, str(ordered.length), str(found.length))
    # 5. the same digests
    _check_digests(name, ordered.digests, found.digests)
    facts = read_image_facts(image.value)
    # 6. made for this kind of component
    if component.hardware not in facts.hardware:
        made_for = ",".join(sorted(facts.hardware))
        raise _refusal(Code.UPTANE_IMAGE_HARDWARE, name, component.hardware, made_for)
    # 7. the release counter does not go back
    if facts.release_counter < component.release_counter:
        least, offered = str(component.release_counter), str(facts.release_counter)
        raise _refusal(Code.UPTANE_RELEASE_COUNTER, name, least, offered)
    both = replace(found, digests={**ordered.digests, **found.digests})
    agreed = seal(replace(image.value, expectation=both))
    return seal(Installable(name, agreed, facts.release_counter))


def _check_digests(name: str, ordered: Mapping[str, str], found: Mapping[str, str]) -> None:
    common = sorted(set(ordered) & set(found))
    if not common or any(ordered[algorithm] != found[algorithm] for algorithm in common):
        raise _refusal(Code.UPTANE_DIGEST, name, _shown(ordered), _shown(found))


def _shown(digests: Mapping[str, str]) -> str:
    return ",".join(f"{algorithm}:{digests[algorithm]}" for algorithm in sorted(digests))


def _refusal(code: Code, component: str, expected: str, found: str) -> Refused:
    fault = ComponentFault(code=code, component=component, expected=expected, found=found)
    return Refused(fault)
