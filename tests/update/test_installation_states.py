"""Every reachable state of an installation in the small, and every move from each."""

from collections.abc import Callable, Iterable

import pytest
from tests.update.abstraction import (
    ACCEPTED,
    Chances,
    Memory,
    World,
    lucky,
    stepped,
)
from tests.update.exploration import everything, explore, unmeasured
from tests.update.invariants import (
    OF_WORLDS,
    invariant_cuts_alone_never_need_recovery,
)

from firmhold.update.actions import CopyPieces, RaiseFloor, WriteExtent
from firmhold.update.events import Begin, Done, Event, Judged, Measured, Started, Withdrawn, Written
from firmhold.update.journal import Phase, parse_state
from firmhold.update.slots import BAD, GOOD, BootRecord, Slot

Figure = Callable[[str], None]

CUTS_ONLY = Chances(sickness=False, amnesia=False, withdrawal=False)


def worlds_that_never_rest(worlds: Iterable[World]) -> list[World]:
    """Worlds from which good luck does not lead to a device at rest."""
    resting: set[World] = set()
    restless = []
    for world in worlds:
        path: set[World] = set()
        at: World | None = world
        while at is not None and at not in path and at not in resting:
            path.add(at)
            at = lucky(at)
        if at is None or at in resting:
            resting |= path
        else:
            restless.append(world)
    return restless


EVENTS: tuple[Event, ...] = (
    *(
        Started(running, BootRecord(Slot.A, *records), 0, withdrawn)
        for running in (Slot.A, Slot.B, None)
        for records in ((GOOD, BAD), (BAD, GOOD), (GOOD, GOOD), (BAD, BAD))
        for withdrawn in (False, True)
    ),
    *(Begin(accepted) for accepted in ACCEPTED),
    *(Withdrawn(accepted.release.digest) for accepted in ACCEPTED),
    *(Written(index) for index in range(3)),
    *(Measured(whole) for whole in (False, True)),
    *(Judged(healthy) for healthy in (False, True)),
    Done(),
)
"""One of each kind and more, in place or out of place."""


def careless(known: Memory, event: Event) -> bool:
    """Tell whether an event makes the machine write where it runs, or raise the floor early."""
    after = stepped(known, event)
    if after is None:
        return not isinstance(event, Begin)
    state, actions = after[0].memory.state, after[0].pending
    return any(
        (isinstance(action, WriteExtent | CopyPieces) and action.slot is state.running)
        or (isinstance(action, RaiseFloor) and state.phase is not Phase.RAISING)
        for action in actions
    )


def test_with_power_cuts_alone_a_device_never_needs_its_recovery_system(figure: Figure) -> None:
    """Whenever the power fails, whatever a trial does: a slot boots, and there is a way back."""
    found = explore(CUTS_ONLY, (*OF_WORLDS, invariant_cuts_alone_never_need_recovery))
    assert found.broken == []
    assert worlds_that_never_rest(found.came_from) == []
    assert {world.state.phase for world in found.came_from} == set(Phase)
    assert found.kinds.keys() >= {"cut", "torn mark", "torn prefer", "unhealthy", "raise"}
    figure(f"states, cuts alone: {len(found.came_from)} states, {found.transitions} transitions")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.xdist_group("exploration")
def test_whatever_happens_the_invariants_hold(figure: Figure) -> None:
    """Sick systems, rotten slots, lost memory and withdrawn releases included: each law holds."""
    found = everything()
    assert found.broken == []
    with unmeasured():
        assert worlds_that_never_rest(found.came_from) == []
    assert {world.state.phase for world in found.came_from} == set(Phase)
    assert {"amnesia", "watchdog", "read back rotten", "withdraw 1", "start withdrawn"} <= set(
        found.kinds
    )
    assert {world.running for world in found.came_from} == {Slot.A, Slot.B, None}
    known = {world.mind.memory for world in found.came_from}
    with unmeasured():
        assert [memory for memory in known for event in EVENTS if careless(memory, event)] == []
        assert [m for m in known if parse_state(m.state.to_bytes()) != m.state] == []
    figure(
        f"states, everything: {len(found.came_from)} states, {found.transitions} transitions; "
        f"{len(known)} memories x {len(EVENTS)} events"
    )
