"""Row 9: a new root that only the old keys, or only the new ones, have signed."""

from collections.abc import Callable

import pytest

from firmhold.sim.world import World
from firmhold.trust.errors import Code
from firmhold.trust.faults import QuorumUnmet

MakeWorld = Callable[..., World]
BY_OLD, BY_NEW = Code.TUF_SIGNATURES_ROOT_BY_TRUSTED, Code.TUF_SIGNATURES_ROOT_BY_ITSELF

CASES = {
    "only-the-old": (2, 0, BY_NEW),
    "only-the-new": (0, 2, BY_OLD),
    "one-of-each": (1, 1, BY_OLD),
    "all-old-one-new": (2, 1, BY_NEW),
    "one-old-all-new": (1, 2, BY_OLD),
    "nobody": (0, 0, BY_OLD),
}


@pytest.mark.parametrize("case", CASES)
def test_a_root_needs_the_threshold_of_both_sides(make_world: MakeWorld, case: str) -> None:
    """A root with new keys is refused unless enough of the old and of the new holders signed."""
    old, new, code = CASES[case]
    world = make_world(thresholds=2)
    assert world.device.update("a.bin") is None
    before, trusted = world.device.state(), world.repository.holders("root")

    retired = world.repository.rotate("root")
    newcomers = list(world.repository.signers["root"])
    world.repository.signers["root"] = retired[:old] + newcomers[:new]
    world.repository.publish("root")

    assert world.device.update("a.bin") == code
    fault = world.device.fault
    assert isinstance(fault, QuorumUnmet)
    seats = set(trusted if code is BY_OLD else world.repository.holders("root"))
    assert (fault.role, fault.delegator, fault.threshold) == ("root", "root", 2)
    assert set(fault.signed) | set(fault.missing) == seats
    assert len(fault.signed) == (old if code is BY_OLD else new)
    assert world.device.state() == before

    world.repository.signers["root"] = retired + newcomers
    world.repository.write("root")
    assert world.device.update("a.bin") is None
    assert world.device.state()["metadata/root.json"] == world.repository.published["root"]


def test_retired_root_keys_make_no_further_root(make_world: MakeWorld) -> None:
    """The thief of keys that were rotated away signs a third root with them: too late."""
    world = make_world(thresholds=2)
    world.attacker.steal("root")
    retired = world.repository.rotate("root")
    world.repository.signers["root"] += retired
    world.repository.publish("root")
    assert world.device.update("a.bin") is None
    before = world.device.state()

    forged = world.attacker.forge("root", lambda signed: signed.update(version=3))
    world.attacker.serve("root", forged, version=3)

    assert world.device.update("a.bin") == BY_OLD
    assert world.device.state() == before
