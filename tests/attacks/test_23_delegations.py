"""Row 23: delegations that reach too far, or lead nowhere and for ever."""

import pytest

from firmhold.sim.world import World
from firmhold.trust.errors import Code
from firmhold.trust.faults import Absent, OverLimit
from firmhold.trust.tuf.delegations import MAX_DEPTH, MAX_ROLES


def asked(world: World) -> list[str]:
    """The delegated roles that were asked for, in order."""
    asked_for = [path.rpartition("/") for path in world.network.requests]
    names = [name for folder, _, name in asked_for if folder == "/metadata"]
    roles = [name.split(".")[1] for name in names if name.count(".") == 2]
    return [role for role in roles if role not in {"root", "snapshot", "targets"}]


def publish(world: World, *roles: str) -> None:
    """Publish delegated roles and everything above them; the device catches up."""
    world.repository.release(*roles, "targets")
    assert world.device.update("a.bin") is None
    world.network.requests.clear()


NOT_COVERED = [
    ("firmware/*", "boot/loader.bin"),
    ("firmware/*", "firmware/deep/x.bin"),
    ("firmware/?.bin", "firmware/ab.bin"),
    ("*.bin", "x.exe"),
    ("*", "folder/x"),
    ("firmware/*", "FIRMWARE/x.bin"),
    ("firmware/*", "firmware"),
    ("firmware/*", "../firmware/x"),
    ("firmware/*", "/firmware/x"),
]


@pytest.mark.parametrize(("pattern", "path"), NOT_COVERED)
def test_a_role_speaks_for_its_pattern_only(world: World, pattern: str, path: str) -> None:
    """The holder of a delegated key signs for a file beyond its pattern: nobody asks that role."""
    world.repository.delegate("delegated", paths=[pattern])
    world.repository.add_target("delegated", path, b"evil")
    publish(world, "delegated")
    before = world.device.state()

    assert world.device.update(path) == Code.TUF_NO_SUCH_TARGET
    assert world.device.fault == Absent(
        code=Code.TUF_NO_SUCH_TARGET, name=path, listed_in="targets"
    )
    assert asked(world) == []
    assert world.device.state() == before


def test_a_delegate_cannot_widen_what_it_was_given(world: World) -> None:
    """A role hands all paths on to an accomplice, who still gets only those of the chain above."""
    world.repository.delegate("narrow", paths=["narrow/*"])
    world.repository.delegate("wide", by="narrow", paths=["*", "*/*"])
    world.repository.add_target("wide", "boot/loader.bin", b"evil")
    world.repository.add_target("wide", "narrow/x.bin", b"good")
    publish(world, "wide", "narrow")

    assert world.device.update("boot/loader.bin") == Code.TUF_NO_SUCH_TARGET
    assert asked(world) == []
    assert world.device.update("narrow/x.bin") is None
    assert asked(world) == ["narrow", "wide"]


def test_a_role_that_the_snapshot_does_not_name_is_not_asked(world: World) -> None:
    """A delegated role is left out of the snapshot: its words belong to no moment."""
    world.repository.delegate("delegated", paths=["d.bin"])
    world.repository.add_target("delegated", "d.bin", b"delegated")
    world.repository.publish("targets", "delegated")
    del world.repository.snapshot.meta["delegated.json"]
    world.repository.publish("snapshot", "timestamp")
    assert world.device.update("a.bin") is None
    before = world.device.state()

    assert world.device.update("d.bin") == Code.TUF_NOT_IN_SNAPSHOT
    assert world.device.fault == Absent(
        code=Code.TUF_NOT_IN_SNAPSHOT, name="delegated", listed_in="snapshot"
    )
    assert world.device.state() == before


def test_a_circle_of_delegations_is_walked_once(world: World) -> None:
    """Three roles delegate in a circle, and to themselves: each is asked once, then it is over."""
    world.repository.delegate("a")
    world.repository.delegate("b", by="a")
    world.repository.delegate("c", by="b")
    world.repository.delegate("a", by="c")
    world.repository.delegate("b", by="b")
    publish(world, "a", "b", "c")

    assert world.device.update("nowhere") == Code.TUF_NO_SUCH_TARGET
    assert asked(world) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("depth", "code"), [(MAX_DEPTH, None), (MAX_DEPTH + 1, Code.TUF_DELEGATION_TOO_DEEP)]
)
def test_a_chain_of_delegations_has_an_end(world: World, depth: int, code: Code | None) -> None:
    """A chain as long as anybody may need is followed; one link more is refused."""
    roles = [f"role-{number}" for number in range(1, depth + 1)]
    for parent, role in zip(["targets", *roles], roles, strict=False):
        world.repository.delegate(role, by=parent)
    world.repository.add_target(roles[-1], "deep.bin", b"deep")
    publish(world, *roles)

    assert world.device.update("deep.bin") == code
    if code is not None:
        assert world.device.fault == OverLimit(code=code, what=roles[-2], limit=MAX_DEPTH)
    assert asked(world) == roles[:MAX_DEPTH]


@pytest.mark.parametrize(
    ("count", "code"), [(MAX_ROLES, None), (MAX_ROLES + 1, Code.TUF_DELEGATION_TOO_MANY)]
)
def test_one_search_asks_a_bounded_number_of_roles(
    world: World, count: int, code: Code | None
) -> None:
    """As many roles as anybody may need are asked for one file; the next one is refused."""
    roles = [f"role-{number}" for number in range(1, count + 1)]
    for role in roles:
        world.repository.delegate(role)
    world.repository.add_target(roles[-1], "last.bin", b"last")
    publish(world, *roles)

    assert world.device.update("last.bin") == code
    if code is not None:
        assert world.device.fault == OverLimit(code=code, what=roles[-1], limit=MAX_ROLES)
    assert asked(world) == roles[:MAX_ROLES]


def test_a_terminating_delegation_ends_the_search(world: World) -> None:
    """A later role offers what the terminating one does not have: it is not asked (5.6.7.2.1)."""
    world.repository.delegate("first", paths=["x.bin"], terminating=True)
    world.repository.delegate("below", by="first")
    world.repository.delegate("second", paths=["x.bin"])
    world.repository.add_target("second", "x.bin", b"evil")
    publish(world, "first", "below", "second")

    assert world.device.update("x.bin") == Code.TUF_NO_SUCH_TARGET
    assert asked(world) == ["first", "below"]


def test_a_terminating_delegation_deep_down_ends_the_whole_search(world: World) -> None:
    """The end of a search holds for every branch that is still waiting, not only the nearest."""
    world.repository.delegate("first")
    world.repository.delegate("end", by="first", terminating=True)
    world.repository.delegate("sibling", by="first")
    world.repository.delegate("second")
    for role in ("sibling", "second"):
        world.repository.add_target(role, "x.bin", b"evil")
    publish(world, "first", "end", "sibling", "second")

    assert world.device.update("x.bin") == Code.TUF_NO_SUCH_TARGET
    assert asked(world) == ["first", "end"]


def test_the_role_that_is_named_first_has_the_say(world: World) -> None:
    """Two roles name one path: the delegator's order decides, and the other is not even asked."""
    world.repository.delegate("first", paths=["x.bin"])
    world.repository.delegate("second", paths=["x.bin"])
    world.repository.add_target("second", "x.bin", b"evil")
    world.repository.add_target("first", "x.bin", b"good")
    publish(world, "first", "second")

    assert world.device.update("x.bin") is None
    assert world.device.state()["targets/x.bin"] == b"good"
    assert asked(world) == ["first"]
