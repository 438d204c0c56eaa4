"""Row 10: old metadata, each of them genuine, served for longer than they are good."""

from datetime import timedelta

import pytest

from firmhold.sim.network import Replay
from firmhold.sim.world import World
from firmhold.trust.errors import Code
from firmhold.trust.faults import Expired

DAY = timedelta(days=1)
FROZEN = {
    "root": Code.TUF_FREEZE_ROOT,
    "timestamp": Code.TUF_FREEZE_TIMESTAMP,
    "snapshot": Code.TUF_FREEZE_SNAPSHOT,
    "targets": Code.TUF_FREEZE_TARGETS,
    "delegated": Code.TUF_FREEZE_TARGETS,
}


def publish_with_one_short_life(world: World, role: str) -> None:
    """Publish every role anew; `role` is good for a day, the others for a month."""
    world.repository.delegate("delegated", paths=["d.bin"])
    world.repository.add_target("delegated", "d.bin", b"delegated")
    world.repository.roles[role].expires = world.clock.now() + DAY
    world.repository.publish("root")
    world.repository.release("delegated", "targets")


@pytest.mark.parametrize("late", [timedelta(0), 5 * DAY], ids=["to-the-second", "days-later"])
@pytest.mark.parametrize("role", FROZEN)
def test_nothing_is_taken_from_a_mirror_that_stands_still(
    world: World, role: str, late: timedelta
) -> None:
    """The attacker withholds everything new; at the first date that passes, the device says so."""
    publish_with_one_short_life(world, role)
    assert world.device.update("a.bin", "d.bin") is None
    before, expires = world.device.state(), world.repository.roles[role].expires

    world.clock.advance(DAY + late)

    assert world.device.update("a.bin", "d.bin") == FROZEN[role]
    assert world.device.fault == Expired(
        code=FROZEN[role], role=role, expires=expires, now=world.clock.now()
    )
    assert world.device.state() == before

    world.repository.roles[role].expires = world.clock.now() + DAY
    world.repository.publish("root")
    world.repository.release("delegated", "targets")
    assert world.device.update("a.bin", "d.bin") is None


@pytest.mark.parametrize("role", FROZEN)
def test_new_metadata_that_are_born_expired_are_not_kept(world: World, role: str) -> None:
    """Newer metadata whose date has passed are refused, and no file of theirs stays (but root)."""
    publish_with_one_short_life(world, role)
    world.clock.advance(-DAY)
    assert world.device.update("a.bin", "d.bin") is None
    before = world.device.state()

    world.clock.advance(3 * DAY)
    world.repository.publish("root")
    world.repository.release("delegated", "targets")

    assert world.device.update("a.bin", "d.bin") == FROZEN[role]
    order = list(FROZEN)
    # 5.3.8 before 5.3.10: a root is kept before its date is judged; nobody else is.
    kept = order[: max(order.index(role), 1)]
    published = world.repository.published
    assert world.device.state() == {
        **before,
        **{f"metadata/{name}.json": published[name] for name in kept},
    }


def test_an_expired_root_on_the_way_to_a_good_one_does_not_matter(world: World) -> None:
    """A device that slept through a rotation walks over the expired root to the present one."""
    assert world.device.update("a.bin") is None
    world.repository.root.expires = world.clock.now() - DAY
    world.repository.publish("root")
    world.repository.root.expires = world.clock.now() + 30 * DAY
    world.repository.publish("root")

    assert world.device.update("a.bin") is None
    assert world.device.state()["metadata/root.json"] == world.repository.published["root"]


def test_the_last_root_of_a_chain_must_be_in_date(world: World) -> None:
    """The attacker hides the newest root: the one before it has expired, and nothing is taken."""
    assert world.device.update("a.bin") is None
    before = world.device.state()
    world.repository.root.expires = world.clock.now() - DAY
    world.repository.publish("root")
    expired = world.repository.published["root"]
    world.repository.root.expires = world.clock.now() + 30 * DAY
    world.repository.publish("root", "timestamp")
    world.repository.metadata_place("root").unlink()

    assert world.device.update("a.bin") == Code.TUF_FREEZE_ROOT
    assert world.device.state() == {**before, "metadata/root.json": expired}

    world.repository.write("root")
    assert world.device.update("a.bin") is None


def test_an_equal_timestamp_with_a_later_date_does_not_prolong_the_old_one(world: World) -> None:
    """The thief signs the known version again with a later date: the known date still counts."""
    world.repository.timestamp.expires = world.clock.now() + DAY
    world.repository.publish("timestamp")
    assert world.device.update("a.bin") is None
    before = world.device.state()

    world.attacker.steal("timestamp")
    later = world.attacker.forge("timestamp", lambda s: s.update(expires="2031-01-01T00:00:00Z"))
    world.network.on("*timestamp.json", Replay(later))
    assert world.device.update("a.bin") is None
    assert world.device.state() == before

    world.clock.advance(2 * DAY)
    assert world.device.update("a.bin") == Code.TUF_FREEZE_TIMESTAMP
    assert world.device.state() == before
