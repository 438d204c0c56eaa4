"""The world of the attack tests: a vendor with one published file, a wire and a device."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.attacks.flashed import with_release_one
from tests.attacks.stolen import steal

from firmhold.drill.rehearsal import Rehearsal
from firmhold.sim.fleet import SimFleet
from firmhold.sim.stolen_gateway import StolenGateway
from firmhold.sim.world import World

MakeWorld = Callable[..., World]


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[MakeWorld]:
    """Make a world in which `a.bin` is published; `thresholds` keys a role."""
    with ExitStack() as stack:

        def make(name: str = "world", *, thresholds: int = 1, names_digests: bool = True) -> World:
            world = stack.enter_context(World(tmp_path / name, thresholds=thresholds))
            world.repository.names_digests = names_digests
            world.repository.add_target("targets", "a.bin", b"the first version")
            world.repository.release("targets")
            return world

        yield make


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[SimFleet]:
    """A server that listens, on which nothing is published yet."""
    with SimFleet(tmp_path) as made:
        yield made


@pytest.fixture
def device(tmp_path: Path) -> Rehearsal:
    """A device on flash that runs its vendor's release 1."""
    return with_release_one(tmp_path)


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """A world with one key a role; snapshot and timestamp name digests."""
    return make_world()


@pytest.fixture
def bare_world(make_world: MakeWorld) -> World:
    """A world whose snapshot and timestamp name versions only, so that signatures stand alone."""
    return make_world(names_digests=False)


@pytest.fixture
def stolen(fleet: SimFleet, monkeypatch: pytest.MonkeyPatch) -> StolenGateway:
    """The fleet's gateway, in the attacker's hands."""
    return steal(fleet, monkeypatch)
