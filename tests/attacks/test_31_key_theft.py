"""Row 31: keys are stolen. What each stolen set can make a device accept, and how it ends."""

import hashlib
from collections.abc import Callable, Mapping

import pytest
from securesystemslib.signer import CryptoSigner

from firmhold.sim.attacker import Document
from firmhold.sim.world import World
from firmhold.trust.errors import Code

MakeWorld = Callable[..., World]
Loot = Mapping[str, int]
Attempt = Callable[[World, Loot], str | None]
OLD, NEW, EVIL = b"the first version", b"the newer version", b"the thief's image"


def robbed_world(make_world: MakeWorld, loot: Loot) -> World:
    """A world of two keys a role, whose device has seen two versions; some keys are stolen."""
    world = make_world(thresholds=2, names_digests=False)
    for role in ("root", "targets", "snapshot"):
        world.repository.roles[role].expires = world.clock.now().replace(year=2032)
    world.repository.publish("root")
    world.repository.release("targets")
    world.repository.add_target("targets", "a.bin", NEW)
    world.repository.release("targets")
    assert world.device.update("a.bin") is None
    for role, count in loot.items():
        world.attacker.steal(role, count)
    return world


def forge(world: World, role: str, edit: Callable[[Document], object]) -> None:
    """Serve the next version of a role, changed and signed with whatever was stolen."""

    def next_version(signed: Document) -> None:
        signed["version"] += 1
        edit(signed)

    forged = world.attacker.signed_part(role, next_version)
    data = world.attacker.sign(forged)
    world.attacker.serve(role, data, version=forged["version"])


def new_software(world: World, loot: Loot) -> str | None:
    """Make the device take an image of the thief's own, by every key that there is."""
    digest = hashlib.sha256(EVIL).hexdigest()
    file = {"length": len(EVIL), "hashes": {"sha256": digest}}
    world.repository.target_place(f"{digest}.a.bin").write_bytes(EVIL)
    forge(world, "targets", lambda signed: signed["targets"].update({"a.bin": file}))
    forge(world, "snapshot", lambda signed: one_up(signed, "targets.json"))
    forge(world, "timestamp", lambda signed: one_up(signed, "snapshot.json"))
    if "root" in loot:
        forge(world, "root", lambda signed: signed.update(expires="2033-01-01T00:00:00Z"))
    return world.device.update("a.bin")


def one_up(signed: Document, below: str) -> None:
    """Name the next version of the role below."""
    signed["meta"][below]["version"] += 1


def rollback(world: World, loot: Loot) -> str | None:
    """Make the device go back to the image that it had before."""
    if loot.get("snapshot") == 2:
        forge(world, "snapshot", lambda signed: signed["meta"]["targets.json"].update(version=3))
        forge(world, "timestamp", lambda signed: one_up(signed, "snapshot.json"))
    else:
        forge(world, "timestamp", lambda s: s["meta"]["snapshot.json"].update(version=3))
    return world.device.update("a.bin")


def withholding(world: World, loot: Loot) -> str | None:
    """Keep the device from anything new, beyond the date of the last timestamp."""
    world.clock.advance(world.repository.timestamp.expires - world.clock.now())
    if loot.get("timestamp") == 2:
        forge(world, "timestamp", lambda signed: signed.update(expires="2031-06-01T00:00:00Z"))
    return world.device.update("a.bin")


ATTEMPTS: list[Attempt] = [new_software, rollback, withholding]
TIMESTAMP, SNAPSHOT, TARGETS, ROOT = (
    Code.TUF_SIGNATURES_TIMESTAMP,
    Code.TUF_SIGNATURES_SNAPSHOT,
    Code.TUF_SIGNATURES_TARGETS,
    Code.TUF_SIGNATURES_ROOT_BY_TRUSTED,
)
OLDER_SNAPSHOT, OLDER_TARGETS = Code.TUF_ROLLBACK_SNAPSHOT, Code.TUF_ROLLBACK_TARGETS
FROZEN = Code.TUF_FREEZE_TIMESTAMP
ONLINE = {"timestamp": 2, "snapshot": 2}

