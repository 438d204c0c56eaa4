"""What the gateway notes is written, also if the database is away for a while."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.fleet.test_roles import a_home

from firmhold.fleet.database import make_database
from firmhold.fleet.gateway import inbox
from firmhold.fleet.nonces import Nonces
from firmhold.fleet.tables import CHECK_INS
from firmhold.sim.clock import BEGIN
from firmhold.sim.postgresql import Cluster
from firmhold.storage.sql import open_database, open_for_reading, used
from firmhold.trust.device_id import DeviceId


def test_check_ins_wait_for_a_database_that_is_away(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are written when it is back, in their order; of too many the oldest are dropped."""
    home = a_home(Path("/nowhere"), cluster.database("inbox"))
    make_database(home)
    monkeypatch.setattr(inbox, "MOST_NOTED", 3)
    with used(open_database(home.database_for("gateway"), "gateway")) as engine:
        noted = inbox.Inbox(engine, Nonces())
        noted.write_noted()
        cluster.stop()
        for number in range(5):
            noted.saw(DeviceId(f"camera-{number}"), BEGIN + timedelta(seconds=number))
            noted.write_noted()
        cluster.start()
        noted.saw(DeviceId("camera-9"), BEGIN)
        noted.write_noted()
        noted.write_noted()
    with (
        used(open_for_reading(home.database_for("director"))) as reader,
        reader.connect() as connection,
    ):
        found = connection.execute(select(CHECK_INS.c.device).order_by(CHECK_INS.c.id)).scalars()
        assert list(found) == ["camera-2", "camera-3", "camera-4", "camera-9"]
