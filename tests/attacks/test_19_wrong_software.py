"""Row 19: the right vendor's file, and the wrong one. A plain client knows files by path only."""

import pytest

from firmhold.sim.network import Replay
from firmhold.sim.world import World
from firmhold.trust.errors import Code
from firmhold.trust.faults import DigestMismatch, LengthMismatch, OverLimit


def test_the_file_of_another_path_is_refused(world: World) -> None:
    """The mirror serves another model's image, genuine and of equal length, under this name."""
    world.repository.add_target("targets", "model-a.bin", b"for model A")
    world.repository.add_target("targets", "model-b.bin", b"for model B")
    world.repository.release("targets")
    assert world.device.update("model-a.bin") is None
    before = world.device.state()

    world.network.on("*model-b.bin", Replay(b"for model A"))

    assert world.device.update("model-b.bin") == Code.TUF_TARGET_DIGEST
    fault = world.device.fault
    assert isinstance(fault, DigestMismatch)
    assert fault.what == "model-b.bin"
    assert world.device.state() == before

    world.network.calm()
    assert world.device.update("model-b.bin") is None
    assert world.device.state()["targets/model-b.bin"] == b"for model B"


@pytest.mark.parametrize("served", [b"", b"short", b"the first versio"])
def test_a_shorter_file_is_refused(world: World, served: bytes) -> None:
    """The mirror serves less than was signed for: the length tells."""
    assert world.device.update() is None
    before = world.device.state()

    world.network.on("*a.bin", Replay(served))

    assert world.device.update("a.bin") == Code.TUF_TARGET_LENGTH
    assert world.device.fault == LengthMismatch(
        code=Code.TUF_TARGET_LENGTH, what="a.bin", expected=17, found=len(served)
    )
    assert world.device.state() == before


def test_a_longer_file_is_refused_at_its_first_byte_too_many(world: World) -> None:
    """The mirror appends something to the genuine image: reading stops where the image ends."""
    assert world.device.update() is None
    before = world.device.state()

    world.network.on("*a.bin", Replay(b"the first version and something else"))

    assert world.device.update("a.bin") == Code.FETCH_TOO_LONG
    fault = world.device.fault
    assert isinstance(fault, OverLimit)
    assert (fault.what.endswith("a.bin"), fault.limit) == (True, 17)
    assert world.device.state() == before


def test_another_revision_of_the_same_file_is_refused(world: World) -> None:
    """The mirror holds back the new image and serves the old one under its name."""
    assert world.device.update("a.bin") is None
    old = world.device.state()["targets/a.bin"]
    world.repository.add_target("targets", "a.bin", b"the newer version")
    world.repository.release("targets")

    world.network.on("*a.bin", Replay(old))

    assert world.device.update("a.bin") == Code.TUF_TARGET_DIGEST
    assert world.device.state()["targets/a.bin"] == old


def test_a_file_that_was_exchanged_on_the_device_is_fetched_anew(world: World) -> None:
    """Somebody exchanged two verified files on the device's disk: neither passes for the other."""
    world.repository.add_target("targets", "b.bin", b"the other of both")
    world.repository.release("targets")
    assert world.device.update("a.bin", "b.bin") is None
    before = world.device.state()

    first, second = world.device.targets / "a.bin", world.device.targets / "b.bin"
    first.write_bytes(before["targets/b.bin"])
    second.write_bytes(before["targets/a.bin"])

    assert world.device.update("a.bin", "b.bin") is None
    assert world.device.state() == before
