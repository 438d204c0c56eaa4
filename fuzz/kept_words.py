"""What a device keeps, and what a person writes at the desk: anything may stand in such files.

* `memory`: a state is refused or read as it was written, and the machine answers everything that
  can be said to it; a copy that no device sealed is told as damage and never believed.
* `device_files`: the description of a device is refused, or read back; a boot record boots no slot
  that was not marked so.
* `description`: a described release is refused by its place, or has components.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from firmhold.device.adapters.boot_file import FileBoot
from firmhold.device.config import parse_config
from firmhold.device.memory import COPIES, Memory
from firmhold.release.description import read_description
from firmhold.sim.flash import SimDisk, Supply
from firmhold.sim.machine import SimSeal
from firmhold.trust.errors import Refused
from firmhold.update.events import Done, Event, Judged, Measured, Started, Written
from firmhold.update.installation import step
from firmhold.update.journal import State, parse_state
from firmhold.update.slots import BAD, GOOD, BootRecord, BootState, Slot
from fuzz.promises import BrokenPromise

_RECORD = BootRecord(Slot.A, GOOD, BAD)
_EVENTS: tuple[Event, ...] = (
    *(Started(running, _RECORD, 0, gone) for running in (*Slot, None) for gone in (True, False)),
    *(Judged(healthy) for healthy in (True, False)),
    *(Measured(whole) for whole in (True, False)),
    *(Written(pieces) for pieces in (0, 1, 2**62)),
    Done(),
)


def fuzz_memory(data: bytes) -> None:
    """A remembered state, bare and as a copy on a disk."""
    with suppress(Refused):
        state = parse_state(data)
        if state.to_bytes() != data:
            raise BrokenPromise("a_state_reads_back")
        for event in _EVENTS:
            after, _ = step(state, event)
            if parse_state(after.to_bytes()) != after:
                raise BrokenPromise("every_state_can_be_remembered")
    disk = SimDisk(Supply())
    disk.hold(frozenset({(COPIES[0], data), (COPIES[1], data)}))
    memory = Memory(disk, SimSeal())
    if memory.state != State() or not memory.damage:
        raise BrokenPromise("nothing_unsealed_is_believed")


def fuzz_device_files(data: bytes) -> None:
    """The description of a device, and a boot record."""
    with suppress(Refused):
        config = parse_config(data)
        if parse_config(config.to_bytes()) != config:
            raise BrokenPromise("a_config_reads_back")
    with TemporaryDirectory() as folder:
        for name in ("boot.a", "boot.primary", "boot.running"):
            (Path(folder) / name).write_bytes(data)
        record = FileBoot(Path(folder)).read()
    if record.b.state is not BootState.UNKNOWN or record.b.tries_left:
        raise BrokenPromise("an_absent_record_is_unknown")


def fuzz_description(data: bytes) -> None:
    """What a person writes of a release."""
    with suppress(Refused):
        if len({id(part) for part in read_description(data, Path()).components}) > len(data):
            raise BrokenPromise("components_are_written")


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "memory": fuzz_memory,
    "device_files": fuzz_device_files,
    "description": fuzz_description,
}
"""Every target of this file by name."""