MATRIX: Mapping[str, tuple[Loot, tuple[Code | None, Code | None, Code | None]]] = {
    # stolen (two keys a role are needed)   new software, rollback,      withholding; None: it works
    "nothing": ({}, (TIMESTAMP, TIMESTAMP, FROZEN)),
    "1-timestamp": ({"timestamp": 1}, (TIMESTAMP, TIMESTAMP, FROZEN)),
    "timestamp": ({"timestamp": 2}, (SNAPSHOT, OLDER_SNAPSHOT, None)),
    "snapshot": ({"snapshot": 2}, (TIMESTAMP, TIMESTAMP, FROZEN)),
    "online": (ONLINE, (TARGETS, OLDER_TARGETS, None)),
    "1-targets": ({"targets": 1}, (TIMESTAMP, TIMESTAMP, FROZEN)),
    "targets": ({"targets": 2}, (TIMESTAMP, TIMESTAMP, FROZEN)),
    "online+1-targets": ({**ONLINE, "targets": 1}, (TARGETS, OLDER_TARGETS, None)),
    "1-root": ({"root": 1}, (ROOT, TIMESTAMP, FROZEN)),
    "online+1-targets+1-root": (
        {**ONLINE, "targets": 1, "root": 1},
        (ROOT, OLDER_TARGETS, None),
    ),
    "targets+1-root": ({"targets": 2, "root": 1}, (ROOT, TIMESTAMP, FROZEN)),
    "online+targets": ({**ONLINE, "targets": 2}, (None, OLDER_TARGETS, None)),
}


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda attempt: attempt.__name__)
@pytest.mark.parametrize("stolen", MATRIX)
def test_stolen_keys_do_what_the_table_says_until_they_are_rotated(
    make_world: MakeWorld, stolen: str, attempt: Attempt
) -> None:
    """The thief does the most that his keys allow; the next root takes all of it from him."""
    loot, outcomes = MATRIX[stolen]
    world = robbed_world(make_world, loot)

    assert attempt(world, loot) == outcomes[ATTEMPTS.index(attempt)]
    succeeded = attempt is new_software and outcomes[0] is None
    assert world.device.state()["targets/a.bin"] == (EVIL if succeeded else NEW)
    assert OLD not in world.device.state().values()

    rotate(world, loot)
    assert world.device.update("a.bin") is None
    assert world.device.state()["targets/a.bin"] == NEW
    recovered = world.device.state()

    assert new_software(world, loot) in {TIMESTAMP, ROOT}
    assert world.device.state() == recovered


def rotate(world: World, loot: Loot) -> None:
    """Take the stolen roles' keys out of a new root, and publish everything anew."""
    old = {role: world.repository.rotate(role) for role in loot}
    retired = old.get("root", [])
    world.repository.signers["root"] += retired
    for role in ("root", "targets", "snapshot", "timestamp"):
        world.repository.roles[role].expires = world.clock.now().replace(year=2034)
    world.repository.publish("root")
    for signer in retired:
        world.repository.signers["root"].remove(signer)
    # The online keys are cheap, and rotating them ends what the thief did to versions.
    world.repository.release("targets")


def test_a_stolen_delegated_key_speaks_for_its_paths_only(make_world: MakeWorld) -> None:
    """The thief of one product's key and of all online keys cannot touch another product."""
    world = make_world(names_digests=False)
    for product in ("p", "q"):
        world.repository.delegate(product, paths=[f"{product}/*"])
        world.repository.add_target(product, f"{product}/x.bin", product.encode())
    world.repository.release("p", "q", "targets")
    assert world.device.update("p/x.bin", "q/x.bin") is None

    for role in ("p", "snapshot", "timestamp"):
        world.attacker.steal(role)
    world.repository.add_target("p", "q/x.bin", EVIL)
    world.repository.add_target("p", "a.bin", EVIL)
    world.repository.add_target("p", "p/x.bin", EVIL)
    world.repository.release("p")

    assert world.device.update("q/x.bin", "a.bin", "p/x.bin") is None
    state = world.device.state()
    assert (state["targets/q%2Fx.bin"], state["targets/a.bin"]) == (b"q", OLD)
    assert state["targets/p%2Fx.bin"] == EVIL

    world.repository.signers["p"].clear()
    world.repository.delegate("p", paths=["p/*"])
    world.repository.add_target("p", "p/x.bin", b"p")
    world.repository.release("p", "targets")
    assert world.device.update("p/x.bin") is None
    assert world.device.state()["targets/p%2Fx.bin"] == b"p"


def test_a_quorum_of_root_keys_is_everything_and_for_good(make_world: MakeWorld) -> None:
    """The next root names the thief's keys alone: what the vendor signs afterwards is refused."""
    loot = {"root": 2}
    world = robbed_world(make_world, loot)
    own = [CryptoSigner.generate_ed25519(), CryptoSigner.generate_ed25519()]

    def all_roles_mine(signed: Document) -> None:
        signed["keys"].update({key.public_key.keyid: key.public_key.to_dict() for key in own})
        for role in signed["roles"].values():
            role.update(keyids=[key.public_key.keyid for key in own], threshold=2)

    world.attacker.keys += own
    forge(world, "root", all_roles_mine)
    assert new_software(world, {}) is None
    assert world.device.state()["targets/a.bin"] == EVIL

    rotate(world, loot)
    assert world.device.update("a.bin") is not None
    assert world.device.state()["targets/a.bin"] == EVIL
