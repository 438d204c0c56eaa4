"""Row 7: a role vanishes from the snapshot, and its targets with it."""

from typing import Any

import pytest

from firmhold.sim.world import World
from firmhold.trust.errors import Code
from firmhold.trust.faults import Absent


@pytest.mark.parametrize("role", ["targets", "delegated"])
def test_a_role_that_was_once_listed_cannot_vanish(world: World, role: str) -> None:
    """The thief of the online keys leaves a role out of the snapshot, to hide its fixes."""
    world.repository.delegate("delegated", paths=["d.bin"])
    world.repository.add_target("delegated", "d.bin", b"delegated")
    world.repository.release("delegated", "targets")
    assert world.device.update("a.bin", "d.bin") is None
    before = world.device.state()

    entry = world.repository.snapshot.meta.pop(f"{role}.json")
    world.repository.publish("snapshot", "timestamp")

    assert world.device.update("a.bin") == Code.TUF_REMOVED_FROM_SNAPSHOT
    assert world.device.fault == Absent(
        code=Code.TUF_REMOVED_FROM_SNAPSHOT, name=f"{role}.json", listed_in="snapshot"
    )
    kept = {"metadata/timestamp.json": world.repository.published["timestamp"]}
    assert world.device.state() == {**before, **kept}

    world.repository.snapshot.meta[f"{role}.json"] = entry
    world.repository.publish("snapshot", "timestamp")
    assert world.device.update("a.bin", "d.bin") is None


def test_an_empty_snapshot_is_refused(world: World) -> None:
    """A snapshot that lists nothing at all takes everything away: refused as the first of it."""
    assert world.device.update("a.bin") is None
    before = world.device.state()

    def empty(signed: dict[str, Any]) -> None:
        signed["version"] += 1
        signed["meta"] = {}

    world.attacker.steal("snapshot")
    world.attacker.steal("timestamp")
    world.attacker.serve("snapshot", world.attacker.forge("snapshot", empty), version=3)

    def name_it(signed: dict[str, Any]) -> None:
        signed["version"] += 1
        signed["meta"]["snapshot.json"] = {"version": 3}

    forged = world.attacker.forge("timestamp", name_it)
    world.attacker.serve("timestamp", forged)

    assert world.device.update("a.bin") == Code.TUF_REMOVED_FROM_SNAPSHOT
    assert world.device.state() == {**before, "metadata/timestamp.json": forged}


def test_a_device_that_never_saw_the_role_is_told_that_it_is_missing(world: World) -> None:
    """A new device gets a snapshot without targets: it has nothing to compare, and still stops."""
    del world.repository.snapshot.meta["targets.json"]
    world.repository.publish("snapshot", "timestamp")

    assert world.device.update("a.bin") == Code.TUF_NOT_IN_SNAPSHOT
    assert world.device.fault == Absent(
        code=Code.TUF_NOT_IN_SNAPSHOT, name="targets", listed_in="snapshot"
    )
    kept = {f"metadata/{role}.json" for role in ("root", "timestamp", "snapshot")}
    assert set(world.device.state()) == kept
