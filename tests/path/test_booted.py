"""The units that we ship, on machines whose process 1 is systemd: all walls of theirs are up."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from tests.path.booted import PYTHON, Machine, Running
from tests.path.servers import answers, staged, until

from firmhold.device.check import Ended
from firmhold.fleet.ask import Part
from firmhold.fleet.cli import main
from firmhold.fleet.home import PARTS, Home, open_home
from firmhold.protocol.invitation import parse_invitation
from firmhold.signing.passphrases import VARIABLE
from firmhold.sim.fleet import SimFleet
from firmhold.sim.fleet_device import FleetDevice
from firmhold.sim.postgresql import Cluster
from firmhold.update.slots import Slot

ONE = Random(1).randbytes(300_000)
PASSPHRASE = "booted"  # noqa: S105 - of keys that are made for this test
DEVICE = f"{PYTHON} -m firmhold device --state /var/lib/firmhold"
ENROL = (
    f"[ -e /var/lib/firmhold/device.json ] || {DEVICE} enrol --fetch-user firmhold-fetch"
    " --invitation /var/lib/firmhold/invitation"
    " --slot-a /var/lib/firmhold/slot-a --slot-b /var/lib/firmhold/slot-b"
)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("booted")]


def up(machine: Running, unit: str) -> bool:
    """Whether a unit runs."""
    return machine.asked("systemctl", "is-active", unit) == "active\n"


def test_a_device_updates_itself_by_its_units_and_reboots(fleet: SimFleet, tmp_path: Path) -> None:
    """It installs, reboots by systemd, judges the new system, reports; then it runs on."""
    assert os.geteuid() == 0, "a machine can be started by root only"
    disk = tmp_path / "disk"
    disk.mkdir(mode=0o711)
    (disk / "invitation").write_bytes(fleet.invite("camera-1").to_bytes())
    for slot in Slot:
        (disk / f"slot-{slot}").write_bytes(bytes(1 << 20))
    fleet.publish(1, ONE)
    fleet.rollout(1)
    units = ("firmhold-agent.service",)
    given, before = {"/var/lib/firmhold": disk}, (ENROL, f"{DEVICE} boot")

    with Machine(units, given, before) as device:
        with device.on() as machine:
            until(lambda: machine.ended)
        with device.on() as machine:
            until(lambda: fleet.confirmed("r1") == 1)
            until(lambda: up(machine, "firmhold-agent") and up(machine, "firmhold-fetch"))
            assert not machine.ended
    assert (disk / "slot-b").read_bytes()[: len(ONE)] == ONE


@pytest.fixture(name="disk")
def _disk() -> Iterator[Path]:
    """A server's disk; the paths of sockets on it are short enough."""
    folder = Path(tempfile.mkdtemp(prefix="firmhold-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def server(disk: Path, cluster: Cluster) -> Machine:
    """A machine on which a server is set up and divided, as an administrator would."""
    url = cluster.database(f"booted-{disk.name}")
    url = url.replace(str(cluster.passfile("firmhold-{part}")), "/srv/{part}.pgpass")
    url = url.replace(str(cluster.folder), "/srv/database")
    ports = " ".join(staged(disk)[-4:])
    fleet, made_of = f"{PYTHON} -m firmhold fleet", "--desk /srv/desk --site /srv/site"
    return Machine(
        tuple(f"firmhold-fleet@{part}.service" for part in PARTS),
        {"/srv": disk, "/srv/database": cluster.folder},
        (
            "cp /srv/database/firmhold-owner.pgpass /srv/owner.pgpass",
            *(
                f"install -o firmhold-{part} -m 600 /srv/database/firmhold-{part}.pgpass"
                f" /srv/{part}.pgpass"
                for part in PARTS
            ),
            "mkdir /etc/firmhold",
            *(f"echo {PASSPHRASE} >/etc/firmhold/{part}.passphrase" for part in PARTS),
            f"{fleet} init /srv/firmhold {made_of} --wait 1 {ports} --database '{url}'",
            f"{fleet} divide /srv/firmhold",
        ),
    )


def test_a_server_lives_by_its_units_each_part_a_user(
    cluster: Cluster, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Set up and divided by commands; a device enrols, checks in and reports; parts come back."""
    assert os.geteuid() == 0, "a machine can be started by root only"
    monkeypatch.setenv(VARIABLE, PASSPHRASE)
    with (
        server(disk, cluster) as made,
        made.on() as machine,
        closing(FleetDevice(disk / "camera-1", 1 << 18)) as device,
    ):
        until((disk / "firmhold" / "fleet.json").exists)
        home = open_home(disk / "firmhold")
        until(lambda: answers(home))
        out = disk / "invitation"
        about = ["--product", "camera", "--component", "main", "--model", "camera-1"]
        words = ["enrol", str(home.folder), "camera-1", *about, "--revision", "1"]
        assert main([*words, "--out", str(out)]) == 0
        device.enrol(parse_invitation(out.read_bytes()))
        assert device.check()[0] is Ended.UNCHANGED
        until(lambda: is_reported(home))
        for part in PARTS:
            unit = f"firmhold-fleet@{part}"
            machine.asked("systemctl", "kill", "--signal=KILL", unit)
            until(lambda unit=unit: up(machine, unit))  # type: ignore[misc]
        until(lambda: answers(home))
        assert device.check()[0] is Ended.UNCHANGED


def is_reported(home: Home) -> bool:
    """Whether the server has a report of the device."""
    with Part(home, "director") as director:
        return director.read("/devices/camera-1")["report"] is not None
