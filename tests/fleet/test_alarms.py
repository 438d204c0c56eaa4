"""Operators are told whom to look after: who is silent, and whose reports are refused."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from tests.fleet.conftest import NOW
from tests.fleet.test_plan import FLEET

from firmhold.fleet.director.alarms import (
    MISSED,
    Alarm,
    Refusals,
    acknowledge,
    alarms,
    note_refused,
    refused,
)
from firmhold.fleet.director.inventory import Known, add_device
from firmhold.fleet.tables import DEVICES
from firmhold.trust.device_id import DeviceId
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.uptane.component import ComponentId, HardwareId

CAMERA = FLEET[0]
WAIT = 60


def known(device: DeviceId = CAMERA, seen_at: int | None = None) -> Known:
    """A device of the inventory."""
    return Known(device, "camera", ComponentId("main"), HardwareId("camera-1"), 1, None, seen_at)


@pytest.mark.parametrize(("beyond", "told"), [(0, []), (1, [Alarm.SILENT])])
def test_a_device_may_miss_some_check_ins_and_no_more(beyond: int, told: list[Alarm]) -> None:
    """It is silent a second after the next one was due, and not before."""
    seen = int(NOW.timestamp()) - (MISSED + 1) * WAIT - beyond
    assert list(alarms(known(seen_at=seen), {}, WAIT, NOW)) == told


def test_a_device_that_was_never_seen_is_not_missed() -> None:
    """It may not be switched on yet."""
    assert list(alarms(known(), {}, WAIT, NOW)) == []


@pytest.mark.parametrize(
    ("codes", "told"),
    [
        ((), []),
        ((Code.MANIFEST_COUNTER,), [Alarm.NUMBER_TWICE]),
        ((Code.MANIFEST_NONCE,), [Alarm.REPORT_REFUSED]),
        (
            (Code.MANIFEST_COUNTER, Code.MANIFEST_SIGNATURE),
            [Alarm.NUMBER_TWICE, Alarm.REPORT_REFUSED],
        ),
    ],
)
def test_a_number_that_came_twice_is_told_apart(codes: tuple[Code, ...], told: list[Alarm]) -> None:
    """A copy is another thing than a report that somebody spoilt."""
    refusals = dict.fromkeys(codes, Refusals(1, 0))
    assert list(alarms(known(), refusals, WAIT, NOW)) == told


def test_refusals_are_counted_by_device_and_check_until_somebody_looks(of_director: Engine) -> None:
    """Acknowledged, they are gone, the neighbour's are not, and the next number counts."""
    later = NOW + timedelta(hours=1)
    with of_director.begin() as connection:
        for device in FLEET[:2]:
            add_device(connection, known(device), NOW)
        connection.execute(DEVICES.update().values(counter=9))
        note_refused(connection, CAMERA, Code.MANIFEST_NONCE, NOW)
        note_refused(connection, CAMERA, Code.MANIFEST_NONCE, later)
        note_refused(connection, FLEET[1], Code.MANIFEST_COUNTER, NOW)
        note_refused(connection, DeviceId("nobody"), Code.MANIFEST_COUNTER, NOW)
        neighbours = {Code.MANIFEST_COUNTER: Refusals(1, int(NOW.timestamp()))}
        assert refused(connection) == {
            CAMERA: {Code.MANIFEST_NONCE: Refusals(2, int(later.timestamp()))},
            FLEET[1]: neighbours,
        }

        acknowledge(connection, CAMERA)

        assert refused(connection) == {FLEET[1]: neighbours}
        query = select(DEVICES.c.counter).order_by(DEVICES.c.device)
        assert list(connection.execute(query).scalars()) == [0, 9]
        with pytest.raises(Misuse) as caught:
            acknowledge(connection, DeviceId("nobody"))
        assert caught.value.code is Code.FLEET_NO_DEVICE
