"""Step 13, report: what this device says of itself, signed by its own key, counted, for one nonce.

It is told when something has changed since the last report that arrived, and once a day besides.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

from firmhold.device.accounts import Account
from firmhold.trust.device_id import DeviceId
from firmhold.trust.encoding import canonical_json
from firmhold.trust.keys import KeyId
from firmhold.trust.uptane.component import ComponentId
from firmhold.trust.uptane.version_manifest import (
    Installed,
    Outcome,
    SlotState,
    VersionManifest,
)
from firmhold.update.journal import State
from firmhold.update.slots import BootRecord, Slot

DAY_SECONDS = 86_400
RECOVERY = "recovery"
UNNAMED = "unknown"


class Signer(Protocol):
    """The device signing key."""

    @property
    def key_id(self) -> KeyId:
        """Its derived key id."""
        ...

    def sign(self, payload: bytes) -> str:
        """Return a signature, in hexadecimal."""
        ...


@dataclass(frozen=True, slots=True)
class Standing:
    """What a device reports, but for what makes each report another one."""

    device: DeviceId
    component: ComponentId
    running: Slot | None
    record: BootRecord
    state: State
    version: str | None
    """The version, for people, of what runs; None: nobody knows."""
    recovery: bool

    @property
    def slots(self) -> Mapping[str, SlotState]:
        """What the boot chain thinks of each slot, the recovery system where it is what runs."""
        found = {slot.value: SlotState(self.record.of(slot).state.value) for slot in Slot}
        if self.running is None:
            found[RECOVERY] = SlotState.UNKNOWN
        return MappingProxyType(found)

    @property
    def components(self) -> Mapping[ComponentId, Installed]:
        """The release that runs; what was not installed by an update is left out."""
        held = None if self.running is None else self.state.holds(self.running)
        if held is None:
            return MappingProxyType({})
        release, version = held.release, self.version or UNNAMED
        installed = Installed(release.digest, release.counter, version)
        return MappingProxyType({self.component: installed})

    @property
    def outcome(self) -> Outcome | None:
        """How the last installation ended."""
        return self.state.outcome


def manifest(
    standing: Standing, account: Account, nonce: bytes, counter: int, now: datetime
) -> VersionManifest:
    """Return the report with the number `counter` that answers `nonce`."""
    running = standing.running
    return VersionManifest(
        device=standing.device,
        nonce=nonce,
        counter=counter,
        time=now.replace(microsecond=0),
        recovery=standing.recovery,
        booted=RECOVERY if running is None else running.value,
        slots=standing.slots,
        components=standing.components,
        outcome=standing.outcome,
        refusals=account.refusals,
        checkpoint=None,
    )


def signed(report: VersionManifest, key: Signer) -> bytes:
    """Return the document."""
    return report.to_bytes([(key.key_id, key.sign(report.payload))])


def essence(report: VersionManifest) -> bytes:
    """Return a digest of all that does not change with every report."""
    same = replace(
        report, nonce=bytes(32), counter=1, time=datetime.min.replace(tzinfo=report.time.tzinfo)
    )
    return hashlib.sha256(canonical_json(same.to_json())).digest()


def due(report: VersionManifest, account: Account) -> bool:
    """Tell whether a report says something new, or the last one is a day old."""
    age = int(report.time.timestamp()) - account.told_at
    return essence(report) != account.told or not 0 <= age < DAY_SECONDS
