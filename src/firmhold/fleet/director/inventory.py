"""The devices that the director knows, and what their last reports say."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, insert, select, update

from firmhold.fleet.tables import DEVICES, ENROLLED, OUTCOMES, TAKEN
from firmhold.trust.device_id import DeviceId
from firmhold.trust.encoding import parse_json
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.keys import derived_key_id, parse_public_key
from firmhold.trust.outer_faults import FleetFault
from firmhold.trust.tuf.schema import an_object
from firmhold.trust.uptane.component import ComponentId, HardwareId
from firmhold.trust.uptane.version_manifest import (
    KIND,
    KnownDevice,
    SlotState,
    Verdict,
    VersionManifest,
    read_manifest,
)

ACTIVE = "active"
"""What the ca's table says of a device against which nothing speaks."""

_MAX_KEY_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Known:
    """A device of the inventory."""

    device: DeviceId
    product: str
    component: ComponentId
    model: HardwareId
    revision: int
    report: VersionManifest | None
    """The last that was verified."""
    seen_at: int | None

    @property
    def runs(self) -> str:
        """Digest of the release that it says it runs from a good slot; empty: none known."""
        report = self.report
        if report is None or report.slots[report.booted] is not SlotState.GOOD:
            return ""
        installed = report.components.get(self.component)
        return "" if installed is None else installed.release_sha256.hex()


def add_device(connection: Connection, known: Known, now: datetime) -> None:
    """Add a device. Raises `Misuse` if one of that name is there."""
    if find(connection, known.device) is not None:
        raise Misuse(_fault(Code.FLEET_DEVICE_THERE, known.device))
    connection.execute(
        insert(DEVICES),
        {
            "device": known.device,
            "product": known.product,
            "component": known.component,
            "model": known.model,
            "revision": known.revision,
            "added_at": int(now.timestamp()),
            "counter": 0,
        },
    )


def find(connection: Connection, device: DeviceId) -> Known | None:
    """Return a device, if it is known."""
    row = connection.execute(select(DEVICES).where(DEVICES.c.device == device)).one_or_none()
    return None if row is None else _read(row)


def everybody(connection: Connection, product: str | None = None) -> Iterator[Known]:
    """Yield all devices, or those of a product, in the order of their names."""
    query = select(DEVICES).order_by(DEVICES.c.device)
    if product is not None:
        query = query.where(DEVICES.c.product == product)
    return map(_read, connection.execute(query).all())


def reporter(connection: Connection, device: DeviceId) -> KnownDevice | None:
    """Return what a device's report is verified against; None: it is not enrolled."""
    query = (
        select(DEVICES.c.component, DEVICES.c.counter, ENROLLED.c.key)
        .join(ENROLLED, ENROLLED.c.device == DEVICES.c.device)
        .where(DEVICES.c.device == device)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    entry = an_object(parse_json(bytes(row.key), max_bytes=_MAX_KEY_BYTES), "key")
    key = parse_public_key(entry)
    if key is None:
        return None
    parts = frozenset({ComponentId(row.component)})
    return KnownDevice(device, derived_key_id(entry), key, parts, row.counter)


def keep_report(connection: Connection, report: VersionManifest, now: datetime) -> None:
    """Remember a verified report, and how its last installation ended."""
    moment = int(now.timestamp())
    connection.execute(
        update(DEVICES)
        .where(DEVICES.c.device == report.device)
        .values(report=report.payload, reported_at=moment, seen_at=moment, counter=report.counter)
    )
    taken = {"device": report.device, "sha256": hashlib.sha256(report.payload).hexdigest()}
    connection.execute(insert(TAKEN), taken)
    if report.outcome is not None:
        _keep_outcome(
            connection, report.device, report.outcome.release.hex(), report.outcome.verdict, moment
        )


def is_taken(connection: Connection, device: DeviceId, payload: bytes) -> bool:
    """Tell whether a report with this signed part was taken in before."""
    digest = hashlib.sha256(payload).hexdigest()
    query = select(TAKEN).where(TAKEN.c.device == device).where(TAKEN.c.sha256 == digest)
    return connection.execute(query).one_or_none() is not None


def failed(connection: Connection, release: str) -> frozenset[DeviceId]:
    """Return the devices on which a release ended in failure, by their own last word of it."""
    query = (
        select(OUTCOMES.c.device)
        .where(OUTCOMES.c.release == release)
        .where(OUTCOMES.c.verdict == Verdict.FAILED.value)
    )
    return frozenset(DeviceId(name) for name in connection.execute(query).scalars())


def suspected(connection: Connection) -> frozenset[DeviceId]:
    """Return the devices that the ca has put in quarantine, or out."""
    query = select(ENROLLED.c.device).where(ENROLLED.c.state != ACTIVE)
    return frozenset(DeviceId(name) for name in connection.execute(query).scalars())


def outcomes(connection: Connection, device: DeviceId) -> Mapping[str, str]:
    """Return how each release ended on a device."""
    query = select(OUTCOMES.c.release, OUTCOMES.c.verdict).where(OUTCOMES.c.device == device)
    return {row.release: row.verdict for row in connection.execute(query)}


def _keep_outcome(
    connection: Connection, device: DeviceId, release: str, verdict: Verdict, moment: int
) -> None:
    place = (OUTCOMES.c.device == device) & (OUTCOMES.c.release == release)
    values = {"verdict": verdict.value, "at": moment}
    if connection.execute(update(OUTCOMES).where(place).values(values)).rowcount == 0:
        connection.execute(insert(OUTCOMES), {"device": device, "release": release, **values})


def _read(row: Row[tuple[object, ...]]) -> Known:
    report = None
    if row.report is not None:
        signed = parse_json(bytes(row.report), max_bytes=KIND.max_bytes)
        report = read_manifest(an_object(signed, "report"))
    return Known(
        DeviceId(row.device),
        row.product,
        ComponentId(row.component),
        HardwareId(row.model),
        row.revision,
        report,
        row.seen_at,
    )


def _fault(code: Code, device: DeviceId) -> FleetFault:
    return FleetFault(code=code, what=device, detail="in the inventory")


def key_tiers(connection: Connection) -> dict[DeviceId, str]:
    """Return where each enrolled device's signing key lives, as far as it was proven."""
    query = select(ENROLLED.c.device, ENROLLED.c.tier)
    return {DeviceId(row.device): row.tier for row in connection.execute(query)}
