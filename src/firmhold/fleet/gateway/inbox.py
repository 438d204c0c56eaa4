"""What came in: reports at once and durably, check-ins a second's worth at a time.

The gateway only ever adds rows. It cannot judge a report: the key of the device is not here.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Engine, insert
from sqlalchemy.exc import OperationalError

from firmhold.fleet.gateway.check_in import report_purpose
from firmhold.fleet.nonces import Nonces
from firmhold.fleet.tables import CHECK_INS, REPORTS, SUPERSEDED
from firmhold.trust.device_id import DeviceId
from firmhold.trust.encoding import parse_json
from firmhold.trust.errors import Code, Refused
from firmhold.trust.outer_faults import FleetFault
from firmhold.trust.shape import Shape
from firmhold.trust.uptane.version_manifest import KIND, NONCE_BYTES

MAX_REPORT_BYTES = KIND.max_bytes
MOST_NOTED = 1_000_000
"""Check-ins that wait for a database that is away; the oldest are dropped first."""

log = logging.getLogger("firmhold.fleet.gateway")

_SHAPE = Shape(Code.PROTOCOL_SHAPE)


@dataclass(slots=True)
class Inbox:
    """The tables that the gateway adds to."""

    database: Engine
    nonces: Nonces
    _seen: list[tuple[DeviceId, int]] = field(default_factory=list)
    _superseded: list[tuple[DeviceId, str, int]] = field(default_factory=list)

    def take_report(self, device: DeviceId, data: bytes, now: datetime) -> None:
        """Keep a report that answers a nonce of this gateway for this device. Raises `Refused`."""
        nonce = _nonce_in(data)
        if not self.nonces.good(nonce, report_purpose(device), now):
            fault = FleetFault(code=Code.GATEWAY_NONCE, what=device, detail="not one of today")
            raise Refused(fault)
        row = {"device": device, "nonce": nonce, "received_at": int(now.timestamp()), "data": data}
        with self.database.begin() as connection:
            connection.execute(insert(REPORTS).inline(), row)

    def saw(self, device: DeviceId, now: datetime) -> None:
        """Note that a device has checked in."""
        self._seen.append((device, int(now.timestamp())))

    def saw_superseded(self, device: DeviceId, serial: str, now: datetime) -> None:
        """Note that somebody has come with a certificate that another one has replaced."""
        if len(self._superseded) < MOST_NOTED:
            self._superseded.append((device, serial, int(now.timestamp())))

    def write_noted(self) -> None:
        """Write what was noted, all in one go; where that fails, it waits on."""
        seen, self._seen = self._seen, []
        superseded, self._superseded = self._superseded, []
        try:
            self._write(seen, superseded)
        except OperationalError:
            log.warning("no database")
            self._seen = [*seen, *self._seen][-MOST_NOTED:]
            self._superseded = [*superseded, *self._superseded][-MOST_NOTED:]

    def _write(
        self, seen: Sequence[tuple[DeviceId, int]], superseded: Sequence[tuple[DeviceId, str, int]]
    ) -> None:
        noted = (
            (CHECK_INS, [{"device": device, "at": at} for device, at in seen]),
            (SUPERSEDED, [{"device": d, "serial": s, "at": at} for d, s, at in superseded]),
        )
        if seen or superseded:
            with self.database.begin() as connection:
                for table, rows in noted:
                    if rows:
                        connection.execute(insert(table).inline(), rows)


def _nonce_in(data: bytes) -> bytes:
    """What a report says that it answers; whether its device says so, the director finds out."""
    document = _SHAPE.an_object(parse_json(data, max_bytes=MAX_REPORT_BYTES), "report")
    signed = _SHAPE.an_object(document.get("signed"), "report.signed")
    return _SHAPE.some_bytes(signed.get("nonce"), "report.signed.nonce", NONCE_BYTES)
