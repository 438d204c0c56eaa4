"""The demo keeps what it tells: both releases arrive, every attack is refused, nothing changes."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from firmhold.cli import main
from firmhold.drill import demo, firmware, keys, power
from firmhold.drill.device import Device
from firmhold.drill.intrusions import INTRUSIONS, Intrusion
from firmhold.drill.raids import RAIDS
from firmhold.drill.rehearsal import Rehearsal
from firmhold.drill.scenes import SCENES, Stage
from firmhold.drill.slots import TwoSlots
from firmhold.drill.vendor import Vendor
from firmhold.drill.view import View
from firmhold.signing.ports import Tier
from firmhold.sim.network import SimNetwork
from firmhold.trust.errors import Code, FirmholdError, Refused, Unavailable
from firmhold.trust.tuf.roles import Target
from firmhold.trust.verified import Verified

OLD = b"first release" * 5000
NEW = b"second release" * 6000


@pytest.fixture(name="vendor", scope="module")
def _vendor(tmp_path_factory: pytest.TempPathFactory) -> Vendor:
    """A vendor with one published release."""
    vendor = Vendor(tmp_path_factory.mktemp("vendor"))
    vendor.draft("own", {"firmware.img": NEW})
    vendor.sign("feature-1")
    vendor.sign("feature-2")
    vendor.publish()
    return vendor


@pytest.fixture(name="own_files")
def _own_files(tmp_path: Path) -> list[str]:
    """Arguments that give the demo two small files of our own."""
    (tmp_path / "old.bin").write_bytes(OLD)
    (tmp_path / "new.bin").write_bytes(NEW)
    return ["demo", "--old", str(tmp_path / "old.bin"), "--new", str(tmp_path / "new.bin")]


@pytest.mark.slow
def test_own_files_travel_the_whole_path(
    own_files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two files of a visitor's go from the desk into the slots, and every attack is refused."""
    assert main([*own_files, "--keep", str(tmp_path / "kept")]) == 0
    told = capsys.readouterr().out
    slots = TwoSlots(tmp_path / "kept" / "device" / "slots")
    assert slots.path(slots.active).read_bytes() == NEW
    assert slots.path(slots.spare).read_bytes() == OLD
    assert told.count("both slots unchanged") == len(SCENES) + len(RAIDS) + len(INTRUSIONS)
    for scene in SCENES:
        assert any(f"refused: {code};" in told for code in scene.refused_by)
    for intrusion in INTRUSIONS:
        assert f"refused: {intrusion.refused_by};" in told


@pytest.mark.slow
def test_real_firmware_travels_the_whole_path(capsys: pytest.CaptureFixture[str]) -> None:
    """The demo that a newcomer runs works on the real firmware that it names."""
    assert main(["demo"]) == 0
    told = capsys.readouterr().out
    assert re.search(r"slot a\s+0\.2\.5 .* boots", told)
    assert re.search(r"slot b\s+0\.2\.4 ", told)
    assert told.count("both slots unchanged") == len(SCENES) + len(RAIDS) + len(INTRUSIONS)
    cuts = re.search(r"(\d+) power cuts left (\d+)\s+different states; (\d+) boot", told)
    assert cuts is not None
    assert int(cuts[1]) > 6 * 3
    assert cuts[2] == cuts[3]


