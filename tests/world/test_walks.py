"""What chance does to a real device leads nowhere that the small one was not proved at."""

from collections.abc import Callable

import pytest
from tests.update.exploration import everything, unmeasured
from tests.world.walk import Sight, Walk, replay, small

from firmhold.update.journal import Phase

Figure = Callable[[str], None]
SEEDS = range(24)
STEPS = 150


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.xdist_group("exploration")
def test_every_state_of_a_real_device_is_one_that_was_proved(figure: Figure) -> None:
    """With real counters, images and limits, no walk leaves the states that were explored."""
    with unmeasured():
        reached = {small(world) for world in everything().came_from}
    walks = [replay(seed, STEPS) for seed in SEEDS]
    assert [astray for walk in walks for astray in strays(walk, reached)] == []
    assert {phase for walk in walks for phase in walk.phases} == set(Phase)
    sights = {sight for walk in walks for sight in walk.sights}
    figure(f"walks: {len(SEEDS) * STEPS} events, {len(sights)} of {len(reached)} states")


def strays(walk: Walk, reached: set[Sight]) -> list[str]:
    """What a walk saw that nobody has proved, and how to walk there again."""
    return [
        f"replay({walk.seed}, {STEPS}), event {event}, {walk.told[:event][-6:]}: {sight}"
        for sight, event in walk.sights.items()
        if sight not in reached
    ]


def test_a_walk_is_replayed_by_its_seed() -> None:
    """The same seed leads through the same events to the same states."""
    assert replay(7, 30).told == replay(7, 30).told
    assert replay(7, 30).sights == replay(7, 30).sights
    assert replay(7, 30).told != replay(8, 30).told
