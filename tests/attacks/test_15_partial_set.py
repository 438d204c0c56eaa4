"""Row 15: of a set that belongs together, something is left out on the way.

What the device does about a set that breaks off while it is written is the installation's matter;
here the set never becomes one.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
from tests.attacks import stolen as on_a_fleet
from tests.attacks.flashed import TWO, assert_held

from firmhold.drill.rehearsal import DEVICE as FLASHED
from firmhold.drill.rehearsal import Rehearsal
from firmhold.release.diff import Made, make_extents
from firmhold.sim.fleet import SimFleet
from firmhold.sim.releases import MODEL, PRODUCT, sim_component, sim_release
from firmhold.sim.stolen_gateway import StolenGateway, not_there
from firmhold.trust.device_id import DeviceId
from firmhold.trust.errors import Code, FirmholdError, Refused
from firmhold.trust.faults import LengthMismatch
from firmhold.trust.uptane.component import ComponentId
from firmhold.trust.verified import seal
from firmhold.update.compatibility import Device, Part, findings
from firmhold.update.extents import produce
from firmhold.update.pieces import Reader
from firmhold.update.version import AgentVersion, ReleaseCounter, SecurityCounter

NAMES = tuple(ComponentId(name) for name in ("main", "radio", "camera"))
RELEASE = replace(
    sim_release(),
    components=tuple(sim_component(name, name.encode()) for name in NAMES),
    dependencies=(),
)
DEVICE = Device(
    DeviceId("device-1"),
    PRODUCT,
    AgentVersion(1, 2, 0),
    SecurityCounter(3),
    {name: Part(MODEL, 2, ReleaseCounter(6)) for name in NAMES},
    frozenset(),
)
PARTIAL = [kept for size in (1, 2) for kept in combinations(NAMES, size)]


@pytest.mark.parametrize("kept", PARTIAL, ids="+".join)
def test_a_set_of_which_something_is_missing_is_refused(kept: tuple[ComponentId, ...]) -> None:
    """Whichever of three images is left out of the Director's word, none is installed."""
    whole = dict.fromkeys(NAMES, seal(RELEASE))
    assert findings(whole, DEVICE) == []

    missing = sorted(set(NAMES) - set(kept))
    found = findings({name: whole[name] for name in kept}, DEVICE)
    assert {fault.code for fault in found} == {Code.UPDATE_SET_PARTIAL}
    assert len(found) == len(missing)

    assert findings(whole, DEVICE) == []


@pytest.fixture(name="made")
def _made(tmp_path: Path) -> Mapping[ComponentId, Made]:
    """Three images as they are shipped."""
    made = {}
    for name in NAMES:
        (tmp_path / name).write_bytes(name.encode() * 100_000)
        made[name] = make_extents(tmp_path / name)
    return made


@pytest.mark.parametrize("dropped", NAMES)
def test_an_image_that_breaks_off_never_counts_as_whole(
    made: Mapping[ComponentId, Made], dropped: ComponentId
) -> None:
    """The wire drops the end of one of three images: read back, that one is not there."""
    arrived = {}
    for name in NAMES:
        index, payloads = made[name].index, made[name].payloads
        extents = index.full.extents
        kept = extents[:-1] if name == dropped else extents
        slot = [produce(index, e, payloads[e.payload.sha256], _nothing) for e in kept if e.payload]
        reader = Reader(index.pieces)
        reader.update(b"".join(slot))
        try:
            reader.finish()
        except Refused as refused:
            arrived[name] = refused.fault
    assert arrived == {
        dropped: LengthMismatch(
            code=Code.UPDATE_IMAGE_LENGTH,
            what="image",
            expected=made[dropped].index.image.length,
            found=0,
        )
    }


def _nothing(_offset: int, _length: int) -> bytes:
    """No base image."""
    return b""


def test_a_device_on_flash_takes_all_of_a_set_or_nothing(device: Rehearsal) -> None:
    """Left out by the Director: refused. Whole, but not to be switched at one stroke: refused."""
    radio = ComponentId("radio")
    device.others = {radio: Part(MODEL, 2, ReleaseCounter(1))}
    made = device.domain.made(TWO, 5, security=1)
    both = (*made.components, replace(made.components[0], component=radio))
    device.domain.name(replace(made, components=both))
    device.domain.publish("feature")
    path, before = device.domain.path(5), device.flash()

    device.domain.assign(FLASHED, path)
    assert device.check_in() is Code.UPDATE_SET_PARTIAL
    entry = {name: {"hardwareId": MODEL, "device": FLASHED} for name in ("main", "radio")}
    word = device.domain.director.targets().targets[path]
    word.unrecognized_fields["custom"] = {"ecuIdentifiers": entry}
    device.domain.direct()
    assert device.check_in() is Code.INSTALL_SEVERAL

    device.others = {}
    assert_held(device, before)


def test_a_gateway_that_keeps_a_part_back_brings_nothing_in(
    fleet: SimFleet, stolen: StolenGateway
) -> None:
    """Of all that belongs to release 2, each piece is kept back alone: none of it is booted."""
    on_a_fleet.ready_for_two(fleet)
    known = set(stolen.said)
    fleet.device("camera-2").live()
    pieces = sorted(path for path in set(stolen.said) - known if "/v1/report" not in path)
    assert len([path for path in pieces if "payloads" in path]) > 1

    for number, piece in enumerate(pieces, 3):
        device = fleet.device(f"camera-{number}")
        stolen.on(piece, not_there)
        with pytest.raises(FirmholdError):
            device.check()
        device.rest()
        assert not device.runs(on_a_fleet.TWO)
        stolen.calm()
        device.live()
        assert device.runs(on_a_fleet.TWO)
