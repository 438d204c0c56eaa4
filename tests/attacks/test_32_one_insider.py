"""Row 32: one insider at the server or at the desk sends out what nobody else has approved."""

from datetime import datetime, timedelta
from random import Random

import pytest

from firmhold.device.check import Ended
from firmhold.fleet.director.beliefs import Beliefs, Published
from firmhold.fleet.operate import planned, send
from firmhold.fleet.waves import read_waves
from firmhold.sim.fleet import SimFleet
from firmhold.sim.signer import sim_signer
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.tuf.schema import a_list

ONE = Random(1).randbytes(100_000)


def test_nobody_but_a_named_operator_begins_a_rollout(fleet: SimFleet) -> None:
    """Whoever reaches the operators' socket needs a key that the trust settings name."""
    fleet.publish(1, ONE)
    device = fleet.device("camera-1")
    path, now = "feature/camera/1.json", fleet.clock.now()
    fleet.heard(path)
    with fleet.operator() as director:
        expires = now.replace(microsecond=0) + timedelta(days=30)
        plan = planned(director, "mine", path, read_waves("100", 0, 90, 5), now, expires)
        for name in ("stranger", "feature-1", "director", "gateway", "freshness-1"):
            with pytest.raises(Misuse) as caught:
                send(director, plan.act, sim_signer(name))
            assert "act.signature" in str(caught.value)
        assert director.rows("/rollouts") == []
    assert device.live() is Ended.UNCHANGED


def test_one_holder_of_two_publishes_nothing(fleet: SimFleet) -> None:
    """A draft that lacks a signature stays at the desk; the site and the director know no such."""
    device = fleet.device("camera-1")
    fleet.draft(1, ONE)
    fleet.vendor.sign("feature", "feature-1")
    fleet.vendor.publish()
    with fleet.operator() as director, pytest.raises(Misuse) as caught:
        director.read("/releases", {"path": "feature/camera/1.json"})
    assert caught.value.code is Code.FLEET_REFUSED
    assert device.live() is Ended.UNCHANGED


def test_the_approval_of_another_release_approves_nothing(fleet: SimFleet) -> None:
    """An act names a digest: put before another release, it directs nobody."""
    fleet.publish(1, ONE)
    device = fleet.device("camera-1")
    fleet.rollout(1)
    with fleet.operator() as director:
        (act,) = a_list(director.read("/rollouts/r1/acts")["acts"], "acts", 1)
        other = str(act).replace("feature/camera/1.json", "feature/camera/2.json")
        with pytest.raises(Misuse):
            director.send("/acts", other.encode())
        with pytest.raises(Misuse) as caught:
            director.send("/acts", str(act).encode())
        assert "act.sequence" in str(caught.value)
    assert device.live() is Ended.INSTALLING


def test_another_release_under_the_approved_path_is_not_meant(
    fleet: SimFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The act names a digest: what lies under the path later, however signed, is something else."""
    fleet.publish(1, ONE)
    fleet.publish(2, ONE + b"more")
    fleet.rollout(1)
    honest = Beliefs.release

    def exchanged(beliefs: Beliefs, path: str, now: datetime) -> Published:
        return honest(beliefs, path.replace("/1.json", "/2.json"), now)

    monkeypatch.setattr(Beliefs, "release", exchanged)
    device = fleet.device("camera-1")

    assert device.live() is Ended.UNCHANGED
    monkeypatch.undo()
    fleet.restart("director")
    fleet.until(lambda: device.live() is Ended.INSTALLING)
    assert device.runs(ONE)
