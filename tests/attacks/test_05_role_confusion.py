"""Row 5: a genuine document of one role is served in the place of another."""

from itertools import permutations

import pytest

from firmhold.sim.world import World
from firmhold.trust.errors import Code
from firmhold.trust.faults import QuorumUnmet, WrongType

ROLES = ("root", "timestamp", "snapshot", "targets")


def share_one_key(world: World) -> None:
    """Let one key sign for every role: the worst case, in which only the type tells them apart."""
    for role in ROLES[1:]:
        world.repository.rotate(role)
        world.repository.grant(role, *world.repository.signers["root"])
        for signer in world.repository.signers[role][:-1]:
            world.repository.root.revoke_key(signer.public_key.keyid, role)
        world.repository.signers[role] = list(world.repository.signers["root"])
    world.repository.publish(*ROLES[:1], "targets", "snapshot", "timestamp")


@pytest.mark.parametrize(("place", "served"), list(permutations(ROLES, 2)))
def test_a_document_of_another_type_is_refused_whoever_signed_it(
    bare_world: World, place: str, served: str
) -> None:
    """One key signs for all roles, and still no role's document passes for another's."""
    world = bare_world
    share_one_key(world)
    assert world.device.update("a.bin") is None
    before = world.device.state()
    world.repository.publish("root", "targets", "snapshot", "timestamp")

    world.attacker.serve(place, world.repository.published[served])

    assert world.device.update("a.bin") == Code.TUF_WRONG_TYPE
    assert world.device.fault == WrongType(code=Code.TUF_WRONG_TYPE, role=place, found=served)
    kept = {
        f"metadata/{role}.json": world.repository.published[role]
        for role in ROLES[: ROLES.index(place)]
    }
    assert world.device.state() == {**before, **kept}

    world.repository.write(place)
    assert world.device.update("a.bin") is None


@pytest.mark.parametrize("served", ["root", "timestamp", "snapshot"])
def test_a_delegated_role_is_a_targets_document_or_nothing(bare_world: World, served: str) -> None:
    """A top-level document in the place of a delegated role is refused by its type."""
    world = bare_world
    world.repository.delegate("delegated")
    world.repository.release("delegated", "targets")
    assert world.device.update("a.bin") is None
    before = world.device.state()

    world.attacker.serve("delegated", world.repository.published[served])

    assert world.device.update("d.bin") == Code.TUF_WRONG_TYPE
    assert world.device.fault == WrongType(code=Code.TUF_WRONG_TYPE, role="delegated", found=served)
    assert world.device.state() == before


@pytest.mark.parametrize(("place", "served"), [("targets", "delegated"), ("delegated", "targets")])
def test_targets_documents_of_two_roles_are_told_apart_by_their_keys(
    bare_world: World, place: str, served: str
) -> None:
    """Two targets documents have one type, so the keys decide whose words they are."""
    world = bare_world
    world.repository.delegate("delegated")
    world.repository.release("delegated", "targets")
    world.attacker.serve(place, world.repository.published[served])

    refused = world.device.update("d.bin")

    assert refused in {Code.TUF_SIGNATURES_TARGETS, Code.TUF_SIGNATURES_DELEGATED}
    assert isinstance(world.device.fault, QuorumUnmet)
    assert (world.device.fault.role, world.device.fault.signed) == (place, ())
    assert f"metadata/{place}.json" not in world.device.state()
