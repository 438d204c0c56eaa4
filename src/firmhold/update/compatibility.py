"""Whether a release fits this device, as a whole and beside what stays.

A *set* is what is to change at one stroke: releases by component. `findings` lists everything that
speaks against it, in a fixed order; nothing does if the list is empty. In order:

1. the set is whole: of each release in it the device takes every component that is made for it,
   and what the device does not have is in no set;
2. every component is made for the hardware that has it, model and revision;
3. the release that must be installed before is installed, and the agent is new enough; a security
   release finds the release that it patches;
4. no release is older than what is installed, unless the security authority gave this device leave
   to go back, for this step, in time;
5. none is below the security floor, whoever gave leave;
6. what needs another component has it, in the release that it needs, once the set is installed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from firmhold.trust.device_id import DeviceId
from firmhold.trust.errors import Code, Fault, Refused
from firmhold.trust.faults import Absent, ComponentFault, Expired, Mismatch, VersionMismatch
from firmhold.trust.uptane.component import ComponentId, HardwareId
from firmhold.trust.verified import Verified
from firmhold.update.release import Release, ReleaseComponent
from firmhold.update.security import Revert
from firmhold.update.version import NO_RELEASE, AgentVersion, ReleaseCounter, SecurityCounter


@dataclass(frozen=True, slots=True)
class Part:
    """A component of the device: its hardware, and the release that its image is of."""

    model: HardwareId
    revision: int
    counter: ReleaseCounter


@dataclass(frozen=True, slots=True)
class Device:
    """What of a device decides whether a release fits it."""

    device: DeviceId
    product: str
    agent: AgentVersion
    floor: SecurityCounter
    parts: Mapping[ComponentId, Part]
    manifests: frozenset[bytes]
    """Digests of the release manifests that the device runs: the last one, and what it patches."""


Set = Mapping[ComponentId, Verified[Release]]
"""The release that each component is to take; components that stay as they are have no entry."""


@dataclass(frozen=True, slots=True)
class Leave:
    """A revert authorisation, and the moment at which it is used."""

    revert: Verified[Revert]
    now: datetime


def findings(chosen: Set, device: Device, leave: Leave | None = None) -> list[Fault]:
    """Return what speaks against installing `chosen`; nothing does if the list is empty."""
    found: list[Fault] = []
    releases = _releases(chosen)
    for release in releases:
        found += _product(release, device)
        found += _whole(release, chosen, device)
    assigned = [(name, chosen[name].value) for name in sorted(chosen)]
    for name, release in assigned:
        found += _hardware(name, release, device)
    for release in releases:
        found += _required(release, device)
    for name, release in assigned:
        found += _order(name, release, device, leave)
    for release in releases:
        found += _floor(release, device)
    found += _dependencies(chosen, device)
    return found


def require_compatible(chosen: Set, device: Device, leave: Leave | None = None) -> None:
    """Pass if nothing speaks against installing `chosen`, else refuse with the first of it."""
    for fault in findings(chosen, device, leave):
        raise Refused(fault)


def fits(component: ReleaseComponent, part: Part) -> bool:
    """Tell whether a component is made for a part of a device."""
    return any(
        each.model == part.model and each.first <= part.revision <= each.last
        for each in component.hardware
    )


def _releases(chosen: Set) -> list[Release]:
    """The releases of a set, each once, in the order of their counters."""
    releases = {each.value for each in chosen.values()}
    return sorted(releases, key=lambda each: (each.counter, each.digest))


def _installed(device: Device) -> ReleaseCounter:
    """The newest release of which the device has something."""
    return max((part.counter for part in device.parts.values()), default=NO_RELEASE)


def _product(release: Release, device: Device) -> Iterator[Fault]:
    if release.product != device.product:
        code, expected = Code.UPDATE_OTHER_PRODUCT, device.product
        yield Mismatch(code=code, what="product", expected=expected, found=release.product)


def _whole(release: Release, chosen: Set, device: Device) -> Iterator[Fault]:
    """1. nothing of a release is left out, and nothing is for what is not there."""
    for component in release.components:
        name = component.component
        part = device.parts.get(name)
        taken = chosen.get(name)
        if part is not None and fits(component, part) and (taken is None or taken.value != release):
            other = "nothing" if taken is None else f"release {taken.value.counter}"
            expected = f"release {release.counter}"
            code = Code.UPDATE_SET_PARTIAL
            yield ComponentFault(code=code, component=name, expected=expected, found=other)


def _hardware(name: ComponentId, release: Release, device: Device) -> Iterator[Fault]:
    """2. made for this model, in this revision."""
    component, part = release.component(name), device.parts.get(name)
    if component is None:
        listed_in = f"release {release.counter}"
        yield Absent(code=Code.UPDATE_NOT_IN_RELEASE, name=name, listed_in=listed_in)
    elif part is None:
        yield Absent(code=Code.UPDATE_UNKNOWN_COMPONENT, name=name, listed_in=device.device)
    elif not fits(component, part):
        models = {each.model for each in component.hardware}
        known = part.model in models
        code = Code.UPDATE_HARDWARE_REVISION if known else Code.UPDATE_HARDWARE_MODEL
        made_for = ",".join(f"{each.model}:{each.first}-{each.last}" for each in component.hardware)
        found = f"{part.model}:{part.revision}"
        yield ComponentFault(code=code, component=name, expected=made_for, found=found)


def _required(release: Release, device: Device) -> Iterator[Fault]:
    """3. what must be there before."""
    installed = _installed(device)
    if installed < release.required_counter:
        code, least = Code.UPDATE_REQUIRED_RELEASE, release.required_counter
        yield VersionMismatch(code=code, role=release.product, expected=least, found=installed)
    if device.agent < release.agent:
        code, agent = Code.UPDATE_AGENT, str(device.agent)
        yield Mismatch(code=code, what="agent", expected=str(release.agent), found=agent)
    if release.patches is not None and release.patches not in device.manifests:
        code, name = Code.UPDATE_PATCHES_OTHER, release.patches.hex()
        yield Absent(code=code, name=name, listed_in=device.device)


def _order(
    name: ComponentId, release: Release, device: Device, leave: Leave | None
) -> Iterator[Fault]:
    """4. never back, but by leave."""
    part = device.parts.get(name)
    if part is None or release.counter >= part.counter:
        return
    if leave is None:
        yield VersionMismatch(
            code=Code.UPDATE_DOWNGRADE, role=name, expected=part.counter, found=release.counter
        )
    else:
        yield from _leave(leave, release, device)


def _leave(leave: Leave, release: Release, device: Device) -> Iterator[Fault]:
    revert = leave.revert.value
    if device.device not in revert.devices or revert.product != device.product:
        code = Code.UPDATE_REVERT_DEVICE
        yield Absent(code=code, name=f"{device.product}/{device.device}", listed_in="revert")
    installed = _installed(device)
    if (installed, release.counter) != (revert.from_counter, revert.to_counter):
        code, step = Code.UPDATE_REVERT_STEP, f"{installed} to {release.counter}"
        expected = f"{revert.from_counter} to {revert.to_counter}"
        yield Mismatch(code=code, what="step", expected=expected, found=step)
    if revert.expires <= leave.now:
        code, role = Code.UPDATE_REVERT_EXPIRED, "revert"
        yield Expired(code=code, role=role, expires=revert.expires, now=leave.now)


def _floor(release: Release, device: Device) -> Iterator[Fault]:
    """5. never below the floor."""
    if release.security_counter < device.floor:
        code, found = Code.UPDATE_SECURITY_FLOOR, release.security_counter
        role = release.product
        yield VersionMismatch(code=code, role=role, expected=device.floor, found=found)


def _dependencies(chosen: Set, device: Device) -> Iterator[Fault]:
    """6. what needs another has it, once all of it is there."""
    after = {name: part.counter for name, part in device.parts.items()}
    after |= {name: release.value.counter for name, release in chosen.items()}
    for name in sorted(chosen):
        for need in chosen[name].value.dependencies:
            found = after.get(need.needs, NO_RELEASE)
            if need.component == name and found < need.least:
                code, expected = Code.UPDATE_DEPENDENCY, f"{need.needs} of {need.least}"
                there = f"{need.needs} of {found}"
                yield ComponentFault(code=code, component=name, expected=expected, found=there)
