"""`firmhold device`: one device of this machine, from the command line.

    init       write what the device is, once; give it its roots, settings and slots
    boot       play the boot chain, where the loader reads the record in files
    start      what the system runs at every boot: go on, check health, confirm or go back
    install    install what a medium brings, after all the checks there are
    status     what runs, what is under way, what was refused

Exit status 0 if what was asked was done, else 1. Where a reboot is wanted, that is said last.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from firmhold.device.adapters.boot_file import FileBoot
from firmhold.device.adapters.disk import own_disk, read_file, sync_folder, write_new
from firmhold.device.adapters.files import KeyFile
from firmhold.device.appliance import (
    BOOT,
    BUILT_IN,
    BUILT_IN_FILES,
    CONFIG,
    KEPT,
    MOST_BUILT_IN,
    SEAL,
    Appliance,
    locked,
)
from firmhold.device.config import Config, parse_config
from firmhold.terminal import Parser, run, say, shown
from firmhold.trust.device_id import DeviceId
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.faults import PlaceFault
from firmhold.trust.settings.reader import parse_settings
from firmhold.trust.tuf.dialect import FIRMHOLD
from firmhold.trust.tuf.trusted_set import TrustedSet
from firmhold.trust.uptane.component import ComponentId, HardwareId
from firmhold.update.journal import Accepted
from firmhold.update.slots import BAD, GOOD, Slot


def main(arguments: Sequence[str]) -> int:
    """Run one command; report a failure on standard error in one line and one of advice."""
    return run(lambda: _run(_parser().parse_args(arguments)))


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="firmhold device", description="One device of this machine.")
    parser.add_argument("--state", type=Path, required=True, help="the device's own folder")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser)
    init = commands.add_parser("init", help="write what the device is, once")
    for name, what in (
        ("device", "the device's name"),
        ("product", "the product whose releases it takes"),
        ("component", "the component that lives in the slots"),
        ("model", "its hardware model"),
    ):
        init.add_argument(f"--{name}", required=True, help=what)
    init.add_argument("--revision", type=int, required=True, help="its hardware revision")
    init.add_argument("--group", action="append", default=[], help="a group that it belongs to")
    for name, what in (
        ("slot-a", "file or block device; what runs now"),
        ("slot-b", "file or block device; the spare one"),
        ("image-root", "the image repository's first root"),
        ("director-root", "the Director's first root"),
        ("settings", "the first trust settings"),
    ):
        init.add_argument(f"--{name}", type=Path, required=True, help=what)
    commands.add_parser("boot", help="play the boot chain: choose what runs")
    commands.add_parser("start", help="go on after a boot; check health, confirm or go back")
    install = commands.add_parser("install", help="install what a medium brings")
    install.add_argument("--from", dest="medium", type=Path, required=True, help="its folder")
    status = commands.add_parser("status", help="what runs, what is under way")
    status.add_argument("--json", action="store_true", help="as JSON, for programs")
    return parser


def _run(options: argparse.Namespace) -> None:
    if options.command == "init":
        _init(options)
        return
    with locked(options.state):
        appliance = Appliance(options.state)
        if options.command == "boot":
            slot = appliance.enter()
            say("recovery system" if slot is None else f"slot {slot}")
        elif options.command == "start":
            for failed in appliance.start():
                say(shown(f"health check failed: {failed}"))
            _say_rest(appliance)
        elif options.command == "install":
            if not appliance.install(options.medium):
                say("nothing is meant for this device")
            _say_rest(appliance)
        else:
            _say_status(appliance, as_json=options.json)


def _init(options: argparse.Namespace) -> None:
    """Check everything first; the file that makes it a device is written last."""
    state: Path = options.state
    config = _described(options)
    built_in = [
        _argument(path) for path in (options.image_root, options.director_root, options.settings)
    ]
    for root in built_in[:2]:
        TrustedSet.pin(root, FIRMHOLD)
    parse_settings(built_in[2])
    with own_disk(state):
        if (state / CONFIG).exists():
            fault = PlaceFault(code=Code.DEVICE_THERE, path=str(state), detail="device.json")
            raise Misuse(fault)
        for folder in (state, *(state / name for name in (BUILT_IN, KEPT, BOOT))):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, data in zip(BUILT_IN_FILES, built_in, strict=True):
        _write(state / BUILT_IN / name, data)
    if not (state / SEAL).exists():
        KeyFile.make(state / SEAL)
    control = FileBoot(state / BOOT)
    control.mark(Slot.A, GOOD)
    control.mark(Slot.B, BAD)
    control.prefer(Slot.A)
    control.enter(Slot.A)
    _write(state / CONFIG, config.to_bytes())
    with own_disk(state):
        sync_folder(state)
    say(f"device {config.device} made in {state}")


def _described(options: argparse.Namespace) -> Config:
    """What the person says, read as it will be read from the file."""
    config = Config(
        device=DeviceId(options.device),
        product=options.product,
        component=ComponentId(options.component),
        model=HardwareId(options.model),
        revision=options.revision,
        groups=tuple(options.group),
        slots={Slot.A: options.slot_a.absolute(), Slot.B: options.slot_b.absolute()},
    )
    for path in config.slots.values():
        if not path.exists():
            detail = "no such file or block device: make it first, as large as the images will be"
            raise Misuse(PlaceFault(code=Code.STORE_IO, path=str(path), detail=detail))
    return parse_config(config.to_bytes())


def _argument(path: Path) -> bytes:
    try:
        return read_file(path, MOST_BUILT_IN)
    except OSError as error:
        detail = error.strerror or str(error)
        raise Misuse(PlaceFault(code=Code.STORE_IO, path=str(path), detail=detail)) from error


def _write(path: Path, data: bytes) -> None:
    """Write a file that an init that was cut off may have left half done."""
    with own_disk(path):
        path.unlink(missing_ok=True)
        write_new(path, data)


def _say_rest(appliance: Appliance) -> None:
    state = appliance.memory.state
    say(f"phase {state.phase}")
    if appliance.reboot_wanted:
        say("reboot wanted")


def _say_status(appliance: Appliance, *, as_json: bool) -> None:
    told = _status(appliance)
    if as_json:
        say(json.dumps(told, indent=1, sort_keys=True))
        return
    for name, value in told.items():
        say(shown(f"{name:<12} {value}"))


def _status(appliance: Appliance) -> dict[str, object]:
    config, state, record = appliance.config, appliance.memory.state, appliance.boot.read()
    running = appliance.boot.running()
    outcome = state.outcome
    told: dict[str, object] = {
        "device": config.device,
        "hardware": f"{config.model} revision {config.revision}",
        "running": "recovery system" if running is None else f"slot {running}",
        "phase": state.phase.value,
        "floor": appliance.floor.read(),
    }
    for slot in Slot:
        known, held = record.of(slot), state.holds(slot)
        told[f"slot {slot}"] = f"{known.state}, {_held(held)}"
    told["last outcome"] = (
        "none" if outcome is None else f"{outcome.verdict} {outcome.release.hex()[:16]}"
    )
    damage = [str(fault) for fault in appliance.damage]
    told["damage"] = damage or "none"
    return told


def _held(accepted: Accepted | None) -> str:
    if accepted is None:
        return "nothing that was installed here"
    release = accepted.release
    return f"release {release.counter} ({release.digest.hex()[:16]})"
