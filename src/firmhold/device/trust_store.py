"""What the device believes between two check-ins: metadata, trust settings, time, offline orders.

Each stands in two sealed copies (`twofold`). Everything here was verified before it was kept; what
cannot be read is told in `damage`, and what was built in at manufacture serves in its place, so a
device whose state was destroyed begins again from its first roots and can still be updated.
"""

from dataclasses import dataclass
from urllib.parse import quote

from firmhold.device.ports import Durable, Repository, Seal
from firmhold.device.twofold import Form, Twofold
from firmhold.trust.encoding import canonical_json, parse_json
from firmhold.trust.errors import Code, Damaged, Fault, Refused
from firmhold.trust.freshness.time_floor import MAX_BYTES as FLOOR_BYTES
from firmhold.trust.freshness.time_floor import TimeFloor
from firmhold.trust.settings.authorised import recall_settings
from firmhold.trust.settings.reader import MAX_BYTES as SETTINGS_BYTES
from firmhold.trust.settings.trust_settings import TrustSettings
from firmhold.trust.shape import Shape
from firmhold.trust.tuf.trusted_set import ROOT
from firmhold.trust.tuf.wire import MAX_BYTES
from firmhold.trust.verified import Verified

_COUNT = Shape(Code.MEMORY_SHAPE)


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """What a device is made with, in a place that no update writes: both first roots, settings."""

    image_root: bytes
    director_root: bytes
    settings: bytes


class TrustStore:
    """What the device believes, as it was found and as it is kept."""

    def __init__(self, durable: Durable, seal: Seal, built_in: BuiltIn) -> None:
        self._durable = durable
        self._seal = seal
        self._built_in = built_in
        self._metadata: dict[str, Twofold[bytes]] = {}
        self._settings = Twofold(durable, seal, Form("settings", bytes, SETTINGS_BYTES))
        self._floor = Twofold(durable, seal, Form("time", _floor, FLOOR_BYTES))
        self._offline = Twofold(durable, seal, Form("offline", _number, 64))

    @property
    def damage(self) -> tuple[Fault, ...]:
        """What was not as it was left, of all that was read until now."""
        own = (self._settings.damage, self._floor.damage, self._offline.damage)
        read = (*own, *(each.damage for each in self._metadata.values()))
        return tuple(fault for faults in read for fault in faults)

    def load(self, repository: Repository, role: str) -> bytes | None:
        """Return the stored metadata of a role; for a root that is not there, the built-in one."""
        data = self._of(repository, role).value
        if data:
            return data
        first = {
            Repository.IMAGE: self._built_in.image_root,
            Repository.DIRECTOR: self._built_in.director_root,
        }
        return first[repository] if role == ROOT else None

    def keep(self, repository: Repository, role: str, data: bytes) -> None:
        """Replace the metadata of a role, durably."""
        self._of(repository, role).keep(data, data)

    def forget(self, repository: Repository, role: str) -> None:
        """Have no metadata of a role any more, durably."""
        if self._of(repository, role).value:
            self.keep(repository, role, b"")

    @property
    def settings(self) -> Verified[TrustSettings]:
        """The trust settings that were verified last."""
        return recall_settings(self._settings.value or self._built_in.settings)

    def keep_settings(self, data: bytes) -> None:
        """Replace the trust settings, durably."""
        if data != (self._settings.value or self._built_in.settings):
            self._settings.keep(data, data)

    @property
    def floor(self) -> TimeFloor | None:
        """What the device remembers of time; None: nothing, it begins again from its root."""
        return self._floor.value

    def keep_floor(self, floor: TimeFloor) -> None:
        """Replace the time floor, durably."""
        if floor != self._floor.value:
            self._floor.keep(floor, floor.to_bytes())

    @property
    def newest_offline(self) -> int:
        """The version of the last offline update that was taken; 0: none."""
        return self._offline.value or 0

    def keep_newest_offline(self, version: int) -> None:
        """Remember the version of an offline update that was taken, durably."""
        if version != self.newest_offline:
            self._offline.keep(version, canonical_json(version))

    def _of(self, repository: Repository, role: str) -> Twofold[bytes]:
        name = f"{repository}.{quote(role, safe='')}"
        if name not in self._metadata:
            most = MAX_BYTES.get(role, MAX_BYTES["targets"])
            self._metadata[name] = Twofold(self._durable, self._seal, Form(name, bytes, most))
        return self._metadata[name]


def _floor(data: bytes) -> TimeFloor:
    try:
        return TimeFloor.parse(data)
    except Damaged as error:
        raise Refused(error.fault) from error


def _number(data: bytes) -> int:
    return _COUNT.a_number(parse_json(data, max_bytes=64), "version")
