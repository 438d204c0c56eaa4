"""The boot record and the security floor as files, for machines whose boot chain reads files.

`FileBoot` is the device's side of the record. `boot` is the boot chain's: it chooses what runs, as
`update.slots.choose` says, and writes that down; on a real machine the loader does that. A floor in
a file can be put back by whoever writes files: hardware keeps it where there is some.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from firmhold.device.adapters.files import FileFolder
from firmhold.trust.encoding import JsonObject, JsonValue, canonical_json, parse_json
from firmhold.trust.errors import Code, Refused
from firmhold.trust.shape import Shape
from firmhold.update.slots import (
    UNREADABLE,
    BootRecord,
    BootState,
    Slot,
    SlotRecord,
    choose,
)

MAX_BYTES = 4096
PREFERRED, BOOTED, FLOOR = "boot.primary", "boot.running", "floor"

_SHAPE = Shape(Code.MEMORY_SHAPE)


class FileBoot:
    """The boot record in a folder (the port `BootControl`); each write is a replaced file."""

    def __init__(self, folder: Path) -> None:
        self._files = FileFolder(folder)

    def running(self) -> Slot | None:
        """Return the slot that the boot chain entered; None: the recovery system."""
        return _slot(self._files.read(BOOTED, MAX_BYTES))

    def read(self) -> BootRecord:
        """Return the whole record; what cannot be read is unknown, and has nothing to try with."""
        primary = _slot(self._files.read(PREFERRED, MAX_BYTES)) or Slot.A
        return BootRecord(primary, self._of(Slot.A), self._of(Slot.B), last=self.running())

    def mark(self, slot: Slot, record: SlotRecord) -> None:
        """Replace the record of one slot."""
        self._replace(
            f"boot.{slot}",
            {"state": record.state.value, "tries_left": record.tries_left, "bites": record.bites},
        )

    def prefer(self, slot: Slot) -> None:
        """Have `slot` tried first."""
        self._replace(PREFERRED, slot.value)

    def enter(self, slot: Slot | None) -> None:
        """Write down which slot runs: the boot chain's word."""
        self._replace(BOOTED, None if slot is None else slot.value)

    def _of(self, slot: Slot) -> SlotRecord:
        data = self._files.read(f"boot.{slot}", MAX_BYTES)
        with suppress(Refused):
            return _record(parse_json(data or b"", max_bytes=MAX_BYTES))
        return UNREADABLE

    def _replace(self, name: str, value: JsonValue) -> None:
        replace_file(self._files, name, canonical_json(value))


class FileFloor:
    """The security floor in a file (the port `Floor`)."""

    def __init__(self, folder: Path) -> None:
        self._files = FileFolder(folder)

    def read(self) -> int:
        """Return the floor; where there is none, nothing is below it."""
        data = self._files.read(FLOOR, MAX_BYTES)
        return 0 if data is None else _SHAPE.a_number(parse_json(data, max_bytes=MAX_BYTES), FLOOR)

    def raise_to(self, counter: int) -> None:
        """Raise it, durably; to a number that is not higher: do nothing."""
        if counter > self.read():
            replace_file(self._files, FLOOR, canonical_json(counter))


def boot(folder: Path, counters: Mapping[Slot, int | None], *, bitten: bool = False) -> Slot | None:
    """Choose what runs, as a boot chain does, and write it down before it is entered."""
    control = FileBoot(folder)
    before = control.read()
    choice = choose(before, counters, FileFloor(folder).read(), bitten=bitten)
    for slot in Slot:
        if choice.record.of(slot) != before.of(slot):
            control.mark(slot, choice.record.of(slot))
    control.enter(choice.slot)
    return choice.slot


def replace_file(files: FileFolder, name: str, data: bytes) -> None:
    """Replace a file wholly, durably, or not at all."""
    files.write(f"{name}.new", data)
    files.sync(f"{name}.new")
    files.rename(f"{name}.new", name)
    files.sync_folder()


def _slot(data: bytes | None) -> Slot | None:
    with suppress(json.JSONDecodeError, UnicodeDecodeError, ValueError):
        return Slot(json.loads(data or b"null"))
    return None


def _record(value: JsonValue) -> SlotRecord:
    members: JsonObject = _SHAPE.members(value, "record", ("state", "tries_left", "bites"))
    state = _SHAPE.a_name(members["state"], "record.state")
    if state not in set(BootState):
        raise _SHAPE.refusal("record.state", " or ".join(BootState))
    return SlotRecord(
        BootState(state),
        _SHAPE.a_number(members["tries_left"], "record.tries_left"),
        _SHAPE.a_number(members["bites"], "record.bites"),
    )
