"""Row 8: roots out of their order."""

import pytest

from firmhold.sim.network import Replay
from firmhold.sim.world import World
from firmhold.trust.errors import Code
from firmhold.trust.faults import VersionMismatch


@pytest.mark.parametrize("says", [1, 2, 4, 2**63 - 1], ids=["lower", "same", "skip", "far"])
def test_a_root_that_does_not_say_the_next_version_is_refused(world: World, says: int) -> None:
    """Behind the next root's name stands one with another version, signed by the real keys."""
    world.repository.publish("root")
    assert world.device.update("a.bin") is None
    before = world.device.state()
    world.repository.publish("root")

    world.attacker.steal("root")
    forged = world.attacker.forge("root", lambda signed: signed.update(version=says))
    world.attacker.serve("root", forged, version=3)

    assert world.device.update("a.bin") == Code.TUF_ROOT_VERSION
    assert world.device.fault == VersionMismatch(
        code=Code.TUF_ROOT_VERSION, role="root", expected=3, found=says
    )
    assert world.device.state() == before

    world.repository.write("root")
    assert world.device.update("a.bin") is None


def test_an_old_root_in_the_next_ones_place_is_refused(world: World) -> None:
    """The attacker serves the first root again as the newest, to bring revoked keys back."""
    first = world.repository.published["root"]
    world.repository.rotate("timestamp")
    world.repository.publish("root", "timestamp")
    assert world.device.update("a.bin") is None
    before = world.device.state()

    world.network.on("*/3.root.json", Replay(first))

    assert world.device.update("a.bin") == Code.TUF_ROOT_VERSION
    assert world.device.fault == VersionMismatch(
        code=Code.TUF_ROOT_VERSION, role="root", expected=3, found=1
    )
    assert world.device.state() == before


def test_a_chain_stops_at_its_first_bad_link_and_keeps_the_good_ones(world: World) -> None:
    """Of three new roots the last is missing its number: the first two are trusted, no more."""
    assert world.device.update("a.bin") is None
    before = world.device.state()
    world.repository.publish("root")
    world.repository.publish("root")
    good = world.repository.published["root"]
    world.repository.publish("root")

    world.attacker.steal("root")
    world.attacker.serve("root", world.attacker.forge("root", lambda s: s.update(version=5)))

    assert world.device.update("a.bin") == Code.TUF_ROOT_VERSION
    assert world.device.state() == {**before, "metadata/root.json": good}


def test_a_gap_in_the_chain_hides_what_lies_behind_it(world: World) -> None:
    """The attacker withholds one root: the device stays at the last one that it can reach."""
    assert world.device.update("a.bin") is None
    world.repository.publish("root")
    second = world.repository.published["root"]
    world.repository.publish("root")
    world.repository.publish("root")
    gap = world.repository.metadata_place("root", 3)
    hidden = gap.read_bytes()
    gap.unlink()

    assert world.device.update("a.bin") is None
    assert world.device.state()["metadata/root.json"] == second

    gap.write_bytes(hidden)
    assert world.device.update("a.bin") is None
    assert world.device.state()["metadata/root.json"] == world.repository.published["root"]
