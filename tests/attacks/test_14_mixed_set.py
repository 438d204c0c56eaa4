"""Row 14: releases that are each genuine, and together were never tried.

A device of two parts runs release 6 of both. The Director is the attacker's, or is two campaigns at
once; the releases are the vendor's own.
"""

from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase

import pytest
from tests.attacks import stolen as on_a_fleet
from tests.attacks.flashed import TWO, assert_held

from firmhold.drill.rehearsal import DEVICE as FLASHED
from firmhold.drill.rehearsal import Rehearsal
from firmhold.sim.fleet import SimFleet
from firmhold.sim.releases import MAIN, MODEL, PRODUCT, RADIO, sim_release
from firmhold.sim.stolen_gateway import StolenGateway, again
from firmhold.trust.device_id import DeviceId
from firmhold.trust.errors import Code, FirmholdError, Refused
from firmhold.trust.faults import ComponentFault
from firmhold.trust.uptane.component import ComponentId
from firmhold.trust.verified import seal
from firmhold.update.compatibility import Device, Part, Set, require_compatible
from firmhold.update.release import Dependency, Release
from firmhold.update.version import AgentVersion, ReleaseCounter, SecurityCounter


def release(counter: int) -> Release:
    """A release whose two parts work with each other and with no older one."""
    least = ReleaseCounter(counter)
    needs = (Dependency(MAIN, RADIO, least), Dependency(RADIO, MAIN, least))
    return replace(sim_release(), counter=least, dependencies=needs)


DEVICE = Device(
    DeviceId("device-1"),
    PRODUCT,
    AgentVersion(1, 2, 0),
    SecurityCounter(3),
    {name: Part(MODEL, 2, ReleaseCounter(6)) for name in (MAIN, RADIO)},
    frozenset(),
)


def directed(**counters: int) -> Set:
    """What the Director assigns: releases by component."""
    return {ComponentId(name): seal(release(counter)) for name, counter in counters.items()}


ASSIGNED: Mapping[str, tuple[Set, ComponentId, str, str]] = {
    "one part of a release": (directed(main=7), RADIO, "release 7", "nothing"),
    "the other part": (directed(radio=7), MAIN, "release 7", "nothing"),
    "two campaigns": (directed(main=7, radio=8), RADIO, "release 7", "release 8"),
    "the old one for one part": (directed(main=7, radio=6), MAIN, "release 6", "release 7"),
}


@pytest.mark.parametrize(("attack", "part", "expected", "found"), ASSIGNED.values(), ids=ASSIGNED)
def test_parts_of_different_releases_are_not_installed_together(
    attack: Set, part: ComponentId, expected: str, found: str
) -> None:
    """The set {A2, B1} where {A2, B2} was released is refused as a whole."""
    require_compatible(directed(main=7, radio=7), DEVICE)

    with pytest.raises(Refused) as error:
        require_compatible(attack, DEVICE)
    assert error.value.fault == ComponentFault(
        code=Code.UPDATE_SET_PARTIAL, component=part, expected=expected, found=found
    )

    require_compatible(directed(main=8, radio=8), DEVICE)


def test_a_part_whose_need_is_not_met_is_not_installed() -> None:
    """A release of one part only, for a device whose other part is too old, is refused."""
    alone = replace(release(7), components=release(7).components[:1])
    alone = replace(alone, dependencies=alone.dependencies[:1])
    current = {**DEVICE.parts, RADIO: Part(MODEL, 2, ReleaseCounter(7))}
    require_compatible({MAIN: seal(alone)}, replace(DEVICE, parts=current))

    with pytest.raises(Refused) as error:
        require_compatible({MAIN: seal(alone)}, DEVICE)
    assert error.value.fault == ComponentFault(
        code=Code.UPDATE_DEPENDENCY, component=MAIN, expected="radio of 7", found="radio of 6"
    )


def pair(device: Rehearsal, counter: int) -> str:
    """Publish a release of two parts that need each other; return where its manifest stands."""
    made = device.domain.made(TWO, counter, security=1)
    radio = replace(made.components[0], component=RADIO)
    least = ReleaseCounter(counter)
    needs = (Dependency(MAIN, RADIO, least), Dependency(RADIO, MAIN, least))
    device.domain.name(replace(made, components=(*made.components, radio), dependencies=needs))
    device.domain.publish("feature")
    return device.domain.path(counter)


def test_a_device_on_flash_takes_no_mixed_set(device: Rehearsal) -> None:
    """The Director's two campaigns for two parts of one device change nothing on it."""
    device.others = {RADIO: Part(MODEL, 2, ReleaseCounter(1))}
    paths = [pair(device, counter) for counter in (5, 6)]
    before = device.flash()

    device.domain.assign(FLASHED, *paths)
    targets = device.domain.director.targets().targets
    for path, part in zip(paths, (MAIN, RADIO), strict=True):
        entry = {part: {"hardwareId": MODEL, "device": FLASHED}}
        targets[path].unrecognized_fields["custom"] = {"ecuIdentifiers": entry}
    device.domain.direct()
    assert device.check_in() is Code.UPDATE_SET_PARTIAL

    device.others = {}
    assert_held(device, before)


@pytest.mark.parametrize("place", on_a_fleet.PLACES)
def test_a_gateway_mixes_the_words_of_two_days_for_no_device(
    fleet: SimFleet, stolen: StolenGateway, place: str
) -> None:
    """Everything is genuine, one of it is of release 1's day: nothing of release 2 is installed."""
    device = on_a_fleet.ready_for_two(fleet)
    pattern = on_a_fleet.PLACES[place]
    (before,) = [said for path, said in stolen.said.items() if fnmatchcase(path, pattern)][-1:]

    stolen.on(pattern, again(before))

    with pytest.raises(FirmholdError):
        device.check()
    on_a_fleet.assert_held(device, stolen)
