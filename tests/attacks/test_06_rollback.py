"""Row 6: something older than what the device has seen."""

from typing import Any

import pytest

from firmhold.sim.network import Replay
from firmhold.sim.world import World
from firmhold.trust.errors import Code
from firmhold.trust.faults import VersionMismatch

FILES = ("root", "timestamp", "snapshot", "targets")


def test_an_old_timestamp_is_refused(world: World) -> None:
    """The attacker on the wire replays yesterday's timestamp, and the device knows today's."""
    yesterday = world.repository.published["timestamp"]
    world.repository.publish("timestamp")
    assert world.device.update("a.bin") is None
    before = world.device.state()

    world.network.on("*timestamp.json", Replay(yesterday))

    assert world.device.update("a.bin") == Code.TUF_ROLLBACK_TIMESTAMP
    assert world.device.fault == VersionMismatch(
        code=Code.TUF_ROLLBACK_TIMESTAMP, role="timestamp", expected=3, found=2
    )
    assert world.device.state() == before

    world.network.calm()
    assert world.device.update("a.bin") is None


def test_a_whole_old_mirror_is_refused(world: World) -> None:
    """The attacker serves the whole of yesterday's repository: its timestamp gives it away."""
    yesterday = {role: world.repository.published[role] for role in FILES}
    world.repository.add_target("targets", "a.bin", b"the second version")
    world.repository.release("targets")
    assert world.device.update("a.bin") is None
    before = world.device.state()

    for role in FILES[1:]:
        world.network.on(f"*{role}.json", Replay(yesterday[role]))

    assert world.device.update("a.bin") == Code.TUF_ROLLBACK_TIMESTAMP
    assert world.device.state() == before
    assert world.device.state()["targets/a.bin"] == b"the second version"


@pytest.mark.parametrize("names", ["digests", "versions"])
def test_a_new_timestamp_that_names_an_old_snapshot_is_refused(world: World, names: str) -> None:
    """The thief of the timestamp key leads the device back to a snapshot that it once trusted."""
    world.repository.names_digests = names == "digests"
    old = world.repository.published["snapshot"]
    world.repository.release("targets")
    assert world.device.update("a.bin") is None
    before = world.device.state()

    def name_the_old_snapshot(signed: dict[str, Any]) -> None:
        signed["version"] += 1
        signed["meta"]["snapshot.json"] = {"version": 2}

    world.attacker.steal("timestamp")
    world.attacker.serve("timestamp", world.attacker.forge("timestamp", name_the_old_snapshot))
    world.attacker.serve("snapshot", old, version=2)

    assert world.device.update("a.bin") == Code.TUF_ROLLBACK_SNAPSHOT
    assert world.device.fault == VersionMismatch(
        code=Code.TUF_ROLLBACK_SNAPSHOT, role="snapshot", expected=3, found=2
    )
    assert world.device.state() == before


@pytest.mark.parametrize("role", ["targets", "delegated"])
@pytest.mark.parametrize("names", ["digests", "versions"])
def test_a_new_snapshot_that_names_an_old_role_is_refused(
    world: World, role: str, names: str
) -> None:
    """The thief of the online keys lists an older version of a role: no role ever goes back."""
    world.repository.names_digests = names == "digests"
    world.repository.delegate("delegated", paths=["d.bin"])
    world.repository.add_target("delegated", "d.bin", b"delegated")
    world.repository.release("delegated", "targets")
    world.repository.release("delegated", "targets")
    assert world.device.update("a.bin", "d.bin") is None
    before = world.device.state()
    present = world.repository.roles[role].version

    world.repository.snapshot.meta[f"{role}.json"].version = present - 1
    world.repository.publish("snapshot", "timestamp")

    assert world.device.update("a.bin") == Code.TUF_ROLLBACK_TARGETS
    assert world.device.fault == VersionMismatch(
        code=Code.TUF_ROLLBACK_TARGETS,
        role=f"{role}.json",
        expected=present,
        found=present - 1,
    )
    kept = {"metadata/timestamp.json": world.repository.published["timestamp"]}
    assert world.device.state() == {**before, **kept}

    world.repository.snapshot.meta[f"{role}.json"].version = present
    world.repository.publish("snapshot", "timestamp")
    assert world.device.update("a.bin", "d.bin") is None


@pytest.mark.parametrize("role", ["timestamp", "snapshot"])
def test_metadata_that_have_expired_on_the_device_still_forbid_going_back(
    world: World, role: str
) -> None:
    """A device that slept past every date still knows how far it had come."""
    old = {name: world.repository.published[name] for name in FILES}
    world.repository.release("targets")
    assert world.device.update("a.bin") is None
    world.clock.advance(world.repository.roles[role].expires - world.clock.now())
    before = world.device.state()

    for name in FILES:
        world.repository.roles[name].expires = world.clock.now().replace(year=2031)
    world.repository.publish("root")
    world.attacker.steal("timestamp")
    world.attacker.steal("snapshot")
    version = 2 if role == "timestamp" else 9
    late = world.clock.now().replace(year=2031).strftime("%Y-%m-%dT%H:%M:%SZ")

    def go_back(signed: dict[str, Any]) -> None:
        signed |= {"version": version, "expires": late}
        signed["meta"]["snapshot.json"] = {"version": 2}

    world.attacker.serve("timestamp", world.attacker.forge("timestamp", go_back))
    world.attacker.serve("snapshot", old["snapshot"], version=2)

    expected = {"timestamp": Code.TUF_ROLLBACK_TIMESTAMP, "snapshot": Code.TUF_ROLLBACK_SNAPSHOT}
    assert world.device.update("a.bin") == expected[role]
    kept = {"metadata/root.json": world.repository.published["root"]}
    assert world.device.state() == {**before, **kept}


def test_a_reboot_in_between_forgets_nothing(world: World) -> None:
    """A refused rollback does not become acceptable by trying it again."""
    yesterday = world.repository.published["timestamp"]
    world.repository.release("targets")
    assert world.device.update("a.bin") is None

    world.network.on("*timestamp.json", Replay(yesterday))

    refusals = [world.device.update("a.bin") for _ in range(3)]
    assert refusals == [Code.TUF_ROLLBACK_TIMESTAMP] * 3
