"""Whether a release fits a device: every finding, in order, and nothing by halves."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmhold.sim.releases import MAIN, MODEL, PRODUCT, RADIO, START, sim_component, sim_release
from firmhold.trust.device_id import DeviceId
from firmhold.trust.errors import Code, Fault, Refused
from firmhold.trust.faults import Absent, ComponentFault, Expired, Mismatch, VersionMismatch
from firmhold.trust.uptane.component import ComponentId, HardwareId
from firmhold.trust.verified import seal
from firmhold.update.compatibility import (
    Device,
    Leave,
    Part,
    Set,
    findings,
    fits,
    require_compatible,
)
from firmhold.update.release import Dependency, HardwareRange, Release, ReleaseClass
from firmhold.update.security import Revert
from firmhold.update.version import AgentVersion, ReleaseCounter, SecurityCounter

DEVICE_ID = DeviceId("device-1")
NEW = sim_release()
"""Release 7: requires 4, agent 1.2.0, security counter 3; main and radio need each other."""

OLD = replace(
    NEW,
    counter=ReleaseCounter(6),
    required_counter=ReleaseCounter(0),
    dependencies=(
        Dependency(MAIN, RADIO, ReleaseCounter(6)),
        Dependency(RADIO, MAIN, ReleaseCounter(6)),
    ),
)
DEVICE = Device(
    device=DEVICE_ID,
    product=PRODUCT,
    agent=AgentVersion(1, 2, 0),
    floor=SecurityCounter(3),
    parts=MappingProxyType(
        {MAIN: Part(MODEL, 2, ReleaseCounter(6)), RADIO: Part(MODEL, 4, ReleaseCounter(6))}
    ),
    manifests=frozenset({OLD.digest}),
)


def chosen(**releases: Release) -> Set:
    """A set by the names of components."""
    return {ComponentId(name): seal(release) for name, release in releases.items()}


BOTH = chosen(main=NEW, radio=NEW)


def device_with(**parts: Part) -> Device:
    """The device with some of its parts exchanged."""
    named = {ComponentId(name): part for name, part in parts.items()}
    return replace(DEVICE, parts={**DEVICE.parts, **named})


def test_a_release_that_fits_is_not_spoken_against() -> None:
    """A whole set for this hardware, in order, with all that it needs, has no findings."""
    assert findings(BOTH, DEVICE) == []
    require_compatible(BOTH, DEVICE)


def test_the_release_that_is_installed_fits_again() -> None:
    """A device may be brought to what it has already, to mend it."""
    assert findings(chosen(main=OLD, radio=OLD), DEVICE) == []


@pytest.mark.parametrize(
    ("model", "revision", "fitting"),
    [
        ("a", 1, True),
        ("a", 3, True),
        ("a", 0, False),
        ("a", 4, False),
        ("a", 6, True),
        ("b", 1, False),
        ("b", 6, True),
        ("c", 6, False),
    ],
)
def test_a_component_is_made_for_models_in_revisions(
    model: str, revision: int, *, fitting: bool
) -> None:
    """Both ends of a range are in it, and a range is of one model."""
    ranges = (
        HardwareRange(HardwareId("a"), 1, 3),
        HardwareRange(HardwareId("a"), 6, 6),
        HardwareRange(HardwareId("b"), 5, 9),
    )
    component = replace(sim_component(MAIN, b"x"), hardware=ranges)
    part = Part(HardwareId(model), revision, ReleaseCounter(0))
    assert fits(component, part) is fitting


FAR = Part(MODEL, 9, ReleaseCounter(6))
STRANGE = Part(HardwareId("other"), 2, ReleaseCounter(6))
PATCH = replace(
    NEW,
    release_class=ReleaseClass.SECURITY,
    components=NEW.components[:1],
    dependencies=NEW.dependencies[:1],
    patches=b"\0" * 32,
)
GONE = replace(DEVICE, parts={MAIN: DEVICE.parts[MAIN]})
ALONE = replace(NEW, dependencies=())


@dataclass(frozen=True)
class Case:
    """A set, a device and all that speaks against it."""

    chosen: Set
    device: Device
    faults: tuple[Fault, ...]


CASES: Mapping[str, Case] = {
    "another product": Case(
        BOTH,
        replace(DEVICE, product="other"),
        (
            Mismatch(
                code=Code.UPDATE_OTHER_PRODUCT, what="product", expected="other", found=PRODUCT
            ),
        ),
    ),
    "half of a set": Case(
        chosen(main=ALONE),
        DEVICE,
        (
            ComponentFault(
                code=Code.UPDATE_SET_PARTIAL,
                component=RADIO,
                expected="release 7",
                found="nothing",
            ),
        ),
    ),
    "two releases mixed": Case(
        chosen(main=ALONE, radio=OLD),
        DEVICE,
        (
            ComponentFault(
                code=Code.UPDATE_SET_PARTIAL,
                component=MAIN,
                expected="release 6",
                found="release 7",
            ),
            ComponentFault(
                code=Code.UPDATE_SET_PARTIAL,
                component=RADIO,
                expected="release 7",
                found="release 6",
            ),
        ),
    ),
    "not in the release": Case(
        chosen(main=replace(ALONE, components=NEW.components[:1]), radio=PATCH),
        replace(DEVICE, manifests=frozenset({b"\0" * 32})),
        (
            ComponentFault(
                code=Code.UPDATE_SET_PARTIAL,
                component=MAIN,
                expected="release 7",
                found="release 7",
            ),
            Absent(code=Code.UPDATE_NOT_IN_RELEASE, name=RADIO, listed_in="release 7"),
        ),
    ),
    "not on the device": Case(
        chosen(main=ALONE, radio=ALONE),
        GONE,
        (Absent(code=Code.UPDATE_UNKNOWN_COMPONENT, name=RADIO, listed_in=DEVICE_ID),),
    ),
    "another model": Case(
        BOTH,
        device_with(main=STRANGE),
        (
            ComponentFault(
                code=Code.UPDATE_HARDWARE_MODEL,
                component=MAIN,
                expected=f"{MODEL}:1-4",
                found="other:2",
            ),
        ),
    ),
    "another revision": Case(
        BOTH,
        device_with(radio=FAR),
        (
            ComponentFault(
                code=Code.UPDATE_HARDWARE_REVISION,
                component=RADIO,
                expected=f"{MODEL}:1-4",
                found=f"{MODEL}:9",
            ),
        ),
    ),
    "too far behind": Case(
        BOTH,
        device_with(
            main=Part(MODEL, 1, ReleaseCounter(3)), radio=Part(MODEL, 1, ReleaseCounter(2))
        ),
        (VersionMismatch(code=Code.UPDATE_REQUIRED_RELEASE, role=PRODUCT, expected=4, found=3),),
    ),
    "an agent too old": Case(
        BOTH,
        replace(DEVICE, agent=AgentVersion(1, 1, 99)),
        (Mismatch(code=Code.UPDATE_AGENT, what="agent", expected="1.2.0", found="1.1.99"),),
    ),
    "a patch of something else": Case(
        chosen(main=replace(PATCH, dependencies=())),
        DEVICE,
        (Absent(code=Code.UPDATE_PATCHES_OTHER, name="00" * 32, listed_in=DEVICE_ID),),
    ),
    "going back": Case(
        BOTH,
        device_with(main=Part(MODEL, 2, ReleaseCounter(8))),
        (VersionMismatch(code=Code.UPDATE_DOWNGRADE, role=MAIN, expected=8, found=7),),
    ),
    "below the floor": Case(
        BOTH,
        replace(DEVICE, floor=SecurityCounter(4)),
        (VersionMismatch(code=Code.UPDATE_SECURITY_FLOOR, role=PRODUCT, expected=4, found=3),),
    ),
    "a need that nobody meets": Case(
        chosen(main=replace(PATCH, patches=OLD.digest)),
        DEVICE,
        (
            ComponentFault(
                code=Code.UPDATE_DEPENDENCY,
                component=MAIN,
                expected="radio of 7",
                found="radio of 6",
            ),
        ),
    ),
    "a need for what is not there": Case(
        chosen(main=replace(PATCH, patches=OLD.digest)),
        GONE,
        (
            ComponentFault(
                code=Code.UPDATE_DEPENDENCY,
                component=MAIN,
                expected="radio of 7",
                found="radio of 0",
            ),
        ),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_speaks_against_a_set_is_said_in_full(case: Case) -> None:
    """Each thing that is wrong is one finding with its own code, and nothing else is found."""
    assert tuple(findings(case.chosen, case.device)) == case.faults
    with pytest.raises(Refused) as error:
        require_compatible(case.chosen, case.device)
    assert error.value.fault == case.faults[0]


def test_all_that_is_wrong_is_found_at_once() -> None:
    """People who plan a release see every reason, in the order of the rules."""
    device = replace(
        device_with(main=STRANGE, radio=Part(MODEL, 2, ReleaseCounter(9))),
        product="other",
        agent=AgentVersion(0, 9, 0),
        floor=SecurityCounter(9),
    )
    assert [fault.code for fault in findings(chosen(main=PATCH), device)] == [
        Code.UPDATE_OTHER_PRODUCT,
        Code.UPDATE_HARDWARE_MODEL,
        Code.UPDATE_AGENT,
        Code.UPDATE_PATCHES_OTHER,
        Code.UPDATE_SECURITY_FLOOR,
    ]


def test_what_is_made_for_other_hardware_need_not_be_taken() -> None:
    """A release for several machines is whole on each with what is made for it."""
    other = replace(NEW.components[1], hardware=(HardwareRange(HardwareId("other"), 0, 9),))
    release = replace(ALONE, components=(NEW.components[0], other))
    assert findings(chosen(main=release), DEVICE) == []
    assert findings(chosen(main=release), GONE) == []


def test_a_need_may_be_met_by_what_is_installed() -> None:
    """A patch of one component works beside what stays."""
    need = Dependency(MAIN, RADIO, ReleaseCounter(6))
    patch = replace(PATCH, dependencies=(need,), patches=OLD.digest)
    assert findings(chosen(main=patch), DEVICE) == []


def test_a_device_with_nothing_takes_what_requires_nothing() -> None:
    """The first release of a device is installed like any other."""
    first = replace(NEW, required_counter=ReleaseCounter(0))
    empty = device_with(
        main=Part(MODEL, 1, ReleaseCounter(0)), radio=Part(MODEL, 1, ReleaseCounter(0))
    )
    assert findings(chosen(main=first, radio=first), empty) == []
    assert findings({}, replace(DEVICE, parts={})) == []
    codes = [fault.code for fault in findings(BOTH, replace(DEVICE, parts={}))]
    assert codes.count(Code.UPDATE_REQUIRED_RELEASE) == 1


AHEAD = device_with(main=Part(MODEL, 2, ReleaseCounter(9)), radio=Part(MODEL, 2, ReleaseCounter(8)))
REVERT = Revert(
    PRODUCT,
    (DeviceId("device-0"), DEVICE_ID),
    ReleaseCounter(9),
    ReleaseCounter(7),
    START,
)
BEFORE = START - timedelta(seconds=1)


def test_leave_of_the_security_authority_lets_a_device_go_back() -> None:
    """A named device goes back by the step that was named, as a whole set, before the date."""
    assert [fault.code for fault in findings(BOTH, AHEAD)] == [Code.UPDATE_DOWNGRADE] * 2
    assert findings(BOTH, AHEAD, Leave(seal(REVERT), BEFORE)) == []


LEAVES: Mapping[str, tuple[Revert, Fault]] = {
    "another device": (
        replace(REVERT, devices=(DeviceId("device-0"),)),
        Absent(code=Code.UPDATE_REVERT_DEVICE, name=f"{PRODUCT}/{DEVICE_ID}", listed_in="revert"),
    ),
    "another product": (
        replace(REVERT, product="other"),
        Absent(code=Code.UPDATE_REVERT_DEVICE, name=f"{PRODUCT}/{DEVICE_ID}", listed_in="revert"),
    ),
    "from elsewhere": (
        replace(REVERT, from_counter=ReleaseCounter(8)),
        Mismatch(code=Code.UPDATE_REVERT_STEP, what="step", expected="8 to 7", found="9 to 7"),
    ),
    "to elsewhere": (
        replace(REVERT, to_counter=ReleaseCounter(5)),
        Mismatch(code=Code.UPDATE_REVERT_STEP, what="step", expected="9 to 5", found="9 to 7"),
    ),
    "at its end": (
        replace(REVERT, expires=BEFORE),
        Expired(code=Code.UPDATE_REVERT_EXPIRED, role="revert", expires=BEFORE, now=BEFORE),
    ),
}


@pytest.mark.parametrize(("revert", "fault"), LEAVES.values(), ids=LEAVES)
def test_leave_is_for_one_step_of_one_device_until_a_date(revert: Revert, fault: Fault) -> None:
    """Leave for another device, product or step, or of yesterday, is none."""
    assert findings(BOTH, AHEAD, Leave(seal(revert), BEFORE)) == [fault, fault]


def test_nobody_gives_leave_to_go_below_the_floor() -> None:
    """What the hardware will not boot is not installed, whoever says so."""
    device = replace(AHEAD, floor=SecurityCounter(4))
    leave = Leave(seal(REVERT), BEFORE)
    assert [fault.code for fault in findings(BOTH, device, leave)] == [Code.UPDATE_SECURITY_FLOOR]


@given(
    st.dictionaries(
        st.sampled_from([MAIN, RADIO, ComponentId("camera")]),
        st.sampled_from([NEW, OLD, ALONE, PATCH]),
    )
)
def test_no_mixture_of_releases_passes(assigned: dict[ComponentId, Release]) -> None:
    """Whatever a Director assigns, it is nothing, one whole release, or refused."""
    found = findings({name: seal(release) for name, release in assigned.items()}, DEVICE)
    whole = [{}, *({MAIN: release, RADIO: release} for release in (NEW, OLD, ALONE))]
    assert (found == []) is (assigned in whole)
