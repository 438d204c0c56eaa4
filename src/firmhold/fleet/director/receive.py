"""Takes in what the gateway put into its inbox: each report is verified here, where the keys are.

A bad report changes nothing and stops nothing. It stays in the inbox; its code goes into the log,
and operators are told of it. A report that comes a second time, because a line died before the
device heard that it had arrived, or because a gateway in other hands repeats it, says nothing new.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Table, func, insert, select, update

from firmhold.fleet.director.alarms import note_refused
from firmhold.fleet.director.inventory import is_taken, keep_report, reporter
from firmhold.fleet.tables import CHECK_INS, DEVICES, READ_UP_TO, REPORTS, SUPERSEDED
from firmhold.trust.device_id import DeviceId
from firmhold.trust.document import parse_document
from firmhold.trust.errors import Code, Refused
from firmhold.trust.uptane.version_manifest import KIND, verify_manifest

MOST_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Received:
    """What a round has taken in."""

    reports: int
    refused: Sequence[tuple[DeviceId, Code]]

    @property
    def anything(self) -> bool:
        """Tell whether something was taken in."""
        return self.reports > 0


def receive(connection: Connection, now: datetime) -> Received:
    """Take in new reports and check-ins, in the order in which they came."""
    _take_check_ins(connection)
    _take_superseded(connection, now)
    taken, refused = 0, list[tuple[DeviceId, Code]]()
    query = (
        select(REPORTS)
        .where(REPORTS.c.id > _read_up_to(connection, REPORTS))
        .order_by(REPORTS.c.id)
        .limit(MOST_AT_ONCE)
    )
    for row in connection.execute(query).all():
        device = DeviceId(row.device)
        code = _take_report(connection, device, bytes(row.data), bytes(row.nonce), now)
        if code is None:
            taken += 1
        else:
            refused.append((device, code))
            if code is not Code.FLEET_REPORT_AGAIN:
                note_refused(connection, device, code, now)
        _have_read(connection, REPORTS, row.id)
    return Received(taken, refused)


def _take_report(
    connection: Connection, device: DeviceId, data: bytes, nonce: bytes, now: datetime
) -> Code | None:
    """Take a report in; return the code of the check that refused it, if one did."""
    known = reporter(connection, device)
    if known is None:
        return Code.FLEET_NO_DEVICE
    try:
        if is_taken(connection, device, parse_document(data, KIND).payload):
            return Code.FLEET_REPORT_AGAIN
        report = verify_manifest(data, known, nonce).value
    except Refused as error:
        return error.code
    keep_report(connection, report, now)
    return None


def _take_check_ins(connection: Connection) -> None:
    since = _read_up_to(connection, CHECK_INS)
    query = (
        select(CHECK_INS.c.device, func.max(CHECK_INS.c.at), func.max(CHECK_INS.c.id))
        .where(CHECK_INS.c.id > since)
        .group_by(CHECK_INS.c.device)
    )
    newest = since
    for device, at, number in connection.execute(query).all():
        connection.execute(update(DEVICES).where(DEVICES.c.device == device).values(seen_at=at))
        newest = max(newest, number)
    if newest > since:
        _have_read(connection, CHECK_INS, newest)


def _take_superseded(connection: Connection, now: datetime) -> None:
    """Count who came with a certificate that another one has replaced."""
    query = (
        select(SUPERSEDED.c.id, SUPERSEDED.c.device)
        .where(SUPERSEDED.c.id > _read_up_to(connection, SUPERSEDED))
        .order_by(SUPERSEDED.c.id)
        .limit(MOST_AT_ONCE)
    )
    for number, device in connection.execute(query).all():
        note_refused(connection, DeviceId(device), Code.GATEWAY_SUPERSEDED, now)
        _have_read(connection, SUPERSEDED, number)


def _read_up_to(connection: Connection, inbox: Table) -> int:
    query = select(READ_UP_TO.c.id).where(READ_UP_TO.c.inbox == inbox.name)
    return connection.execute(query).scalar_one_or_none() or 0


def _have_read(connection: Connection, inbox: Table, number: int) -> None:
    place = update(READ_UP_TO).where(READ_UP_TO.c.inbox == inbox.name).values(id=number)
    if connection.execute(place).rowcount == 0:
        connection.execute(insert(READ_UP_TO), {"inbox": inbox.name, "id": number})
