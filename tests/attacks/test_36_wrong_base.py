"""Row 36: a small update for another image than the one that the device has."""

from dataclasses import dataclass, field
from random import Random

import pytest
from tests.attacks.flashed import ONE, TWO, runs

from firmhold.drill.rehearsal import DEVICE as FLASHED
from firmhold.drill.rehearsal import Rehearsal
from firmhold.release.diff import Made, make_extents
from firmhold.trust.errors import Code, Refused
from firmhold.update.extents import produce
from firmhold.update.index import Recipe
from firmhold.update.pieces import PIECE_BYTES, Image, Meter, Reader

V1 = Random(36).randbytes(40 * PIECE_BYTES + 777)
V2 = V1[: 9 * PIECE_BYTES] + b"second" + V1[9 * PIECE_BYTES :]
V3 = V2[: 20 * PIECE_BYTES] + b"third" * 1000 + V2[20 * PIECE_BYTES : -1]


def image_of(data: bytes) -> Image:
    """What a slot holds, read back."""
    meter = Meter()
    meter.update(data)
    return meter.finish().image


@dataclass
class Device:
    """A slot that runs, one that is written, and what the device believes of the former."""

    running: bytes
    believed: Image
    spare: bytes = b""
    refusals: list[Code] = field(default_factory=list)
    fetched: int = 0

    def install(self, made: Made) -> None:
        """Take the recipe for what is believed to be there, and go on with the full one if not."""
        recipe = made.index.recipe_for(self.believed)
        self.spare = b""
        try:
            self._write(made, recipe, 0)
        except Refused as refused:
            self.refusals.append(refused.code)
            self._write(made, made.index.full, len(self.spare) // PIECE_BYTES)
        reader = Reader(made.index.pieces)
        reader.update(self.spare)
        reader.finish()

    def _write(self, made: Made, recipe: Recipe, done: int) -> None:
        for extent in recipe.beyond(done):
            offset, _ = made.index.span(extent)
            payload = made.payloads[extent.payload.sha256] if extent.payload is not None else b""
            self.fetched += len(payload)
            data = produce(made.index, extent, payload, self._read)
            self.spare = self.spare[:offset] + data

    def _read(self, offset: int, length: int) -> bytes:
        return self.running[offset : offset + length]


@pytest.fixture(name="made", scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Release 3, with a small update for devices that have release 1."""
    folder = tmp_path_factory.mktemp("images")
    (folder / "v1").write_bytes(V1)
    (folder / "v3").write_bytes(V3)
    return make_extents(folder / "v3", folder / "v1")


def test_the_right_base_takes_the_small_update(made: Made) -> None:
    """A device with release 1 fetches little and ends with release 3."""
    device = Device(V1, image_of(V1))
    device.install(made)
    assert (device.spare, device.refusals) == (V3, [])
    assert device.fetched * 100 < len(V3)


def test_a_device_with_another_release_takes_the_full_update(made: Made) -> None:
    """The base is named by its root, so a device with release 2 knows before it begins."""
    device = Device(V2, image_of(V2))
    device.install(made)
    assert (device.spare, device.refusals) == (V3, [])
    assert device.fetched * 2 > len(V3)


@pytest.mark.parametrize("at", [0, 8 * PIECE_BYTES + 5, 30 * PIECE_BYTES, len(V1) - 2])
def test_a_base_that_is_off_by_a_byte_is_found_out(made: Made, at: int) -> None:
    """Flash that is not what the device remembers yields nothing wrong: the full update goes on."""
    running = V1[:at] + bytes([V1[at] ^ 1]) + V1[at + 1 :]
    device = Device(running, image_of(V1))
    device.install(made)
    assert device.spare == V3
    assert device.refusals == [Code.UPDATE_WRONG_BASE]

    sound = Device(V1, image_of(V1))
    sound.install(made)
    assert (sound.spare, sound.refusals) == (V3, [])


@pytest.mark.parametrize("running", [V2, V3, b"", V1[:-1]], ids=["v2", "v3", "nothing", "cut"])
def test_a_lie_about_the_base_costs_only_the_detour(made: Made, running: bytes) -> None:
    """Whatever the slot really holds, what is written is release 3 or nothing."""
    device = Device(running, image_of(V1))
    device.install(made)
    assert device.spare == V3
    assert device.refusals == [Code.UPDATE_WRONG_BASE]


def test_a_device_on_flash_whose_base_is_off_by_a_byte_still_gets_the_signed_image(
    device: Rehearsal,
) -> None:
    """A flipped bit in what runs spoils no update: what is made of it is thrown away."""
    device.domain.release(TWO, 2, security=2, base=ONE)
    device.domain.assign(FLASHED, device.domain.path(2))
    running = device.machine.record.booted
    assert running is not None
    slot = device.machine.slots[running]
    head = slot.read_back(0, PIECE_BYTES)
    slot.write(0, head[:-1] + bytes([head[-1] ^ 1]))
    slot.flush()
    device.put(device.durables())
    assert not runs(device, ONE)

    assert device.update() is None, device.failure

    assert runs(device, TWO)
    assert device.machine.floor.counter == 2
