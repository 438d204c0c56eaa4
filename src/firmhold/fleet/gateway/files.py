"""Files for a device: what was published, and the Director's word for this device and no other."""

import re
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, Executable, select, union_all

from firmhold.fleet.tables import WORDS, WORDS_BEFORE
from firmhold.storage.disk import read_file
from firmhold.trust.device_id import DeviceId
from firmhold.trust.errors import Code, Refused
from firmhold.trust.outer_faults import FleetFault
from firmhold.trust.tuf.wire import MAX_BYTES, metadata_file

_SHA256 = re.compile(r"[0-9a-f]{64}")
_DIRECTOR = re.compile(r"(?P<version>[1-9][0-9]{0,17})\.(?P<role>root|snapshot|targets)\.json")


@dataclass(frozen=True, slots=True)
class Files:
    """Where they are."""

    site: Path
    roots: Path
    database: Engine

    def published(self, folder: str, path: str) -> Path:
        """Return where a published file lies: inside the folder of that name, or nowhere."""
        top = (self.site / folder).resolve()
        try:
            place = (top / path).resolve()
        except (OSError, ValueError) as error:  # a name with a zero byte, or one that is too long
            raise _not_found(path) from error
        if not place.is_relative_to(top) or not place.is_file():
            raise _not_found(path)
        return place

    def payload(self, sha256: str) -> Path:
        """Return where the payload with this digest lies."""
        if not _SHA256.fullmatch(sha256):
            raise _not_found(sha256)
        return self.published("payloads", sha256)

    def word(self, device: DeviceId, name: str) -> bytes:
        """Return a file of the Director's metadata for `device`."""
        found = _DIRECTOR.fullmatch(name)
        if name == metadata_file("timestamp"):
            return self._found(select(WORDS.c.timestamp).where(WORDS.c.device == device), name)
        if found is None:
            raise _not_found(name)
        if found["role"] == "root":
            return self._root(int(found["version"]))
        return self._found(_queries(device, int(found["version"]), found["role"]), name)

    def _found(self, query: Executable, name: str) -> bytes:
        with self.database.connect() as connection:
            data = connection.execute(query).scalar()
        if data is None:
            raise _not_found(name)
        return bytes(data)

    def _root(self, version: int) -> bytes:
        name = "director.root.json" if version == 1 else f"{version}.director.root.json"
        try:
            return read_file(self.roots / name, MAX_BYTES["root"])
        except OSError as error:
            raise _not_found(name) from error


def _queries(device: DeviceId, version: int, role: str) -> Executable:
    """Look where the newest word is, and where the one before it is."""
    one, two = (
        select(table.c[role]).where(table.c.device == device).where(table.c.version == version)
        for table in (WORDS, WORDS_BEFORE)
    )
    return union_all(one, two)


def _not_found(what: str) -> Refused:
    fault = FleetFault(code=Code.GATEWAY_NOT_FOUND, what=what, detail="no such file")
    return Refused(fault)
