"""What operators should look at: who has fallen silent, and whose reports are refused.

A device never gives one number to two reports. Another report with a number that is used up is
therefore told apart: the device was copied, or an older backup of its memory was put back. Until an
operator acknowledges that, nothing but security releases are meant for the device, as for one in
quarantine.

A certificate that a later one has replaced lets nobody in. A device that was restored from a backup
shows it once, and gets another by its signing key; a copy that has not that key shows it again and
again, which is told and keeps the device from nothing. The other alarms change nothing either; they
stand until they are acknowledged, a silence until it ends.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique

from sqlalchemy import Connection, delete, insert, select, update

from firmhold.fleet.director.inventory import Known, find
from firmhold.fleet.tables import DEVICES, REFUSED
from firmhold.trust.device_id import DeviceId
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.outer_faults import FleetFault

MISSED = 3
"""Check-ins in a row that a device may miss before it counts as silent."""

TOO_OFTEN = 3
"""So often nobody comes by accident with a certificate that another one has replaced."""


@unique
class Alarm(StrEnum):
    """Why somebody should look at a device."""

    SILENT = "silent"
    REPORT_REFUSED = "report_refused"
    NUMBER_TWICE = "number_twice"
    CREDENTIAL_TWICE = "credential_twice"


@dataclass(frozen=True, slots=True)
class Refusals:
    """How many reports of a device one check has refused, and when the last."""

    times: int
    at: int


def note_refused(connection: Connection, device: DeviceId, code: Code, now: datetime) -> None:
    """Remember that a report was refused; of devices that nobody knows nothing is remembered."""
    if find(connection, device) is None:
        return
    moment = int(now.timestamp())
    place = (REFUSED.c.device == device) & (REFUSED.c.code == code.value)
    again = update(REFUSED).where(place).values(times=REFUSED.c.times + 1, at=moment)
    if connection.execute(again).rowcount == 0:
        row = {"device": device, "code": code.value, "times": 1, "at": moment}
        connection.execute(insert(REFUSED), row)


def refused(connection: Connection) -> Mapping[DeviceId, Mapping[Code, Refusals]]:
    """Return whose reports were refused by which check, since somebody looked."""
    found: dict[DeviceId, dict[Code, Refusals]] = {}
    for row in connection.execute(select(REFUSED).order_by(REFUSED.c.code)):
        refusals = Refusals(row.times, row.at)
        found.setdefault(DeviceId(row.device), {})[Code(row.code)] = refusals
    return found


def copied(connection: Connection) -> frozenset[DeviceId]:
    """Return the devices of which there seem to be two."""
    query = select(REFUSED.c.device).where(REFUSED.c.code == Code.MANIFEST_COUNTER.value)
    return frozenset(DeviceId(name) for name in connection.execute(query).scalars())


def alarms(
    known: Known, refusals: Mapping[Code, Refusals], wait: int, now: datetime
) -> Iterator[Alarm]:
    """Yield the alarms of one device; `wait` is the time between its check-ins, in seconds."""
    if known.seen_at is not None and now.timestamp() - known.seen_at > (MISSED + 1) * wait:
        yield Alarm.SILENT
    if Code.MANIFEST_COUNTER in refusals:
        yield Alarm.NUMBER_TWICE
    old = refusals.get(Code.GATEWAY_SUPERSEDED)
    if old is not None and old.times >= TOO_OFTEN:
        yield Alarm.CREDENTIAL_TWICE
    if refusals.keys() - {Code.MANIFEST_COUNTER, Code.GATEWAY_SUPERSEDED}:
        yield Alarm.REPORT_REFUSED


def acknowledge(connection: Connection, device: DeviceId) -> None:
    """End a device's alarms; its next report counts whatever its number. Raises `Misuse`.

    One that was taken in before does not: nobody brings the past back with it.
    """
    if find(connection, device) is None:
        fault = FleetFault(code=Code.FLEET_NO_DEVICE, what=device, detail="not in the inventory")
        raise Misuse(fault)
    connection.execute(delete(REFUSED).where(REFUSED.c.device == device))
    connection.execute(update(DEVICES).where(DEVICES.c.device == device).values(counter=0))
