"""A device of files takes releases from media, and survives what happens to it."""

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.cuts import Cut, counted_operations
from tests.device.offline import DEVICE, IMAGES, SLOT_BYTES, Offline

from firmhold.device.adapters import block, boot_file, files
from firmhold.device.appliance import Appliance, locked
from firmhold.trust.errors import Code, FirmholdError, Misuse
from firmhold.trust.uptane.version_manifest import Verdict
from firmhold.update.journal import Phase

Output = pytest.CaptureFixture[str]


@pytest.fixture(name="made", scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A device and two media, once."""
    folder = tmp_path_factory.mktemp("offline")
    Offline(folder)
    return folder


@pytest.fixture(name="offline")
def _offline(made: Path, tmp_path: Path) -> Offline:
    """A copy of it that belongs to one test."""
    folder = tmp_path / "copy"
    shutil.copytree(made, folder)
    copy = Offline.__new__(Offline)
    copy.folder, copy.more = folder, {}
    config = folder / "state" / "device.json"
    config.write_text(config.read_text().replace(str(made), str(folder)))
    return copy


@pytest.fixture(name="with_one")
def _with_one(offline: Offline) -> Offline:
    """The device with release 1 installed from its medium."""
    assert offline.install(1) == 0
    offline.finish()
    assert offline.runs(1)
    return offline


def code(output: Output) -> str:
    """The code on standard error."""
    return output.readouterr().err.partition(": ")[2].partition(":")[0]


def test_two_releases_come_from_media(with_one: Offline, capsys: Output) -> None:
    """Medium, boot, start: the release runs, is confirmed and is in both slots."""
    assert with_one.install(2) == 0
    assert capsys.readouterr().out.endswith("phase trial\nreboot wanted\n")
    with_one.finish()
    assert with_one.runs(2)
    for slot in "ab":
        assert (with_one.folder / f"slot-{slot}").read_bytes()[: len(IMAGES[2])] == IMAGES[2]
    outcome = with_one.appliance().memory.state.outcome
    assert outcome is not None
    assert outcome.verdict is Verdict.INSTALLED


def test_a_medium_that_is_put_in_again_changes_nothing(with_one: Offline) -> None:
    """What runs already is not installed once more."""
    before = state_of(with_one)
    assert with_one.install(1) == 0
    assert state_of(with_one) == before


def test_an_older_medium_is_refused(with_one: Offline, capsys: Output) -> None:
    """A medium does not lead back."""
    assert with_one.install(2) == 0
    with_one.finish()
    before = state_of(with_one)
    assert with_one.install(1) == 1
    assert code(capsys) == Code.TUF_ROLLBACK_TIMESTAMP
    assert state_of(with_one) == before


def state_of(offline: Offline) -> dict[str, bytes]:
    """Slots and boot record of a device."""
    places = [offline.folder / "slot-a", offline.folder / "slot-b"]
    places += sorted((offline.state / "boot").iterdir())
    return {place.name: place.read_bytes() for place in places}


def lose(medium: Path) -> None:
    """Lose the order."""
    (medium / "order.json").unlink()


def bend(medium: Path) -> None:
    """Sign the order with nothing."""
    order = json.loads((medium / "order.json").read_text())
    order["signatures"] = order["signatures"][:1]
    (medium / "order.json").write_text(json.dumps(order))


def flip(medium: Path) -> None:
    """Flip a bit of every payload and index."""
    for path in (medium / "payloads").iterdir():
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def lead_out(medium: Path) -> None:
    """Have every payload lead to a file of the device's own."""
    for path in (medium / "payloads").iterdir():
        path.unlink()
        path.symlink_to("/etc/hostname")


def freeze(medium: Path) -> None:
    """Offer no metadata at all."""
    shutil.rmtree(medium / "metadata")


MEDIA: dict[str, tuple[Callable[[Path], None], Code]] = {
    "no order": (lose, Code.FETCH_NOT_FOUND),
    "one signature": (bend, Code.OFFLINE_SIGNATURES),
    "payloads altered": (flip, Code.UPDATE_PIECE_COUNT),
    "payloads lead out": (lead_out, Code.FETCH_NOT_FOUND),
    "no metadata": (freeze, Code.TUF_NO_SUCH_TARGET),
}


@pytest.mark.parametrize("name", MEDIA)
def test_a_hostile_medium_leaves_what_runs_and_the_next_one_gets_in(
    with_one: Offline, name: str, capsys: Output
) -> None:
    """Whatever is on a medium, the device runs on, and an honest medium is taken afterwards."""
    lie, expected = MEDIA[name]
    medium = with_one.folder / "medium-2"
    shutil.copytree(medium, with_one.folder / "honest")
    lie(medium)
    assert with_one.install(2) == 1
    found = code(capsys)
    assert found == expected or (name == "payloads altered" and found.startswith(("enc", "update")))
    with suppress(FirmholdError):
        with_one.finish()
    assert with_one.runs(1)

    shutil.rmtree(medium)
    (with_one.folder / "honest").rename(medium)
    assert with_one.install(2) == 0
    with_one.finish()
    assert with_one.runs(2)


def test_a_medium_for_others_is_refused(with_one: Offline, capsys: Output) -> None:
    """An order for the neighbour is none."""
    config = with_one.state / "device.json"
    config.write_text(config.read_text().replace(DEVICE, "camera-8"))
    assert with_one.install(2) == 1
    assert code(capsys) == Code.OFFLINE_NOT_FOR_US


# ── trouble ───────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(name="operations")
def _operations(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Counts what changes the disk, and ends the process where it is told to."""
    with counted_operations(monkeypatch) as counted:
        yield counted


def life(offline: Offline) -> None:
    """A medium is put in, and the device lives until it rests."""
    assert offline.appliance().install(offline.folder / "medium-2")
    offline.finish()


@pytest.mark.slow
def test_a_process_that_ends_at_any_operation_of_the_disk_is_taken_up(
    with_one: Offline, tmp_path: Path, operations: list[int], figure: Callable[[str], None]
) -> None:
    """Killed anywhere between medium and rest: something whole runs, and the work is finished."""
    begin = tmp_path / "begin"
    shutil.copytree(with_one.folder, begin, symlinks=True)
    operations[:] = [0, 0]
    life(with_one)
    total = operations[0]
    assert total > 60
    for cut in range(1, total + 1):
        for name in ("slot-a", "slot-b"):
            shutil.copy(begin / name, with_one.folder / name)
        shutil.rmtree(with_one.state)
        shutil.copytree(begin / "state", with_one.state)
        operations[:] = [0, cut]
        with pytest.raises(Cut):
            life(with_one)
        operations[1] = 0
        appliance = with_one.appliance()
        assert appliance.enter() is not None
        assert with_one.runs(1) or with_one.runs(2)
        life(with_one)
        assert with_one.runs(2)
        assert with_one.appliance().memory.state.phase is Phase.IDLE
    figure(f"device of files: ended in each of {total} operations of the disk, finished each time")


def test_a_full_disk_is_told_and_costs_nothing(
    with_one: Offline, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    """No room for what must be remembered: the device says so, runs on, and goes on later."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(files, "write_all", full)
        assert with_one.install(2) == 1
        assert code(capsys) == Code.STORE_IO
    with_one.finish()
    assert with_one.runs(1)
    assert with_one.install(2) == 0
    with_one.finish()
    assert with_one.runs(2)


def test_two_processes_do_not_work_on_one_device(with_one: Offline, capsys: Output) -> None:
    """The second one is told to come back, and changes nothing."""
    with locked(with_one.state):
        assert with_one.install(2) == 1
    assert code(capsys) == Code.DEVICE_BUSY


def test_the_running_slot_is_never_opened_for_writing(with_one: Offline) -> None:
    """Not even this process could write where the system runs."""
    appliance = with_one.appliance()
    running = appliance.boot.running()
    assert running is not None
    slot = block.SlotFile(appliance.config.slots[running], running=True)
    with pytest.raises(Misuse):
        slot.write(0, b"x")


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff"])
def test_a_damaged_description_is_told(with_one: Offline, damage: bytes, capsys: Output) -> None:
    """A device that does not know what it is says so, and touches nothing."""
    (with_one.state / "device.json").write_bytes(damage)
    assert with_one.run("status") == 1
    assert "damaged: " in capsys.readouterr().err


def test_a_device_is_made_once(with_one: Offline, capsys: Output) -> None:
    """A second init over a device is refused, and the device is as it was."""
    before = state_of(with_one)
    assert with_one.init() == 1
    assert code(capsys) == Code.DEVICE_THERE
    assert state_of(with_one) == before


def test_an_init_that_was_cut_off_is_done_again(offline: Offline) -> None:
    """Until `device.json` stands there it is no device, and init begins anew."""
    (offline.state / "device.json").unlink()
    assert offline.init() == 0
    assert offline.run("status") == 0


def test_status_tells_an_owner_what_there_is(with_one: Offline, capsys: Output) -> None:
    """What runs, what both slots hold, the last outcome: for people and for programs."""
    capsys.readouterr()
    assert with_one.run("status") == 0
    told = capsys.readouterr().out
    assert f"device         {DEVICE}" in told
    assert with_one.run("status", "--json") == 0
    members = json.loads(capsys.readouterr().out)
    assert members["phase"] == "idle"
    assert members["damage"] == "none"
    assert members["slot b"].startswith("good, release 1 ")


def test_an_image_larger_than_the_slots_is_refused(with_one: Offline, capsys: Output) -> None:
    """A device with small slots says so before it gives up the spare one."""
    before = state_of(with_one)
    spare = "a" if with_one.appliance().boot.running() == "b" else "b"
    os.truncate(with_one.folder / f"slot-{spare}", SLOT_BYTES // 4)
    assert with_one.install(2) == 1
    assert code(capsys) == Code.INSTALL_TOO_LARGE
    assert {name: data for name, data in state_of(with_one).items() if name != f"slot-{spare}"} == {
        name: data for name, data in before.items() if name != f"slot-{spare}"
    }


@pytest.mark.parametrize("name", ["boot.a", "boot.b", "boot.primary"])
def test_a_spoilt_boot_record_is_unknown_and_not_good(with_one: Offline, name: str) -> None:
    """What cannot be read gives no slot a boot that it did not earn; the other slot boots."""
    (with_one.state / "boot" / name).write_bytes(b"\x00")
    appliance = with_one.appliance()
    assert appliance.enter() is not None
    with_one.finish()
    assert with_one.runs(1)


def test_a_floor_that_was_raised_stays(tmp_path: Path) -> None:
    """The floor in a file rises and never falls."""
    floor = boot_file.FileFloor(tmp_path)
    assert floor.read() == 0
    floor.raise_to(3)
    floor.raise_to(2)
    assert (floor.read(), boot_file.FileFloor(tmp_path).read()) == (3, 3)


def test_a_release_whose_checks_fail_is_given_back(tmp_path: Path, capsys: Output) -> None:
    """The health checks of the manifest run in the trial; a release that fails them goes."""
    check = '[[health_checks]]\nkind = "command"\nargv = ["/bin/false"]\ndeadline_seconds = 5\n'
    offline = Offline(tmp_path, {2: check})
    assert offline.install(1) == 0
    offline.finish()
    assert offline.install(2) == 0
    appliance: Appliance = offline.appliance()
    appliance.enter()
    assert appliance.start() == ("command /bin/false",)
    offline.finish()
    assert offline.runs(1)
    assert offline.install(2) == 1
    assert code(capsys) == Code.INSTALL_FAILED_BEFORE
