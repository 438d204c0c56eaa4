"""Row 4: signatures by keys that the delegator does not list, or lists for something else."""

from collections.abc import Callable

import pytest
from securesystemslib.signer import CryptoSigner, SSlibKey

from firmhold.sim.attacker import disguised
from firmhold.sim.world import World
from firmhold.trust.errors import Code
from firmhold.trust.faults import QuorumUnmet

Prepare = Callable[[World, CryptoSigner], None]
STRANGER = "not-in-the-table"


def named(signer: CryptoSigner, key_id: str) -> CryptoSigner:
    """The same private key, signing under another id."""
    key = signer.public_key
    renamed = SSlibKey(key_id, key.keytype, key.scheme, dict(key.keyval))
    return disguised(signer, renamed)


def id_without_a_key(world: World, _own: CryptoSigner) -> None:
    """The role names an id for which the table has no key."""
    world.repository.root.roles["timestamp"].keyids.append(STRANGER)


def key_without_a_role(world: World, own: CryptoSigner) -> None:
    """The table has the key, and no role names it."""
    world.repository.root.keys[STRANGER] = named(own, STRANGER).public_key


def key_of_an_unknown_scheme(world: World, own: CryptoSigner) -> None:
    """The role names a key whose scheme nobody knows."""
    world.repository.root.roles["timestamp"].keyids.append(STRANGER)
    public = dict(own.public_key.keyval)
    world.repository.root.keys[STRANGER] = SSlibKey(STRANGER, "ed25519", "ed25519-plus", public)


def key_of_another_kind(world: World, own: CryptoSigner) -> None:
    """The role names a key whose type and scheme contradict each other."""
    world.repository.root.roles["timestamp"].keyids.append(STRANGER)
    public = dict(own.public_key.keyval)
    world.repository.root.keys[STRANGER] = SSlibKey(STRANGER, "rsa", "ed25519", public)


PREPARATIONS = [
    id_without_a_key,
    key_without_a_role,
    key_of_an_unknown_scheme,
    key_of_another_kind,
]


@pytest.mark.parametrize("prepare", PREPARATIONS, ids=lambda prepare: prepare.__name__)
def test_a_key_that_is_not_listed_for_the_role_counts_for_nothing(
    world: World, prepare: Prepare
) -> None:
    """A root with an entry that is no key keeps working, and that entry's holder has no vote."""
    own = CryptoSigner.generate_ed25519()
    prepare(world, own)
    world.repository.publish("root")
    assert world.device.update("a.bin") is None
    before = world.device.state()

    forged = world.attacker.forge("timestamp", lambda signed: signed, [named(own, STRANGER)])
    world.attacker.serve("timestamp", forged)

    assert world.device.update("a.bin") == Code.TUF_SIGNATURES_TIMESTAMP
    assert world.device.fault == QuorumUnmet(
        code=Code.TUF_SIGNATURES_TIMESTAMP,
        role="timestamp",
        delegator="root",
        threshold=1,
        signed=(),
        missing=world.repository.holders("timestamp"),
    )
    assert world.device.state() == before


@pytest.mark.parametrize("key_id", ["", STRANGER, "__proto__", "../timestamp"], ids=repr)
def test_the_right_key_under_an_unlisted_id_counts_for_nothing(world: World, key_id: str) -> None:
    """Even a genuine key cannot sign under an id that the root does not know."""
    assert world.device.update("a.bin") is None
    before = world.device.state()

    genuine = world.repository.signers["timestamp"][0]
    forged = world.attacker.forge("timestamp", lambda signed: signed, [named(genuine, key_id)])
    world.attacker.serve("timestamp", forged)

    assert world.device.update("a.bin") == Code.TUF_SIGNATURES_TIMESTAMP
    assert world.device.state() == before


def test_signatures_of_strangers_do_not_spoil_a_good_one(world: World) -> None:
    """Whoever sits on the wire can add signatures; the genuine one still counts."""
    assert world.device.update("a.bin") is None

    strangers = [CryptoSigner.generate_ed25519() for _ in range(20)]
    genuine = world.repository.signers["timestamp"][0]
    world.repository.publish("timestamp")
    both = world.attacker.forge("timestamp", lambda signed: signed, [*strangers, genuine])
    world.attacker.serve("timestamp", both)

    assert world.device.update("a.bin") is None
    assert world.device.state()["metadata/timestamp.json"] == both
