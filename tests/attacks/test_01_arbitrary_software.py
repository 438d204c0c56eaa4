"""Row 1: metadata that nobody with a key signed, and files that nobody signed for."""

from collections.abc import Callable
from typing import Any

import pytest
from securesystemslib.signer import CryptoSigner

from firmhold.sim.network import Alter
from firmhold.sim.world import World
from firmhold.trust.errors import Code
from firmhold.trust.faults import DigestMismatch, QuorumUnmet

Forger = Callable[[World, str], bytes]

REFUSED_BY = {
    "root": Code.TUF_SIGNATURES_ROOT_BY_TRUSTED,
    "timestamp": Code.TUF_SIGNATURES_TIMESTAMP,
    "snapshot": Code.TUF_SIGNATURES_SNAPSHOT,
    "targets": Code.TUF_SIGNATURES_TARGETS,
    "delegated": Code.TUF_SIGNATURES_DELEGATED,
}
BEFORE = ["root", "timestamp", "snapshot", "targets", "delegated"]
"""The order in which a client asks: what stands before the forged role is good and is kept."""


def evil(signed: dict[str, Any]) -> None:
    """What the attacker wants the device to believe."""
    signed["x-evil"] = "everything is fine"


def unsigned(world: World, role: str) -> bytes:
    """No signature at all."""
    return world.attacker.sign(world.attacker.signed_part(role, evil), [])


def own_key(world: World, role: str) -> bytes:
    """A good signature of a key that nobody delegated to."""
    return world.attacker.forge(role, evil, [CryptoSigner.generate_ed25519()])


def own_key_under_their_id(world: World, role: str) -> bytes:
    """A good signature of the attacker's key, labelled with the id of the right one."""
    key_id = world.repository.signers[role][0].public_key.keyid.encode()
    own = CryptoSigner.generate_ed25519()
    forged = world.attacker.forge(role, evil, [own])
    return forged.replace(own.public_key.keyid.encode(), key_id)


def altered_under_old_signatures(world: World, role: str) -> bytes:
    """The genuine signatures over a text that was changed afterwards."""
    return world.attacker.with_signatures_of(role, evil)


def key_of_another_role(world: World, role: str) -> bytes:
    """A good signature of a key that is trusted, but for something else."""
    other = "timestamp" if role != "timestamp" else "snapshot"
    return world.attacker.forge(role, evil, world.repository.signers[other])


def signature_that_is_no_signature(world: World, role: str) -> bytes:
    """The right key id with a text for a signature."""
    genuine = world.repository.signers[role][0]
    signed = world.attacker.sign(world.attacker.signed_part(role, evil), [genuine])
    return signed.replace(b'"sig": "', b'"sig": "zz')


FORGERS = [
    unsigned,
    own_key,
    own_key_under_their_id,
    altered_under_old_signatures,
    key_of_another_role,
    signature_that_is_no_signature,
]


@pytest.mark.parametrize("forger", FORGERS, ids=lambda forger: forger.__name__)
@pytest.mark.parametrize("role", REFUSED_BY)
def test_metadata_that_the_role_did_not_sign_are_refused(
    bare_world: World, role: str, forger: Forger
) -> None:
    """The attacker puts a document of his own in a role's place: the device stops at that role."""
    world = bare_world
    world.repository.delegate("delegated")
    world.repository.add_target("delegated", "d.bin", b"delegated")
    world.repository.release("delegated", "targets")
    assert world.device.update("a.bin", "d.bin") is None
    before = world.device.state()

    world.repository.publish("root", "delegated", "targets", "snapshot", "timestamp")
    world.attacker.serve(role, forger(world, role))

    assert world.device.update("d.bin") == REFUSED_BY[role]
    assert world.device.fault == QuorumUnmet(
        code=REFUSED_BY[role],
        role=role,
        delegator="targets" if role == "delegated" else "root",
        threshold=1,
        signed=(),
        missing=world.repository.holders(role, by="targets" if role == "delegated" else "root"),
    )
    published = world.repository.published
    kept = {f"metadata/{name}.json": published[name] for name in BEFORE[: BEFORE.index(role)]}
    assert world.device.state() == {**before, **kept}

    world.repository.write(role)
    assert world.device.update("d.bin") is None


def test_a_file_that_was_swapped_on_the_wire_is_refused(world: World) -> None:
    """The attacker swaps the image itself and leaves the metadata alone: its digest tells."""
    assert world.device.update() is None
    before = world.device.state()

    world.network.on("*a.bin", Alter(lambda body: body.replace(b"first", b"wurst")))

    assert world.device.update("a.bin") == Code.TUF_TARGET_DIGEST
    assert isinstance(world.device.fault, DigestMismatch)
    assert world.device.fault.what == "a.bin"
    assert world.device.state() == before

    world.network.calm()
    assert world.device.update("a.bin") is None


def test_a_file_that_nobody_signed_for_is_not_fetched(world: World) -> None:
    """The attacker puts a file next to the genuine ones: no metadata name it, so nobody asks."""
    assert world.device.update("a.bin") is None
    before = world.device.state()

    (world.repository.folder / "targets" / "evil.bin").write_bytes(b"evil")

    assert world.device.update("evil.bin") == Code.TUF_NO_SUCH_TARGET
    assert not any("evil" in path for path in world.network.requests)
    assert world.device.state() == before
