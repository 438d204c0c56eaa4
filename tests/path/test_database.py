"""The database of a server goes away and comes back; devices and operators are told, and wait."""

from random import Random

import pytest
from tests.databases import ON_POSTGRESQL

from firmhold.device.check import Ended
from firmhold.sim.fleet import SimFleet
from firmhold.sim.postgresql import Cluster
from firmhold.trust.errors import Code, FirmholdError

ONE = Random(1).randbytes(200_000)

pytestmark = [ON_POSTGRESQL, pytest.mark.slow]


def test_a_fleet_outlives_a_database_that_goes_away(fleet: SimFleet, cluster: Cluster) -> None:
    """Nothing of a device's changes meanwhile; afterwards it goes on where it was."""
    fleet.publish(1, ONE)
    device = fleet.device("camera-1")
    fleet.rollout(1)
    assert device.check()[0] is Ended.INSTALLING
    device.rest()
    cluster.stop()
    try:
        with pytest.raises(FirmholdError) as caught:
            device.check()
        assert caught.value.code is Code.FETCH_STATUS
        with fleet.operator() as director, pytest.raises(FirmholdError) as caught:
            director.rows("/devices")
        assert caught.value.code is Code.GATEWAY_BUSY
    finally:
        cluster.start()
    device.check()
    fleet.until(lambda: fleet.confirmed("r1") == 1)
    assert device.runs(ONE)
