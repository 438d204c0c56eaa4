"""Row 62: a device asks for, or reports for, another one."""

import json

import pytest
from sqlalchemy import select

from firmhold.fleet.tables import DEVICES, REPORTS, WORDS
from firmhold.protocol import paths
from firmhold.protocol.check_in import Known, Question, parse_answer
from firmhold.protocol.problem import parse_problem
from firmhold.sim.caller import Caller, Shown
from firmhold.sim.fleet import SimFleet
from firmhold.storage.sql import open_for_reading, used
from firmhold.trust.errors import Code

QUESTION = Question(bytes(32), Known(1), Known(1)).to_bytes()


def stored(fleet: SimFleet, device: str) -> tuple[int, bytes, bytes | None]:
    """A device's counter, its word, its last report."""
    with used(open_for_reading(fleet.home.database)) as database, database.connect() as connection:
        query = select(DEVICES.c.counter, WORDS.c.timestamp, DEVICES.c.report)
        query = query.join(WORDS, WORDS.c.device == DEVICES.c.device)
        row = connection.execute(query.where(DEVICES.c.device == device)).one()
        return row[0], bytes(row[1]), row[2]


def test_each_device_sees_its_own_word(fleet: SimFleet) -> None:
    """The same path, two devices, two words; a name put into the path leads nowhere."""
    fleet.publish(1, b"image" * 20_000)
    one, two = fleet.device("north"), fleet.device("south")
    fleet.rollout(1)
    words = []
    for device in (one, two):
        with Caller(fleet.home.device_port, Shown.of_device(device.state)) as caller:
            words.append(caller.ask("GET", f"{paths.DIRECTOR_METADATA}2.targets.json")[1])
            for name in ("south/2.targets.json", "..%2fsouth%2f2.targets.json", "south"):
                status, body = caller.ask("GET", f"{paths.DIRECTOR_METADATA}{name}")
                assert status == 404, body
    assert b"north" in words[0]
    assert b"south" not in words[0]
    assert b"south" in words[1]
    assert b"north" not in words[1]


@pytest.mark.parametrize("whose_nonce", ["its own", "the victim's"])
def test_nobody_reports_for_another(fleet: SimFleet, whose_nonce: str) -> None:
    """A report of the victim's, sent by the attacker, changes nothing of either."""
    attacker, victim = fleet.device("camera-1"), fleet.device("camera-2")
    victim.check()
    fleet.until(lambda: stored(fleet, "camera-2")[0] > 0)
    before = stored(fleet, "camera-1"), stored(fleet, "camera-2")
    with used(open_for_reading(fleet.home.database)) as database, database.connect() as connection:
        report = json.loads(connection.execute(select(REPORTS.c.data)).scalar_one())
    with Caller(fleet.home.device_port, Shown.of_device(attacker.state)) as caller:
        told = parse_answer(caller.ask("POST", paths.CHECK_IN, QUESTION)[1])
        if whose_nonce == "its own":
            report["signed"]["nonce"] = told.report_nonce.hex()
        status, body = caller.ask("POST", paths.REPORT, json.dumps(report).encode())
    if whose_nonce == "its own":
        assert status == 204  # taken into the inbox, where its own key would have to have signed it
    else:
        assert (status, parse_problem(body).code) == (403, Code.GATEWAY_NONCE)
    fleet.restart("director")
    assert (stored(fleet, "camera-1"), stored(fleet, "camera-2")) == before
