"""Row 35: a payload of another kind, or meant for another place than its own.

The place of a component is the device's own: no document has a word for an address. What can be
tried is to reach out of the image or out of the base, and to put one kind in another one's place.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from tests.attacks.flashed import TWO, assert_held

from firmhold.drill.rehearsal import DEVICE as FLASHED
from firmhold.drill.rehearsal import Rehearsal
from firmhold.release.diff import Made, make_extents
from firmhold.sim.machine import sim_image
from firmhold.sim.releases import sim_release, sim_target
from firmhold.trust.encoding import canonical_json
from firmhold.trust.errors import Code, Refused
from firmhold.trust.verified import seal
from firmhold.update.extents import produce
from firmhold.update.index import parse_index
from firmhold.update.pieces import PIECE_BYTES
from firmhold.update.release import ComponentType, parse_release
from firmhold.update.rules import verify_issued

OLD = Random(35).randbytes(4 * PIECE_BYTES)
NEW = OLD[:PIECE_BYTES] + b"new" + OLD[PIECE_BYTES:]


@pytest.fixture(name="made", scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """An image as it is shipped to devices that have the old one."""
    folder = tmp_path_factory.mktemp("images")
    (folder / "old").write_bytes(OLD)
    (folder / "new").write_bytes(NEW)
    return make_extents(folder / "new", folder / "old")


def read_old(offset: int, length: int) -> bytes:
    """Read the image that the device has."""
    return OLD[offset : offset + length]


def extent(value: dict[str, Any], number: int) -> dict[str, Any]:
    """One extent of the small recipe."""
    found: dict[str, Any] = value["recipes"][1]["extents"][number]
    return found


Bend = Callable[[dict[str, Any]], object]

PLACES: Mapping[str, tuple[Bend, Code]] = {
    "beyond the slot": (lambda v: extent(v, 1).update(first=1 << 20), Code.UPDATE_EXTENT_COVERAGE),
    "before the slot": (lambda v: extent(v, 0).update(first=-1), Code.UPDATE_INDEX_SHAPE),
    "over what is there": (lambda v: extent(v, 1).update(first=0), Code.UPDATE_EXTENT_COVERAGE),
    "more than the image": (lambda v: extent(v, 1).update(pieces=9), Code.UPDATE_EXTENT_COVERAGE),
    "out of the base": (
        lambda v: extent(v, 0)["base"].update(offset=4 * PIECE_BYTES),
        Code.UPDATE_EXTENT_BASE,
    ),
    "before the base": (
        lambda v: extent(v, 0)["base"].update(offset=-PIECE_BYTES),
        Code.UPDATE_INDEX_SHAPE,
    ),
    "at an address": (lambda v: extent(v, 0).update(address=0x8000), Code.UPDATE_INDEX_SHAPE),
    "by a program": (lambda v: extent(v, 0).update(operation="run"), Code.UPDATE_INDEX_SHAPE),
}


@pytest.mark.parametrize(("bend", "code"), PLACES.values(), ids=PLACES)
def test_nothing_reaches_out_of_its_own_place(made: Made, bend: Bend, code: Code) -> None:
    """An index that names a place outside image or base is refused before anything is written."""
    honest, image = made.index.to_bytes(), made.index.image
    parse_index(honest, image)

    value = json.loads(honest)
    bend(value)
    with pytest.raises(Refused) as error:
        parse_index(canonical_json(value), image)
    assert error.value.code is code

    assert parse_index(honest, image) == made.index


def test_a_payload_of_another_extent_is_refused(made: Made) -> None:
    """Two genuine payloads change places: neither is what its place asks for."""
    (full,) = made.index.full.extents
    (patch,) = (e for e in made.index.recipes[1].extents if e.payload is not None)
    assert full.payload is not None
    assert patch.payload is not None
    payloads = made.payloads
    assert produce(made.index, full, payloads[full.payload.sha256], read_old) == NEW

    for target, other in ((full, patch.payload), (patch, full.payload)):
        with pytest.raises(Refused) as error:
            produce(made.index, target, payloads[other.sha256], read_old)
        assert error.value.code is Code.UPDATE_PAYLOAD_LENGTH

    assert produce(made.index, full, payloads[full.payload.sha256], read_old) == NEW


def test_a_component_of_another_type_is_refused() -> None:
    """A boot chain does not travel as an application, nor under one authority."""
    release = sim_release()
    honest = sim_target(release, "feature")
    verify_issued(seal(honest), release.to_bytes())

    parts = tuple(replace(each, type=ComponentType.BOOT_CHAIN) for each in release.components)
    bent = replace(release, components=parts)
    with pytest.raises(Refused) as error:
        verify_issued(seal(sim_target(bent, "feature")), bent.to_bytes())
    assert error.value.code is Code.UPDATE_TRUST_CLASS
    with pytest.raises(Refused) as error:
        parse_release(release.to_bytes().replace(b'"type":"system"', b'"type":"loader"'))
    assert error.value.code is Code.UPDATE_MANIFEST_SHAPE

    verify_issued(seal(honest), release.to_bytes())


def test_a_device_on_flash_gives_no_other_place_to_an_image(device: Rehearsal) -> None:
    """A boot chain by one authority, and an image beyond the slot: nothing is written anywhere."""
    made = device.domain.made(TWO, 5, security=1)
    boot = replace(made.components[0], type=ComponentType.BOOT_CHAIN)
    device.domain.name(replace(made, components=(boot,)))
    device.domain.name(device.domain.made(sim_image("long", 1, 9), 6, security=1))
    device.domain.publish("feature")
    before = device.flash()

    device.domain.assign(FLASHED, device.domain.path(5))
    assert device.check_in() is Code.UPDATE_TRUST_CLASS
    device.domain.assign(FLASHED, device.domain.path(6))
    assert device.check_in() is Code.INSTALL_TOO_LARGE

    assert_held(device, before)
