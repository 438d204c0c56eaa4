"""What makes a folder a device: its roots, its settings, its seal, what runs, and what it is.

Everything is checked before anything is written, and the file that makes it a device is the last.
"""

from collections.abc import Sequence
from pathlib import Path

from firmhold.device.adapters.boot_file import FileBoot
from firmhold.device.adapters.disk import own_disk, sync_folder, write_new
from firmhold.device.adapters.files import KeyFile
from firmhold.device.appliance import BOOT, BUILT_IN, BUILT_IN_FILES, CONFIG, KEPT, SEAL
from firmhold.device.config import Config, parse_config
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.outer_faults import PlaceFault
from firmhold.trust.settings.reader import parse_settings
from firmhold.trust.tuf.dialect import FIRMHOLD
from firmhold.trust.tuf.trusted_set import TrustedSet
from firmhold.update.slots import BAD, GOOD, Slot

NO_SLOT = "no such file or block device: make it first, as large as the images will be"


def make_device(state: Path, config: Config, built_in: Sequence[bytes]) -> None:
    """Make a device in a folder; `built_in` are both first roots and the first settings.

    What runs now is slot A. Raises `Refused` for what no device could begin with, and `Misuse`
    where there is a device already or a slot is missing.
    """
    parse_config(config.to_bytes())
    for root in built_in[:2]:
        TrustedSet.pin(root, FIRMHOLD)
    parse_settings(built_in[2])
    _require_slots(config)
    _require_new(state)
    for folder in (state, *(state / name for name in (BUILT_IN, KEPT, BOOT))):
        with own_disk(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, data in zip(BUILT_IN_FILES, built_in, strict=True):
        _write(state / BUILT_IN / name, data)
    if not (state / SEAL).exists():
        KeyFile.make(state / SEAL)
    _begin_with(FileBoot(state / BOOT))
    _write(state / CONFIG, config.to_bytes())
    with own_disk(state):
        sync_folder(state)


def is_device(state: Path) -> bool:
    """Tell whether a folder is a device already."""
    with own_disk(state):
        return (state / CONFIG).exists()


def _begin_with(control: FileBoot) -> None:
    control.mark(Slot.A, GOOD)
    control.mark(Slot.B, BAD)
    control.prefer(Slot.A)
    control.enter(Slot.A)


def _require_slots(config: Config) -> None:
    for path in config.slots.values():
        if not path.exists():
            raise Misuse(PlaceFault(code=Code.STORE_IO, path=str(path), detail=NO_SLOT))


def _require_new(state: Path) -> None:
    if is_device(state):
        raise Misuse(PlaceFault(code=Code.DEVICE_THERE, path=str(state), detail=CONFIG))


def _write(path: Path, data: bytes) -> None:
    """Write a file that one who was cut off may have left half done."""
    with own_disk(path):
        path.unlink(missing_ok=True)
        write_new(path, data)