@pytest.mark.slow
def test_an_attack_that_another_check_refuses_fails_the_demo(
    own_files: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A scene that is refused by another check than it names is no success."""
    scene = replace(SCENES[0], refused_by=frozenset({Code.TUF_FREEZE_ROOT}))
    monkeypatch.setattr(demo, "SCENES", (scene,))
    assert main(own_files) == 1
    assert "NOT AS IT MUST BE: expected tuf.freeze.root" in capsys.readouterr().out


@pytest.mark.slow
def test_an_attack_that_nothing_refuses_fails_the_demo(
    own_files: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A scene that the device takes is told as what it is, and the exit status says so."""
    monkeypatch.setattr(demo, "SCENES", (replace(SCENES[0], act=_nothing),))
    assert main(own_files) == 1
    told = capsys.readouterr().out
    assert "NOT AS IT MUST BE: the device took it" in told
    assert f"NOT AS IT MUST BE: {SCENES[0].title}" in " ".join(told.split())


@pytest.mark.slow
def test_an_attack_that_the_simulated_device_takes_fails_the_act(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What nothing refuses, another check refuses, or changes the flash, is told as a failure."""

    def reflashed(victim: Rehearsal) -> Code | None:
        victim.machine.floor.raise_to(9)
        return Code.UPTANE_LENGTH

    taken = Intrusion("taken", lambda _: None, Code.UPTANE_LENGTH)
    by_another = Intrusion("by another", lambda _: Code.UPTANE_DIGEST, Code.UPTANE_LENGTH)
    changed = Intrusion("changed", reflashed, Code.UPTANE_LENGTH)
    monkeypatch.setattr(power, "INTRUSIONS", (taken, by_another, changed))
    failures = power.play_power(tmp_path, ["old", "new"], [OLD, NEW], View())
    assert failures == ["taken", "by another", "changed"]
    told = capsys.readouterr().out
    assert "NOT AS IT MUST BE: the device took it" in told
    assert "NOT AS IT MUST BE: expected uptane.length" in told
    assert "THE SLOTS CHANGED" in told


def _nothing(_stage: Stage) -> None:
    """An attack that does not take place."""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--old", "only.bin"], Code.MISUSE),
        (["--old", "no-such-file", "--new", "no-such-file"], Code.RELEASE_NO_SUCH_FILE),
    ],
    ids=["one file of two", "files that are not there"],
)
def test_a_call_that_cannot_be_meant_is_told_so(
    arguments: list[str], code: Code, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong call ends with its code and one line of advice."""
    assert main(["demo", *arguments]) == 1
    assert capsys.readouterr().err.startswith(f"misuse: {code}: ")


def test_the_demo_keeps_nothing_in_a_folder_that_is_in_use(
    own_files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody's desk is no place for a play: only a new or empty folder is."""
    (tmp_path / "desk").mkdir()
    (tmp_path / "desk" / "keys").touch()
    assert main([*own_files, "--keep", str(tmp_path / "desk")]) == 1
    assert capsys.readouterr().err.startswith(f"misuse: {Code.STORE_IO}: ")
    assert [path.name for path in (tmp_path / "desk").iterdir()] == ["keys"]


def test_a_damaged_download_is_refused_and_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Firmware whose digest is not the pinned one is never unpacked, nor found again."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    wheel = tmp_path / "firmhold" / "firmware" / "cynthion-0.2.4-py3-none-any.whl"
    wheel.parent.mkdir(parents=True)
    wheel.write_bytes(b"not the wheel")
    with pytest.raises(Refused) as refusal:
        firmware.real_firmware()
    assert refusal.value.code is Code.DRILL_FIRMWARE_DIGEST
    assert not wheel.exists()


def test_a_download_that_fails_says_what_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the package there is an error that names it, and nothing in the cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(firmware, "PACKAGE", "firmhold-no-such-package")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(Unavailable) as failure:
        firmware.real_firmware()
    assert failure.value.code is Code.FETCH_UNREACHABLE
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_slot_that_reads_back_wrong_is_never_made_active(tmp_path: Path, vendor: Vendor) -> None:
    """An image that changes between verification and the slot does not boot."""
    with SimNetwork(vendor.site) as network:
        path = "feature/own/firmware.img"
        device = Device(tmp_path / "device", network.url, path, vendor.root)
        device.slots = _Swapping(tmp_path / "device" / "slots")
        with pytest.raises(FirmholdError) as refusal:
            device.update(lambda *_: None)
    assert refusal.value.code is Code.TUF_TARGET_DIGEST
    assert device.slots.active == "a"


class _Swapping(TwoSlots):
    """Slots whose image is swapped between verification and writing."""

    def install(self, image: Path, target: Verified[Target]) -> None:
        """Install what somebody put in the image's place."""
        image.write_bytes(image.read_bytes()[::-1])
        super().install(image, target)


def test_a_copy_of_a_device_is_in_the_same_state(tmp_path: Path, vendor: Vendor) -> None:
    """An attack is played on a copy that holds exactly what the device holds."""
    device = Device(tmp_path / "device", "http://127.0.0.1:9", "feature/own/x", vendor.root)
    twin = device.copy_to(tmp_path / "twin")
    assert twin.slots.state() == device.slots.state()
    shutil.rmtree(twin.folder)
    assert device.slots.active == "a"


@pytest.mark.parametrize("there", [True, False], ids=["with SoftHSM2", "without"])
def test_the_demo_says_where_its_keys_live(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, there: bool
) -> None:
    """In tokens where this machine has them; else in files, with a plain warning."""
    if not there:
        monkeypatch.setattr(keys, "softhsm_module", lambda: None)
    with keys.key_case(tmp_path) as case:
        made = case.make("feature-1")
        assert made.tier is (Tier.TOKEN if there else Tier.FILE)
        assert case.open("feature-1").key_id == made.key_id
        assert ("warning" in case.words) is not there
