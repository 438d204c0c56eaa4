"""Row 33: payloads replaced, cut or lengthened on their way."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from firmhold.sim.fleet import SimFleet
from firmhold.trust.errors import FirmholdError

ONE = Random(1).randbytes(200_000)


def replaced(place: Path) -> None:
    """Other bytes, as many."""
    place.write_bytes(bytes(place.stat().st_size))


def cut(place: Path) -> None:
    """Half of it."""
    place.write_bytes(place.read_bytes()[: place.stat().st_size // 2])


def lengthened(place: Path) -> None:
    """Something behind it."""
    place.write_bytes(place.read_bytes() + b"more")


@pytest.mark.parametrize("bend", [replaced, cut, lengthened])
def test_a_payload_that_is_not_the_one_is_not_used(
    fleet: SimFleet, bend: Callable[[Path], None]
) -> None:
    """It is refused by its digest before its first byte is used; mended, it is installed."""
    fleet.publish(1, ONE)
    device = fleet.device("camera-1")
    fleet.rollout(1)
    kept = {place: place.read_bytes() for place in (fleet.folder / "site/payloads").iterdir()}
    for place in kept:
        bend(place)
    before = device.appliance().boot.running()

    with pytest.raises(FirmholdError):
        device.check()
    device.rest()

    assert device.appliance().boot.running() is before
    assert not device.runs(ONE)
    for place, data in kept.items():
        place.write_bytes(data)
    device.live()
    device.rest()
    assert device.runs(ONE)
