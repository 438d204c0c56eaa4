"""Images are made out of what was fetched and what runs; nothing else comes out than was signed."""

from dataclasses import dataclass

import pytest
from tests.device.conftest import ONE, TWO

from firmhold.device.extents import ExtentSource
from firmhold.device.install import candidate
from firmhold.drill.rehearsal import DEVICE, Rehearsal
from firmhold.sim.machine import measured
from firmhold.sim.releases import MAIN
from firmhold.trust.errors import Code, Refused, Unavailable
from firmhold.update.journal import Candidate


def offered(device: Rehearsal, base: bytes | None = None) -> Candidate:
    """Release 2, with a small recipe for devices that have `base`."""
    release = device.domain.release(TWO, 2, security=2, base=base)
    device.domain.assign(DEVICE, device.domain.path(2))
    return candidate(release, MAIN)


def test_every_piece_is_made_from_the_payloads_alone(device: Rehearsal) -> None:
    """Where nobody knows what runs, the full recipe makes the image."""
    wanted = offered(device)
    source = ExtentSource(device.domain.payloads, lambda: None)
    made, first = b"", 0
    while first < wanted.image.pieces:
        begin, data = source.extent(wanted, first)
        assert begin == first
        made, first = made + data, begin + -(-len(data) // 65_536)
    assert made == TWO


def test_a_small_update_is_made_of_what_runs(device: Rehearsal) -> None:
    """A device with the base image takes the small recipe, and has no use for the full payloads."""
    offered(device)
    full = set(device.domain.payloads.files)
    offered(device, base=ONE)
    small = set(device.domain.payloads.files) - full
    for name in full - {device.domain.payloads.indexes[measured(TWO)]} - small:
        device.domain.payloads.files[name] = b""
    assert device.update() is None, device.failure
    assert device.machine.floor.counter == 2


@dataclass
class Other:
    """A medium that holds something else than it is said to."""

    data: bytes

    @property
    def size(self) -> int:
        """How many bytes it holds."""
        return len(self.data)

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes of it."""
        return self.data[offset : offset + length]

    read_back = read

    def write(self, offset: int, data: bytes) -> None:
        """Refuse: nobody writes what runs."""
        raise AssertionError((offset, data))

    def flush(self) -> None:
        """Refuse as well."""
        raise AssertionError


@pytest.mark.parametrize("lie", [bytes(len(ONE)), ONE[:70_000], b""])
def test_a_base_that_is_another_one_costs_only_the_detour(device: Rehearsal, lie: bytes) -> None:
    """What was made of the wrong bytes is thrown away, and made from the full payload."""
    wanted = offered(device, base=ONE)
    source = ExtentSource(device.domain.payloads, lambda: (measured(ONE), Other(lie)))
    first, data = source.extent(wanted, 0)
    assert (first, data) == (0, TWO[: len(data)])


def test_a_spoilt_payload_is_refused_by_its_digest(device: Rehearsal) -> None:
    """A payload of other bytes is fetched again rather than written."""
    wanted = offered(device)
    index = device.domain.payloads.indexes[wanted.image]
    for name, data in device.domain.payloads.files.items():
        if name != index:
            device.domain.payloads.files[name] = data[:-1] + bytes([data[-1] ^ 1])
    with pytest.raises(Refused) as error:
        ExtentSource(device.domain.payloads, lambda: None).extent(wanted, 0)
    assert error.value.code is Code.UPDATE_PAYLOAD_DIGEST


def test_the_index_of_another_image_is_refused(device: Rehearsal) -> None:
    """Pieces count for the root that was signed, and for no other."""
    wanted = offered(device)
    payloads = device.domain.payloads
    payloads.indexes[wanted.image] = payloads.indexes[measured(ONE)]
    with pytest.raises(Refused) as error:
        ExtentSource(payloads, lambda: None).extent(wanted, 0)
    assert error.value.code is Code.UPDATE_PIECE_COUNT


def test_what_was_not_fetched_is_waited_for(device: Rehearsal) -> None:
    """Nothing is made up: the installation goes on when the payload is there."""
    wanted = offered(device)
    device.domain.payloads.files.clear()
    with pytest.raises(Unavailable):
        ExtentSource(device.domain.payloads, lambda: None).extent(wanted, 0)
