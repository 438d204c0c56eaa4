"""Row 32: one insider at the server or at the desk sends out what nobody else has approved."""

from datetime import datetime, timedelta
from random import Random

import pytest
from sqlalchemy import insert, select, update

from firmhold.device.check import Ended
from firmhold.fleet.beliefs import Beliefs, Published
from firmhold.fleet.operate import planned, send
from firmhold.fleet.tables import ACTS, ROLLOUTS, WORDS
from firmhold.fleet.waves import read_waves
from firmhold.sim.fleet import SimFleet
from firmhold.sim.signer import sim_signer
from firmhold.storage.sql import open_database, used
from firmhold.trust.errors import Code, Misuse, Refused
from firmhold.trust.governance.rollout_act import RolloutAct
from firmhold.trust.tuf.schema import a_list

ONE = Random(1).randbytes(100_000)


def an_act(fleet: SimFleet) -> RolloutAct:
    """An act that would begin a rollout of release 1, which nobody has signed."""
    path, now = "feature/camera/1.json", fleet.clock.now()
    fleet.publish(1, ONE)
    fleet.heard(path)
    expires = now.replace(microsecond=0) + timedelta(days=30)
    with fleet.operator() as director:
        return planned(director, "mine", path, read_waves("100", 0, 90, 5), now, expires).act


def test_nobody_but_a_named_operator_begins_a_rollout(fleet: SimFleet) -> None:
    """Whoever reaches the operators' socket needs a key that the trust settings name."""
    act = an_act(fleet)
    device = fleet.device("camera-1")
    with fleet.operator() as director:
        for name in ("stranger", "feature-1", "director", "gateway", "freshness-1"):
            with pytest.raises(Misuse) as caught:
                send(director, act, sim_signer(name))
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


def test_who_holds_the_database_begins_no_rollout(fleet: SimFleet) -> None:
    """An act written into the tables beside the director is judged like one that it was handed."""
    act, stranger = an_act(fleet), sim_signer("stranger")
    device = fleet.device("camera-1")
    forged = act.to_bytes([(stranger.key_id, stranger.sign(act.payload))])
    fleet.stop("director")
    with used(open_database(fleet.home.database)) as database, database.begin() as connection:
        begun = {"rollout": "mine", "product": "camera", "release": act.sha256.hex()}
        connection.execute(insert(ROLLOUTS), {**begun, "opened": "[]", "forgiven": "[]"})
        said = {"rollout": "mine", "sequence": 1, "received_at": int(act.issued_at.timestamp())}
        connection.execute(insert(ACTS), {**said, "data": forged})
    fleet.start("director")

    assert device.live() is Ended.UNCHANGED
    assert fleet.told("mine")["halted"] == "by_operator"


def test_who_holds_the_database_has_no_word_of_his_own_believed(fleet: SimFleet) -> None:
    """A word changed in the tables, or one device's put before another: each is refused."""
    fleet.publish(1, ONE)
    first, second = fleet.device("camera-1"), fleet.device("camera-2")
    fleet.rollout(1, waves="100")
    with used(open_database(fleet.home.database)) as database:
        with database.begin() as connection:
            (mine,) = connection.execute(select(WORDS).where(WORDS.c.device == "camera-1"))
            words = {name: getattr(mine, name) for name in ("timestamp", "snapshot", "targets")}
            altered = {"targets": bytes(mine.targets).replace(b"/1.json", b"/9.json")}
            assert altered["targets"] != bytes(mine.targets)
            there = update(WORDS).where(WORDS.c.device == "camera-2")
            connection.execute(there.values(version=mine.version, **words))
        with pytest.raises(Refused) as caught:
            second.check()
        assert caught.value.code is Code.UPTANE_OTHER_DEVICE
        with database.begin() as connection:
            here = update(WORDS).where(WORDS.c.device == "camera-1")
            connection.execute(here.values(altered))
        with pytest.raises(Refused) as caught:
            first.check()
        assert caught.value.code is Code.TUF_MIX_TARGETS_DIGEST
    for device in (first, second):
        device.rest()
        assert not device.runs(ONE)
