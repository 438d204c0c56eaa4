"""Row 11: the device's clock is set by somebody else. A plain TUF client has no other time.

What it can promise: dates are judged by the clock as it is set, and versions never go back,
whatever the clock says. (A Firmhold device also has a floor under its time.)
"""

from datetime import timedelta

import pytest

from firmhold.sim.network import Replay
from firmhold.sim.world import World
from firmhold.trust.errors import Code
from firmhold.trust.faults import VersionMismatch

YEARS = timedelta(days=365)


@pytest.mark.parametrize("years", [-60, -1, 1, 60])
def test_no_clock_makes_an_old_version_good(world: World, years: int) -> None:
    """The attacker sets the clock at will and replays an old timestamp: versions never go back."""
    old = world.repository.published["timestamp"]
    for role in ("root", "targets", "snapshot", "timestamp"):
        world.repository.roles[role].expires = world.clock.now() + 99 * YEARS
    world.repository.publish("root")
    world.repository.release("targets")
    assert world.device.update("a.bin") is None
    before = world.device.state()

    world.clock.advance(years * YEARS)
    world.network.on("*timestamp.json", Replay(old))

    assert world.device.update("a.bin") == Code.TUF_ROLLBACK_TIMESTAMP
    assert world.device.fault == VersionMismatch(
        code=Code.TUF_ROLLBACK_TIMESTAMP, role="timestamp", expected=3, found=2
    )
    assert world.device.state() == before


def test_a_clock_set_forward_costs_nothing_but_the_wait(world: World) -> None:
    """With the clock years ahead everything is expired; set right again, the device goes on."""
    assert world.device.update("a.bin") is None
    before = world.device.state()

    world.clock.advance(10 * YEARS)
    assert world.device.update("a.bin") == Code.TUF_FREEZE_ROOT
    assert world.device.state() == before

    world.clock.advance(-10 * YEARS)
    world.repository.release("targets")
    assert world.device.update("a.bin") is None


def test_a_clock_set_back_does_not_undo_what_was_learnt(world: World) -> None:
    """With the clock at 1970 nothing looks expired, yet a role cannot vanish or go back."""
    world.repository.release("targets")
    assert world.device.update("a.bin") is None
    before = world.device.state()

    world.clock.advance(-60 * YEARS)
    world.repository.snapshot.meta["targets.json"].version -= 1
    world.repository.publish("snapshot", "timestamp")

    assert world.device.update("a.bin") == Code.TUF_ROLLBACK_TARGETS
    kept = {"metadata/timestamp.json": world.repository.published["timestamp"]}
    assert world.device.state() == {**before, **kept}


def test_expired_at_the_clock_as_it_is_set_means_expired(world: World) -> None:
    """Time and again the clock moves over the date and back: each run judges by its own moment."""
    assert world.device.update("a.bin") is None
    before = world.device.state()
    month = world.repository.timestamp.expires - world.clock.now()

    answers = []
    for step in (month, -month, month, -month):
        world.clock.advance(step)
        answers.append(world.device.update("a.bin"))

    assert answers == [Code.TUF_FREEZE_ROOT, None, Code.TUF_FREEZE_ROOT, None]
    assert world.device.state() == before
