"""The simulated repository is a good one until it is told to lie."""

import json
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner, SSlibKey
from tuf.api.metadata import Metadata, Root, Targets

from firmhold.sim.attacker import Attacker, disguised
from firmhold.sim.clock import BEGIN, SimClock
from firmhold.sim.repository import ALL, LIFETIME, SimRepository
from firmhold.trust.encoding import canonical_json


@pytest.fixture
def repository(tmp_path: Path) -> SimRepository:
    """A new repository."""
    return SimRepository(tmp_path, SimClock())


def read(repository: SimRepository, role: str) -> dict[str, object]:
    """The signed part of what is served for a role."""
    signed: dict[str, object] = json.loads(repository.metadata_place(role).read_bytes())["signed"]
    return signed


def test_a_new_repository_is_whole(repository: SimRepository) -> None:
    """Every role is served in its first version, signed, and good for its lifetime."""
    for role in ALL:
        signed = read(repository, role)
        assert (signed["version"], signed["_type"]) == (1, role)
        assert repository.roles[role].expires == BEGIN + LIFETIME
    root = Metadata[Root].from_bytes(repository.published["root"])
    root.verify_delegate("root", root)
    targets = Metadata[Targets].from_bytes(repository.published["targets"])
    root.verify_delegate("targets", targets)


def test_thresholds_are_as_many_keys(tmp_path: Path) -> None:
    """A threshold of three means three keys a role, and all of them sign."""
    repository = SimRepository(tmp_path, SimClock(), thresholds=3)
    assert {role: len(repository.holders(role)) for role in ALL} == dict.fromkeys(ALL, 3)
    assert len(json.loads(repository.published["root"])["signatures"]) == 3


def test_a_publication_raises_the_version(repository: SimRepository) -> None:
    """Who is published again gets the next number, and the old file stays."""
    repository.release("targets")
    assert [repository.roles[role].version for role in ALL] == [1, 2, 2, 2]
    assert repository.metadata_place("targets", 1).exists()
    assert repository.snapshot.meta["targets.json"].version == 2
    assert repository.timestamp.snapshot_meta.version == 2


def test_digests_are_named_unless_told_otherwise(repository: SimRepository) -> None:
    """Snapshot and timestamp name lengths and digests, or versions only."""
    named = [bool(repository.timestamp.snapshot_meta.hashes)]
    repository.names_digests = False
    repository.release("targets")
    named += [bool(repository.timestamp.snapshot_meta.hashes)]
    named += [bool(repository.snapshot.meta["targets.json"].length)]
    assert named == [True, False, False]


def test_without_consistent_snapshots_names_are_plain(repository: SimRepository) -> None:
    """Roots always bear their number, the others only in a consistent snapshot."""
    assert repository.metadata_place("snapshot").name == "1.snapshot.json"
    repository.root.consistent_snapshot = False
    assert repository.metadata_place("snapshot").name == "snapshot.json"
    assert repository.metadata_place("root").name == "1.root.json"
    assert repository.metadata_place("timestamp").name == "timestamp.json"


def test_a_rotation_replaces_every_key(repository: SimRepository) -> None:
    """New keys stand where the old ones stood, which are handed out."""
    before = repository.holders("snapshot")
    old = repository.rotate("snapshot")
    repository.publish("root")
    assert len(old) == len(before) == 1
    assert set(repository.holders("snapshot")).isdisjoint(before)


def test_a_target_is_served_by_each_of_its_digests(repository: SimRepository) -> None:
    """A file stands under its consistent names, below the folder of targets and nowhere else."""
    for path in ("a.bin", "folder/a.bin", "../a.bin", "/a.bin", "."):
        repository.add_target("targets", path, path.encode())
    served = [file for file in (repository.folder / "targets").rglob("*") if file.is_file()]
    assert sorted(file.read_bytes() for file in served) == sorted(
        path.encode() for path in ("a.bin", "folder/a.bin", "../a.bin", "/a.bin", ".") for _ in "12"
    )
    assert {entry.name for entry in repository.folder.iterdir()} == {"metadata", "targets"}


def test_holders_of_a_delegated_role_are_its_delegators_word(repository: SimRepository) -> None:
    """Who may speak for a role is told by its delegator, whatever the ids; no key, no holder."""
    rule = repository.delegate("delegated")
    rule.keyids.append("no such key")
    repository.release("delegated", "targets")
    assert len(repository.holders("delegated", by="targets")) == 1


def test_hash_bins_cover_every_path(repository: SimRepository) -> None:
    """Each path belongs to exactly one of the bins, and one key signs for all of them."""
    repository.delegate_to_bins("bin", bits=3)
    delegations = repository.targets().delegations
    assert delegations is not None
    found = [list(delegations.get_roles_for_target(path)) for path in ("a", "b/c", "ü")]
    assert [len(roles) for roles in found] == [1, 1, 1]
    assert {name for roles in found for name, _ in roles} <= set(repository.roles)
    assert len({repository.signers[f"bin-{n}"][0].public_key.keyid for n in range(8)}) == 1


def test_an_edit_changes_the_file_and_nothing_else(repository: SimRepository) -> None:
    """What is on disk is changed; what was published is remembered as it was."""
    before = repository.published["timestamp"]
    repository.edit("timestamp", lambda data: data + b" ")
    assert repository.metadata_place("timestamp").read_bytes() == before + b" "
    assert repository.published["timestamp"] == before


def test_an_attacker_signs_with_what_was_stolen(repository: SimRepository) -> None:
    """A forged document bears one signature of each stolen key, over its canonical form."""
    attacker = Attacker(repository, [CryptoSigner.generate_ed25519()])
    attacker.steal("snapshot")
    attacker.steal("targets", 0)
    forged = json.loads(attacker.forge("snapshot", lambda signed: signed.update(x=1)))
    assert forged["signed"]["x"] == 1
    assert len(forged["signatures"]) == 2
    key = repository.signers["snapshot"][0]
    assert forged["signatures"][1] == key.sign(canonical_json(forged["signed"])).to_dict()


def test_an_attacker_without_keys_has_the_old_signatures(repository: SimRepository) -> None:
    """The signatures are the genuine ones and the text is another; to serve it changes no more."""
    attacker = Attacker(repository)
    altered = attacker.with_signatures_of("targets", lambda signed: signed.update(version=9))
    genuine = json.loads(repository.published["targets"])
    assert json.loads(altered)["signatures"] == genuine["signatures"]
    attacker.serve("targets", altered, version=9)
    assert repository.metadata_place("targets", 9).read_bytes() == altered
    assert json.loads(repository.published["targets"]) == genuine


def test_a_disguised_key_signs_under_the_other_name() -> None:
    """One private key speaks under any id that is wanted."""
    signer = CryptoSigner.generate_ed25519()
    key = signer.public_key
    other = SSlibKey("another id", key.keytype, key.scheme, dict(key.keyval))
    signature = disguised(signer, other).sign(b"payload")
    assert signature.keyid == "another id"
    assert signature.signature == signer.sign(b"payload").signature
