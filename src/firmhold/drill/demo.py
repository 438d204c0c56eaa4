"""`firmhold demo`: two releases of real firmware from the desk into slots, power cuts, attacks."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from firmhold.drill.device import Device
from firmhold.drill.firmware import (
    OWN_IMAGE,
    PACKAGE,
    Firmware,
    gateware_for,
    own_firmware,
    real_firmware,
)
from firmhold.drill.fleet import play_fleet
from firmhold.drill.intrusions import INTRUSIONS
from firmhold.drill.keys import key_case
from firmhold.drill.power import play_power
from firmhold.drill.raids import RAIDS
from firmhold.drill.scenes import SCENES, Scene, Stage
from firmhold.drill.vendor import Vendor
from firmhold.drill.view import View
from firmhold.sim.network import SimNetwork
from firmhold.trust.advice import advice_for
from firmhold.trust.errors import Code, FirmholdError, Misuse, UsageFault
from firmhold.trust.outer_faults import PlaceFault

REVISION = "rev1d4"
"""The hardware revision of the device that the demo plays."""

ROLES = ("timestamp", "snapshot", "feature")


def main(arguments: Sequence[str]) -> int:
    """Play the demo; exit status 0 only if both releases arrived and every attack was refused."""
    options = _parser().parse_args(arguments)
    view = View()
    try:
        firmware = _firmware(options.old, options.new, view)
        if options.keep:
            _require_new(options.keep)
            return _play(options.keep, firmware, view)
        with tempfile.TemporaryDirectory(prefix="firmhold-demo-") as folder:
            return _play(Path(folder), firmware, view)
    except FirmholdError as error:
        print(f"{type(error).__name__.lower()}: {error}", file=sys.stderr)
        print(f"  {advice_for(error.code)}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="firmhold demo", description=__doc__)
    parser.add_argument("--old", type=Path, help="a file of yours as the first release")
    parser.add_argument("--new", type=Path, help="a file of yours as the second release")
    parser.add_argument("--keep", type=Path, help="a new folder to keep everything in")
    return parser


def _require_new(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        fault = PlaceFault(code=Code.STORE_IO, path=str(folder), detail="not a new or empty folder")
        raise Misuse(fault)


def _firmware(old: Path | None, new: Path | None, view: View) -> list[Firmware]:
    if old is None and new is None:
        view.title(f"Firmware: two releases of {PACKAGE}, fetched once and checked by digest")
        return real_firmware()
    if old is None or new is None:
        raise Misuse(UsageFault(code=Code.MISUSE, what="--old and --new go together"))
    view.title("Firmware: two files of yours")
    return own_firmware(old, new)


def _play(folder: Path, firmware: Sequence[Firmware], view: View) -> int:
    view.title("A staging domain: root 2-of-3, targets 2-of-3, feature 2-of-3, security 2-of-3")
    with key_case(folder) as keys:
        view.say(keys.words)
        vendor = Vendor(folder / "vendor", keys)
        view.say("a root for the devices to pin")
        failures, device = _play_desk(folder, vendor, firmware, view)
    names = [release.version for release in firmware]
    files = [release.files[_own_file(release)] for release in firmware]
    failures += play_fleet(folder / "fleet", names, files, view)
    failures += play_power(folder / "simulated", names, files, view)
    return _end(failures, device, view)


def _play_desk(
    folder: Path, vendor: Vendor, firmware: Sequence[Firmware], view: View
) -> tuple[list[str], Device]:
    """Both releases from the desk to a device, then attacks; return those that were not refused."""
    with SimNetwork(vendor.site) as network:
        path = f"feature/{firmware[0].product}/{_own_file(firmware[0])}"
        device = Device(folder / "device", network.url, path, vendor.root)
        view.say(f"a device that boots slot {device.slots.active} and wants {path}")
        earlier: dict[str, bytes] = {}
        for release in firmware:
            _release(vendor, release, view)
            view.title(f"The device fetches, verifies and installs {release.version}")
            with view.watching(device) as progress:
                device.update(progress)
            earlier = earlier or {role: vendor.desk.current(role) or b"" for role in ROLES}
        view.title(f"{len(SCENES)} attacks")
        stage = Stage(vendor, network, device, earlier)
        failures = [
            scene.title
            for number, scene in enumerate(SCENES, start=1)
            if not _attack(number, scene, stage, view)
        ]
    return failures, device


def _release(vendor: Vendor, release: Firmware, view: View) -> None:
    view.know(release.version, release.files)
    view.title(f"Release {release.version}: {len(release.files)} file(s)")
    version = vendor.draft(release.product, release.files)
    view.say(f"build: draft of the feature role, version {version}")
    for holder in ("feature-1", "feature-3"):
        view.say(f"sign: {holder}; {vendor.sign(holder)} more needed")
    published = vendor.publish()
    view.say("publish: " + ", ".join(f"{r} v{v}" for r, v in published.versions.items()))


def _own_file(release: Firmware) -> str:
    """The file that the demo's device wants of a release."""
    return OWN_IMAGE if OWN_IMAGE in release.files else gateware_for(REVISION)


def _attack(number: int, scene: Scene, stage: Stage, view: View) -> bool:
    """Play one scene on a copy of the device; tell whether it held."""
    view.attack(number, scene.title)
    victim = stage.device.copy_to(stage.device.folder.with_name(f"device-attack-{number}"))
    before = victim.slots.state()
    scene.act(Stage(stage.vendor, stage.network, victim, stage.earlier))
    try:
        victim.update(lambda *_: None)
    except FirmholdError as error:
        unchanged = victim.slots.state() == before
        view.held(str(error.code), unchanged)
        if error.code not in scene.refused_by:
            view.not_held(f"expected {', '.join(scene.refused_by)}")
        return unchanged and error.code in scene.refused_by
    finally:
        stage.network.calm()
    view.not_held("the device took it")
    return False


def _end(failures: Sequence[str], device: Device, view: View) -> int:
    view.title("In the end")
    attacks = len(SCENES) + len(RAIDS) + len(INTRUSIONS)
    view.say(f"slot {device.slots.active} boots; {attacks} attacks, {len(failures)} failures")
    for title in failures:
        view.say(f"NOT AS IT MUST BE: {title}")
    view.say("where to look next: docs/guides, docs/path-of-an-update.md, docs/attacks.md")
    return 1 if failures else 0
