"""Row 24: a delegated role that was verified once is offered again under another delegation."""

from firmhold.sim.network import Replay
from firmhold.sim.world import World
from firmhold.trust.errors import Code
from firmhold.trust.faults import QuorumUnmet


def test_a_cached_role_is_judged_by_the_keys_of_today(bare_world: World) -> None:
    """The delegator takes the role's key away; what the thief signed with it is dead at once."""
    world = bare_world
    world.repository.delegate("delegated", paths=["d.bin"])
    world.repository.add_target("delegated", "d.bin", b"delegated")
    world.repository.release("delegated", "targets")
    assert world.device.update("d.bin") is None
    stale = world.repository.published["delegated"]

    world.repository.signers["delegated"].clear()
    world.repository.delegate("delegated", paths=["d.bin"])
    world.repository.release("targets")
    world.repository.write("delegated")
    world.network.on("*.delegated.json", Replay(stale))
    before = world.device.state()

    assert world.device.update("d.bin") == Code.TUF_SIGNATURES_DELEGATED
    assert world.device.fault == QuorumUnmet(
        code=Code.TUF_SIGNATURES_DELEGATED,
        role="delegated",
        delegator="targets",
        threshold=1,
        signed=(),
        missing=world.repository.holders("delegated", by="targets"),
    )
    published = world.repository.published
    kept = {
        f"metadata/{role}.json": published[role] for role in ("timestamp", "snapshot", "targets")
    }
    assert world.device.state() == {**before, **kept}

    world.network.calm()
    assert world.device.update("d.bin") is None
    assert world.device.state()["metadata/delegated.json"] == published["delegated"]


def test_two_delegators_of_one_role_each_ask_for_their_own_keys(bare_world: World) -> None:
    """What one delegator's key signed does not speak where another delegator names other keys."""
    world = bare_world
    world.repository.delegate("left", paths=["left.bin"])
    world.repository.delegate("right", paths=["right.bin"])
    world.repository.delegate("shared", by="left", paths=["left.bin"])
    left_keys = list(world.repository.signers["shared"])
    world.repository.delegate("shared", by="right", paths=["right.bin"])
    world.repository.signers["shared"] = left_keys
    world.repository.add_target("shared", "left.bin", b"left")
    world.repository.add_target("shared", "right.bin", b"evil")
    world.repository.release("shared", "left", "right", "targets")
    assert world.device.update("left.bin") is None
    before = world.device.state()

    assert world.device.update("right.bin") == Code.TUF_SIGNATURES_DELEGATED
    fault = world.device.fault
    assert isinstance(fault, QuorumUnmet)
    assert (fault.role, fault.delegator) == ("shared", "right")
    kept = {"metadata/right.json": world.repository.published["right"]}
    assert world.device.state() == {**before, **kept}


def test_the_answer_is_the_same_in_one_run_as_in_two(bare_world: World) -> None:
    """A role that is already trusted in this very run is judged again under its other delegator."""
    world = bare_world
    world.repository.delegate("left", paths=["left.bin"])
    world.repository.delegate("right", paths=["right.bin"])
    world.repository.delegate("shared", by="left", paths=["left.bin"])
    left_keys = list(world.repository.signers["shared"])
    world.repository.delegate("shared", by="right", paths=["right.bin"])
    world.repository.signers["shared"] = left_keys
    world.repository.add_target("shared", "left.bin", b"left")
    world.repository.add_target("shared", "right.bin", b"evil")
    world.repository.release("shared", "left", "right", "targets")

    assert world.device.update("left.bin", "right.bin") == Code.TUF_SIGNATURES_DELEGATED
    assert "targets/right.bin" not in world.device.state()


def test_keys_of_the_top_level_that_were_rotated_end_a_cached_role_too(bare_world: World) -> None:
    """The targets key is rotated; the cached top-level role is fetched anew, not taken as it is."""
    world = bare_world
    assert world.device.update("a.bin") is None
    stale = world.repository.published["targets"]

    world.repository.rotate("targets")
    world.repository.publish("root")
    world.repository.write("targets")
    world.network.on("*.targets.json", Replay(stale))

    assert world.device.update("a.bin") == Code.TUF_SIGNATURES_TARGETS
    world.network.calm()
    assert world.device.update("a.bin") is None
    assert world.device.state()["metadata/targets.json"] == world.repository.published["targets"]
