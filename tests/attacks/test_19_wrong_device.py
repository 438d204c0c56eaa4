"""Row 19: a genuine release on a device that it is not for."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from tests.attacks.flashed import TWO, assert_held

from firmhold.drill.rehearsal import DEVICE as FLASHED
from firmhold.drill.rehearsal import Rehearsal
from firmhold.sim.releases import MAIN, MODEL, PRODUCT, RADIO, sim_release, sim_target
from firmhold.sim.settings import sim_settings
from firmhold.trust.device_id import DeviceId
from firmhold.trust.encoding import JsonValue, pretty_json
from firmhold.trust.errors import Code, Refused
from firmhold.trust.settings.reader import parse_settings
from firmhold.trust.uptane.component import HardwareId
from firmhold.trust.verified import seal
from firmhold.update.compatibility import Device, Part, require_compatible
from firmhold.update.rules import Standing, verify_release
from firmhold.update.security import ProductCounter
from firmhold.update.version import AgentVersion, ReleaseCounter, SecurityCounter

RELEASE = sim_release()
DEVICE = Device(
    DeviceId("device-1"),
    PRODUCT,
    AgentVersion(1, 2, 0),
    SecurityCounter(3),
    {name: Part(MODEL, 4, ReleaseCounter(6)) for name in (MAIN, RADIO)},
    frozenset(),
)
SETTINGS = replace(parse_settings(pretty_json(sim_settings())), log_policy=None)
STANDING = Standing(
    seal(ProductCounter(PRODUCT, SecurityCounter(3))),
    seal(SETTINGS),
)


def part(model: str, revision: int) -> Part:
    """A main part of other hardware."""
    return Part(HardwareId(model), revision, ReleaseCounter(6))


WRONG: Mapping[str, tuple[Device, Code]] = {
    "another model": (
        replace(DEVICE, parts={**DEVICE.parts, MAIN: part("thing-2", 4)}),
        Code.UPDATE_HARDWARE_MODEL,
    ),
    "a newer revision": (
        replace(DEVICE, parts={**DEVICE.parts, MAIN: part(MODEL, 5)}),
        Code.UPDATE_HARDWARE_REVISION,
    ),
    "an older revision": (
        replace(DEVICE, parts={**DEVICE.parts, MAIN: part(MODEL, 0)}),
        Code.UPDATE_HARDWARE_REVISION,
    ),
    "without that part": (
        replace(DEVICE, parts={MAIN: DEVICE.parts[MAIN]}),
        Code.UPDATE_UNKNOWN_COMPONENT,
    ),
    "another product": (replace(DEVICE, product="other"), Code.UPDATE_OTHER_PRODUCT),
}


@pytest.mark.parametrize(("device", "code"), WRONG.values(), ids=WRONG)
def test_a_genuine_release_for_other_hardware_is_refused(device: Device, code: Code) -> None:
    """The Director assigns a verified release to a device of another kind."""
    data, target = RELEASE.to_bytes(), seal(sim_target(RELEASE, "feature"))
    release = verify_release(target, data, STANDING)
    chosen = {MAIN: release, RADIO: release}
    require_compatible(chosen, DEVICE)

    with pytest.raises(Refused) as error:
        require_compatible(chosen, device)
    assert error.value.code is code

    require_compatible(chosen, DEVICE)


def test_hardware_that_only_the_target_names_is_refused() -> None:
    """Somebody adds a model beside the manifest: the manifest alone says what it is made for."""
    data, honest = RELEASE.to_bytes(), sim_target(RELEASE, "feature")
    verify_release(seal(honest), data, STANDING)

    custom: JsonValue = {"hardwareIds": [MODEL, "thing-2"], "releaseCounter": RELEASE.counter}
    with pytest.raises(Refused) as error:
        verify_release(seal(replace(honest, custom=custom)), data, STANDING)
    assert error.value.code is Code.UPDATE_CUSTOM

    verify_release(seal(honest), data, STANDING)


def test_a_device_on_flash_takes_nothing_that_is_made_for_others(device: Rehearsal) -> None:
    """A release for later revisions, assigned by a stolen Director, leaves the flash as it was."""
    made = device.domain.made(TWO, 5, security=1)
    component = made.components[0]
    later = tuple(replace(each, first=7, last=9) for each in component.hardware)
    device.domain.name(replace(made, components=(replace(component, hardware=later),)))
    device.domain.publish("feature")
    before = device.flash()

    device.domain.assign(FLASHED, device.domain.path(5))
    assert device.check_in() is Code.UPDATE_HARDWARE_REVISION

    assert_held(device, before)
