"""The walk through every world that the device in the small can come to."""

import gc
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache

from tests.update.abstraction import NEW_DEVICE, Chances, World, moves
from tests.update.invariants import OF_MOVES, OF_WORLDS


@dataclass(slots=True)
class Explored:
    """What was reached, and how each world was reached first."""

    came_from: dict[World, tuple[World, str] | None] = field(default_factory=dict)
    transitions: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def history(self, world: World) -> str:
        """The moves that lead to a world."""
        names: list[str] = []
        step = self.came_from[world]
        while step is not None:
            names.insert(0, step[1])
            step = self.came_from[step[0]]
        return " > ".join(names)


def explore(chances: Chances, of_worlds: Sequence[Callable[[World], bool]]) -> Explored:
    """Walk through every world that can be reached, and hold each, and each move, to the laws."""
    found = Explored({NEW_DEVICE: None})
    frontier = [NEW_DEVICE]
    while frontier and not found.broken:
        reached: list[World] = []
        for world in frontier:
            broken = [law.__name__ for law in of_worlds if not law(world)]
            for name, after in moves(world, chances):
                found.transitions += 1
                found.kinds[name] += 1
                broken += [
                    f"{name}: {law.__name__}" for law in OF_MOVES if not law(world, name, after)
                ]
                quiet = after if after.said is None else after._replace(said=None)
                if quiet not in found.came_from:
                    found.came_from[quiet] = (world, name)
                    reached.append(quiet)
            found.broken += [f"{found.history(world)} > {law}" for law in broken]
        frontier = reached
    return found


@cache
def everything() -> Explored:
    """All that can be reached with every chance there is; explored once in a process."""
    with unmeasured():
        return explore(Chances(), OF_WORLDS)


@contextmanager
def unmeasured() -> Iterator[None]:
    """Collect neither garbage nor coverage meanwhile: both would look at every move.

    A million worlds are no garbage; every line that is run here is run by measured tests as well.
    """
    tracer = sys.gettrace()
    sys.settrace(None)
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        sys.settrace(tracer)
