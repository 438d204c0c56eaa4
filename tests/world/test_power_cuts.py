"""The power fails in every durable operation of a device's life, and again in each recovery."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import pytest
from tests.world.plays import (
    Play,
    check_invariants,
    every_cut,
    live,
    plays,
    switched_on,
)

from firmhold.sim.desk import PowerCut
from firmhold.sim.flash import Fate
from firmhold.sim.machine import Durables
from firmhold.update.journal import Phase

Figure = Callable[[str], None]
NAMES = ("install", "first", "sick", "hang", "withdrawn", "withdrawn on trial", "recover")
KINDS = {"atomic rename": False, "vfat rename": True}


@contextmanager
def told(history: str) -> Iterator[None]:
    """Say which history it was, if something fails."""
    try:
        yield
    except Exception as error:
        error.add_note(f"replay({history!r})")
        raise


@dataclass(slots=True)
class Tally:
    """How many cuts were made, and what they left; what was seen once is not played again."""

    vfat: bool
    cuts: int = 0
    left: dict[Durables, str] = field(default_factory=dict)

    def play(self, play: Play, begin: Durables, history: str) -> list[Durables]:
        """Cut one life at every operation; return what was left that had not been seen yet."""
        new = []
        for cut in every_cut(play, begin, vfat=self.vfat):
            self.cuts += 1
            if cut.left not in self.left:
                self.left[cut.left] = f"{history}, {cut.operation} {cut.fate}"
                new.append(cut.left)
        return new


def cut_for_real(
    play: Play, begin: Durables, *, vfat: bool, operation: int, fate: Fate
) -> Durables:
    """Let a device live until its power fails in an operation; return what is left."""
    machine = switched_on(play, begin, vfat=vfat)
    machine.supply.cut_at(operation, fate)
    with suppress(PowerCut):
        live(machine, play)
    return machine.after_cut(Fate.KEPT)


def replay(history: str, *, vfat: bool) -> Durables:
    """Play a history again, by its description: the play, then operation and fate of each cut."""
    name, *cuts = history.split(", ")
    play = plays()[name]
    left = play.begin
    for cut in cuts:
        operation, fate = cut.split(" ")
        left = cut_for_real(play, left, vfat=vfat, operation=int(operation), fate=Fate(fate))
    return left


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_two_cuts_at_any_operations_leave_a_device_that_finishes(
    name: str, kind: str, figure: Figure
) -> None:
    """Cut anywhere, and anywhere in the recovery from that: good boots, the work is finished."""
    play, vfat = plays()[name], KINDS[kind]
    tally = Tally(vfat)
    first = tally.play(play, play.begin, name)
    in_the_run = tally.cuts
    for left in first:
        with told(tally.left[left]):
            check_invariants(play, left, vfat=vfat)
            tally.play(play, left, tally.left[left])
    for left in list(tally.left)[len(first) :]:
        with told(tally.left[left]):
            check_invariants(play, left, vfat=vfat)
            machine = switched_on(play, left, vfat=vfat)
            play.ends(machine, live(machine, play))
    assert in_the_run >= 3 * 6
    assert tally.cuts > in_the_run
    figure(
        f"power cuts, {name}, {kind}: {in_the_run} in the run, "
        f"{tally.cuts - in_the_run} more in recoveries from them, {len(tally.left)} states left"
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["install", "sick"])
def test_a_cut_that_is_made_leaves_what_was_foreseen(name: str, kind: str) -> None:
    """What the machine says a cut would leave is what that cut leaves, at every operation."""
    play, vfat = plays()[name], KINDS[kind]
    for cut in every_cut(play, play.begin, vfat=vfat):
        history = f"{name}, {cut.operation} {cut.fate}"
        with told(history):
            assert replay(history, vfat=vfat) == cut.left


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", KINDS)
def test_many_cuts_in_a_row_are_survived(seed: int, kind: str) -> None:
    """However often the power fails: good boots each time, and in the end the device rests."""
    chance, vfat = random.Random(seed), KINDS[kind]
    name = chance.choice(NAMES)
    play = plays()[name]
    history, left = name, play.begin
    for _ in range(chance.randrange(3, 12)):
        operation, fate = chance.randrange(1, 40), chance.choice(list(Fate))
        history += f", {operation} {fate}"
        left = cut_for_real(play, left, vfat=vfat, operation=operation, fate=fate)
        with told(history):
            check_invariants(play, left, vfat=vfat)
    machine = switched_on(play, left, vfat=vfat)
    with told(history):
        state = live(machine, play)
        assert state.phase is Phase.IDLE
        assert machine.runs() in machine.source.images
        assert replay(history, vfat=vfat) == left
