"""Row 75: the server comes back from an older backup, and offers what it offered then."""

import pytest
from tests.attacks import stolen as on_a_fleet
from tests.world.plays import ONE, TWO, admitted, live, plays, switched_on, version

from firmhold.device.install import Installer
from firmhold.device.memory import Memory
from firmhold.sim.fleet import SimFleet
from firmhold.sim.world import World
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import VersionMismatch
from firmhold.update.slots import Slot

THREE = version(3, 6)


def test_metadata_from_the_backup_lock_no_device_out(world: World) -> None:
    """A device refuses versions that went back, keeps its own, and follows when they go on."""
    repository = world.repository
    roles = ("timestamp", "snapshot", "targets")
    backup = {role: repository.roles[role].version for role in roles}
    repository.add_target("targets", "a.bin", b"the second version")
    repository.release("targets")
    repository.release("targets")
    assert world.device.update("a.bin") is None
    before = world.device.state()
    reported = {role: repository.roles[role].version for role in roles}

    for role in roles:
        repository.roles[role].version = backup[role] - 1
    repository.release("targets")

    assert world.device.update("a.bin") == Code.TUF_ROLLBACK_TIMESTAMP
    assert world.device.fault == VersionMismatch(
        code=Code.TUF_ROLLBACK_TIMESTAMP,
        role="timestamp",
        expected=reported["timestamp"],
        found=backup["timestamp"],
    )
    assert world.device.state() == before

    for role in roles:
        repository.roles[role].version = max(reported[role], repository.roles[role].version)
    repository.add_target("targets", "a.bin", b"the third version")
    repository.release("targets")
    assert world.device.update("a.bin") is None
    assert world.device.state()["targets/a.bin"] == b"the third version"


def test_a_release_from_the_backup_changes_nothing_and_the_next_one_gets_in() -> None:
    """A device that is offered what it had before keeps what it has, and takes what is new."""
    play = plays()["install"]
    machine = switched_on(play, play.begin, vfat=False)
    machine.source.images[THREE.image] = THREE.data
    live(machine, play)
    assert machine.runs() == TWO.image

    installer = Installer(machine.ports(), Memory(machine.disk, machine.seal))
    installer.start()
    with pytest.raises(Refused) as error:
        installer.begin(admitted(ONE))
    assert error.value.code is Code.INSTALL_BELOW_FLOOR
    machine.boot()
    assert [machine.holds(slot) for slot in Slot] == [TWO.image] * 2

    live(machine, play._replace(offered=THREE))
    assert machine.runs() == THREE.image
    assert machine.floor.counter == 3


def test_a_fleet_server_from_a_backup_brings_no_device_back(fleet: SimFleet) -> None:
    """Its database is of release 1's day: devices on release 2 stay there, and take release 3."""
    device = on_a_fleet.ready_for_two(fleet)
    parts = ("gateway", "director", "ca")
    for part in parts:
        fleet.stop(part)
    backup = {place: place.read_bytes() for place in fleet.folder.glob("fleet.db*")}
    for part in reversed(parts):
        fleet.start(part)
    device.live()
    fleet.device("camera-2").live()
    assert device.runs(on_a_fleet.TWO)

    for part in parts:
        fleet.stop(part)
    for place in fleet.folder.glob("fleet.db*"):
        place.unlink()
    for place, data in backup.items():
        place.write_bytes(data)
    for part in reversed(parts):
        fleet.start(part)

    device.live()
    assert device.runs(on_a_fleet.TWO)
    fleet.publish(3, b"three" * 40_000)
    fleet.rollout(3)
    device.live()
    assert device.runs(b"three" * 40_000)
