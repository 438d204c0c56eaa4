"""Row 3: a threshold that asks for nobody, or for more than there are."""

import pytest

from firmhold.sim.world import World
from firmhold.trust.encoding import JsonObject, JsonValue
from firmhold.trust.errors import Code
from firmhold.trust.faults import Malformed, QuorumUnmet

NO_THRESHOLDS: list[JsonValue] = [0, -1, True, "1", None, [1]]


@pytest.mark.parametrize("threshold", NO_THRESHOLDS, ids=repr)
@pytest.mark.parametrize("role", ["root", "timestamp", "snapshot", "targets"])
def test_a_root_whose_threshold_asks_for_nobody_is_refused(
    world: World, role: str, threshold: JsonValue
) -> None:
    """The thief of the root key signs a root that lets nobody vouch for a role: it is malformed."""
    assert world.device.update("a.bin") is None
    before = world.device.state()

    def ask_for_nobody(signed: dict[str, JsonObject]) -> None:
        signed["version"] = 2  # type: ignore[assignment]
        signed["roles"][role]["threshold"] = threshold  # type: ignore[call-overload, index]

    world.attacker.steal("root")
    world.attacker.serve("root", world.attacker.forge("root", ask_for_nobody), version=2)

    assert world.device.update("a.bin") == Code.TUF_SHAPE
    assert world.device.fault == Malformed(
        code=Code.TUF_SHAPE,
        where=f"signed.roles.{role}.threshold",
        expected="an integer of at least 1",
    )
    assert world.device.state() == before


@pytest.mark.parametrize("threshold", NO_THRESHOLDS, ids=repr)
def test_a_delegation_whose_threshold_asks_for_nobody_is_refused(
    bare_world: World, threshold: JsonValue
) -> None:
    """A delegation that nobody need sign for makes the whole delegator malformed."""
    world = bare_world
    world.repository.delegate("delegated")
    world.repository.release("delegated", "targets")
    assert world.device.update("a.bin") is None
    before = world.device.state()
    world.repository.publish("targets", "snapshot", "timestamp")

    def ask_for_nobody(signed: dict[str, dict[str, list[JsonObject]]]) -> None:
        signed["delegations"]["roles"][0]["threshold"] = threshold

    world.attacker.steal("targets")
    world.attacker.serve("targets", world.attacker.forge("targets", ask_for_nobody))

    assert world.device.update("a.bin") == Code.TUF_SHAPE
    assert world.device.fault == Malformed(
        code=Code.TUF_SHAPE,
        where="signed.delegations.roles[0].threshold",
        expected="an integer of at least 1",
    )
    published = world.repository.published
    kept = {f"metadata/{role}.json": published[role] for role in ("timestamp", "snapshot")}
    assert world.device.state() == {**before, **kept}


@pytest.mark.parametrize("threshold", [2, 2**31, 2**63 - 1])
def test_a_root_that_asks_for_more_than_its_keys_is_not_its_own_successor(
    world: World, threshold: int
) -> None:
    """A root that could never be followed is not taken: its own keys do not meet its threshold."""
    assert world.device.update("a.bin") is None
    before = world.device.state()

    world.repository.root.roles["root"].threshold = threshold
    world.repository.publish("root")

    assert world.device.update("a.bin") == Code.TUF_SIGNATURES_ROOT_BY_ITSELF
    assert world.device.fault == QuorumUnmet(
        code=Code.TUF_SIGNATURES_ROOT_BY_ITSELF,
        role="root",
        delegator="root",
        threshold=threshold,
        signed=world.repository.holders("root"),
        missing=(),
    )
    assert world.device.state() == before


def test_a_role_that_asks_for_more_than_its_keys_is_silent_until_the_next_root(
    world: World,
) -> None:
    """A root that silences the timestamp role is mended by the next one."""
    assert world.device.update("a.bin") is None
    before = world.device.state()

    world.repository.root.roles["timestamp"].threshold = 2**31
    world.repository.publish("root", "timestamp")

    assert world.device.update("a.bin") == Code.TUF_SIGNATURES_TIMESTAMP
    kept = {"metadata/root.json": world.repository.published["root"]}
    assert world.device.state() == {**before, **kept}

    world.repository.root.roles["timestamp"].threshold = 1
    world.repository.publish("root")
    assert world.device.update("a.bin") is None
