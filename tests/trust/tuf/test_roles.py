"""The four roles as values, and whose signatures count for them."""

import hashlib
import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Root

from firmhold.sim.attacker import Document, Edit
from firmhold.sim.repository import SimRepository
from firmhold.trust.digest import SNAPSHOT, TARGET_FILE, TARGETS, Expectation
from firmhold.trust.encoding import JsonObject, canonical_json
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Malformed
from firmhold.trust.keys import KeyIdentity, parse_public_key
from firmhold.trust.quorum import Holder, Tally
from firmhold.trust.tuf.dialect import FIRMHOLD, HOLDERS_FIELD, PLAIN_TUF, Dialect
from firmhold.trust.tuf.roles import (
    Authority,
    MetaFile,
    Targets,
    read_root,
    read_snapshot,
    read_targets,
    read_timestamp,
)
from firmhold.trust.tuf.wire import Envelope, parse_envelope

Forge = Callable[[str, Edit], bytes]
Read = Callable[[str, Edit], Envelope]
ANN, BOB = CryptoSigner.generate_ed25519(), CryptoSigner.generate_ed25519()
TIMESTAMP: dict[str, Any] = {
    "_type": "timestamp",
    "spec_version": "1.0.31",
    "version": 1,
    "expires": "2031-01-01T00:00:00Z",
    "meta": {"snapshot.json": {"version": 1}},
    "x-custom": "thing",
}


def identity(signer: CryptoSigner) -> KeyIdentity:
    """A signer's key, as the counter knows it."""
    key = parse_public_key(signer.public_key.to_dict())
    assert key is not None
    return key.identity


@pytest.fixture
def read(forge: Forge) -> Read:
    """The envelope around a role's newest metadata after an edit."""
    return lambda role, edit: parse_envelope(forge(role, edit), role, role)


def unchanged(_signed: Document) -> None:
    """Edit nothing."""


def without_snapshots(signed: Document) -> None:
    """Say nothing of consistent snapshots."""
    del signed["consistent_snapshot"]


def test_a_root_says_who_may_sign_for_each_role(read: Read, repository: SimRepository) -> None:
    """Each top-level role has the threshold and the keys that the root gives it, and no others."""
    repository.root.roles["targets"].threshold = 7
    repository.grant("targets", ANN)
    envelope = read("root", lambda signed: signed.update(repository.root.to_dict()))
    root = read_root(envelope, PLAIN_TUF)
    assert (root.version, root.expires) == (1, repository.root.expires)
    assert {
        role: (rule.role, rule.delegator, rule.threshold, rule.identities)
        for role, rule in root.authorities.items()
    } == {
        role: (
            role,
            "root",
            repository.root.roles[role].threshold,
            frozenset(map(identity, signers)),
        )
        for role, signers in repository.signers.items()
    }


@pytest.mark.parametrize(
    ("edit", "consistent"),
    [
        pytest.param(unchanged, True, id="true"),
        pytest.param(lambda s: s.update(consistent_snapshot=False), False, id="false"),
        pytest.param(without_snapshots, False, id="not said"),
    ],
)
def test_a_root_says_whether_snapshots_are_consistent(
    read: Read, edit: Edit, *, consistent: bool
) -> None:
    """Where the root says nothing, they are not (TUF 4.3)."""
    assert read_root(read("root", edit), PLAIN_TUF).consistent_snapshot is consistent


def test_an_optional_mirrors_role_of_a_root_is_ignored(read: Read) -> None:
    """A root that names signers of a mirror list is read like any other (TUF 4.3)."""
    mirrors = {"mirrors": {"keyids": [], "threshold": 1}}
    root = read_root(read("root", lambda s: s["roles"].update(mirrors)), PLAIN_TUF)
    assert sorted(root.authorities) == ["root", "snapshot", "targets", "timestamp"]


NO_KEYS = {
    "an unknown scheme": {**ANN.public_key.to_dict(), "scheme": "of tomorrow"},
    "an unknown key type": {"keytype": "of tomorrow", "scheme": "x", "keyval": {}},
    "a malformed key": {**ANN.public_key.to_dict(), "keyval": {"public": "no"}},
    "an empty entry": {},
}


@pytest.mark.parametrize("no_key", NO_KEYS.values(), ids=NO_KEYS)
def test_a_key_that_cannot_be_read_has_no_seat_in_a_root(
    read: Read, repository: SimRepository, no_key: Document
) -> None:
    """One key of tomorrow does not keep the keys of today from signing."""

    def add(signed: Document) -> None:
        signed["keys"]["strange"] = no_key
        signed["roles"]["timestamp"]["keyids"][:0] = ["strange", "nowhere"]

    authority = read_root(read("root", add), PLAIN_TUF).authorities["timestamp"]
    assert authority.identities == {*map(identity, repository.signers["timestamp"])}


def test_a_timestamp_names_a_snapshot(read: Read) -> None:
    """Version, length and digests of the snapshot come through, under the snapshot's codes."""
    entry = {"version": 5, "length": 6, "hashes": {"sha256": "0" * 64, "md5": "00"}, "x": 1}
    envelope = read("timestamp", lambda s: s["meta"].update({"snapshot.json": entry, "x": 1}))
    timestamp = read_timestamp(envelope, PLAIN_TUF)
    hashes = {"sha256": "0" * 64, "md5": "00"}
    assert timestamp.snapshot == MetaFile(5, Expectation("snapshot", 6, hashes, SNAPSHOT))
    assert (timestamp.version, timestamp.expires) == (2, envelope.expires)


def test_a_snapshot_names_the_versions_of_all_targets_roles(read: Read) -> None:
    """What is not said of a file stays unsaid."""
    meta = {"targets.json": {"version": 5}, "a.json": {"version": 6, "length": 7}}
    envelope = read("snapshot", lambda signed: signed.update(meta=meta))
    snapshot = read_snapshot(envelope, PLAIN_TUF)
    assert dict(snapshot.meta) == {
        "targets.json": MetaFile(5, Expectation("targets.json", None, {}, TARGETS)),
        "a.json": MetaFile(6, Expectation("a.json", 7, {}, TARGETS)),
    }
    assert (snapshot.version, snapshot.expires) == (2, envelope.expires)


CUSTOM: dict[str, Any] = {"hardware": ["a", {"b": None}]}


@pytest.fixture
def targets(repository: SimRepository, read: Read) -> Targets:
    """Targets metadata that name `x/a.bin` and delegate by pattern and by hash."""
    repository.add_target("targets", "x/a.bin", b"firmware")
    repository.delegate("first", paths=["x/*", "y/*/z"])
    repository.delegate("second", paths=["*"], terminating=True)
    repository.delegate("third", paths=["x/*"])
    repository.publish("targets")

    def customise(signed: Document) -> None:
        signed["targets"]["x/a.bin"]["custom"] = CUSTOM
        prefixes = {"path_hash_prefixes": [hashlib.sha256(b"x/a.bin").hexdigest()[:2]]}
        signed["delegations"]["roles"][2].update(prefixes)
        del signed["delegations"]["roles"][2]["paths"]

    return read_targets(read("targets", customise), PLAIN_TUF)


def test_targets_name_files(targets: Targets) -> None:
    """A file comes with its length, each digest, who spoke for it and what else was said of it."""
    target = targets.target("x/a.bin", "any role")
    assert target is not None
    digests = {name: hashlib.new(name, b"firmware").hexdigest() for name in ("sha256", "sha512")}
    assert target.expectation == Expectation("x/a.bin", 8, digests, TARGET_FILE)
    assert (target.path, target.role, target.custom) == ("x/a.bin", "any role", CUSTOM)


def test_targets_name_no_other_files(targets: Targets) -> None:
    """A path that was not signed for is not there, however near it is."""
    assert targets.target("x/A.bin", "targets") is None
    assert targets.target("a.bin", "targets") is None


def test_what_is_said_of_a_file_cannot_be_changed_by_a_reader(targets: Targets) -> None:
    """Each reader gets a copy; the verified one stays as it was signed."""
    target = targets.target("x/a.bin", "targets")
    assert target is not None
    assert isinstance(target.custom, dict)
    target.custom["hardware"] = "mine"
    again = targets.target("x/a.bin", "targets")
    assert again is not None
    assert again.custom == CUSTOM


PATHS = {
    "x/a.bin": [("first", False), ("third", False)],
    "x/b.bin": [("first", False)],
    "y/1/z": [("first", False)],
    "y/1/2/z": [],
    "x/1/2": [],
    "x": [("second", True)],
}


@pytest.mark.parametrize(("path", "roles"), PATHS.items(), ids=PATHS)
def test_5_6_7_2_the_roles_asked_are_those_whose_pattern_fits(
    targets: Targets, path: str, roles: list[tuple[str, bool]]
) -> None:
    """TUF 5.6.7.2: patterns fit part by part, hashes by prefix; a star reaches over no slash."""
    assert list(targets.delegates(path)) == roles


def test_a_delegator_says_who_may_sign_for_a_role(
    targets: Targets, repository: SimRepository
) -> None:
    """A delegated role has the keys and the threshold that its delegator gives it."""
    authority = targets.authority("first", "targets")
    assert authority is not None
    assert (authority.role, authority.delegator, authority.threshold) == ("first", "targets", 1)
    assert authority.identities == {*map(identity, repository.signers["first"])}
    assert targets.authority("fourth", "targets") is None


def test_targets_without_delegations_ask_nobody(read: Read) -> None:
    """Where nothing is delegated, no other role may sign for anything."""
    plain = read_targets(read("targets", unchanged), PLAIN_TUF)
    assert list(plain.delegates("x")) == []
    assert plain.authority("a", "targets") is None
    assert dict(plain.seats) == {}


def test_hash_bins_spread_the_paths_over_roles_of_one_authority(
    repository: SimRepository, read: Read
) -> None:
    """Each path belongs to one bin, asked last, and all bins have the same signers (TAP 15)."""
    repository.delegate_to_bins("bin", bits=5)
    repository.publish("targets")
    bins = read_targets(read("targets", unchanged), PLAIN_TUF)
    number = hashlib.sha256(b"x/a.bin").digest()[0] >> 3
    role = f"bin-{number:02x}"
    assert list(bins.delegates("x/a.bin")) == [(role, True)]
    authority = bins.authority(role, "targets")
    assert authority is not None
    assert (authority.role, authority.threshold) == (role, 1)
    assert authority.identities == {*map(identity, repository.signers[role])}
    no_bins = ["bin-20", "bin-1", "bin-001", "other-01", "bin-zz", "bin"]
    assert [bins.authority(name, "targets") for name in no_bins] == [None] * len(no_bins)


READERS: dict[str, Callable[[Envelope, Dialect], object]] = {
    "root": read_root,
    "timestamp": read_timestamp,
    "snapshot": read_snapshot,
    "targets": read_targets,
}


@pytest.mark.parametrize("role", READERS)
def test_reading_does_not_change_what_was_signed(
    read: Read, repository: SimRepository, role: str
) -> None:
    """An envelope can be read again, and its payload made again, after it was read."""
    repository.delegate("first")
    repository.publish("targets")
    envelope = read(role, lambda signed: signed.update({"x-custom": [1]}))
    before = deepcopy(envelope)
    first = READERS[role](envelope, PLAIN_TUF)
    assert envelope == before
    assert canonical_json(envelope.signed) == envelope.payload
    assert READERS[role](envelope, PLAIN_TUF) == first


def authority(threshold: int, *signers: CryptoSigner) -> Authority:
    """Keys that may sign, by a threshold."""
    keys: JsonObject = {key.public_key.keyid: key.public_key.to_dict() for key in signers}
    return Authority("r", "d", threshold, PLAIN_TUF.seats({}, keys))


def signed(*pairs: tuple[CryptoSigner, str]) -> Envelope:
    """An envelope with these signatures in their order; `good` stands for the good one."""
    payload = canonical_json(TIMESTAMP)
    signatures = [
        {"keyid": key.public_key.keyid, "sig": sig.replace("good", key.sign(payload).signature)}
        for key, sig in pairs
    ]
    data = json.dumps({"signed": TIMESTAMP, "signatures": signatures}).encode()
    return parse_envelope(data, "timestamp", "timestamp")


SIGNED_BY: dict[str, tuple[list[tuple[CryptoSigner, str]], list[CryptoSigner]]] = {
    "nobody": ([], []),
    "one": ([(ANN, "good")], [ANN]),
    "both": ([(BOB, "good"), (ANN, "good")], [ANN, BOB]),
    "one with an empty signature": ([(ANN, ""), (BOB, "good")], [BOB]),
    "both with empty signatures": ([(ANN, ""), (BOB, "")], []),
    "one with the other's signature": ([(ANN, BOB.sign(b"").signature), (BOB, "good")], [BOB]),
    "one in capitals": ([(ANN, ANN.sign(canonical_json(TIMESTAMP)).signature.upper())], [ANN]),
    "a stranger": ([(CryptoSigner.generate_ed25519(), "good")], []),
}


@pytest.mark.parametrize(("pairs", "signers"), SIGNED_BY.values(), ids=SIGNED_BY)
def test_good_signatures_of_an_authoritys_keys_count(
    pairs: list[tuple[CryptoSigner, str]], signers: list[CryptoSigner]
) -> None:
    """TUF 5.3.4: each key counts whose signature is good; others never count."""
    count = authority(2, ANN, BOB).tally(signed(*pairs))
    everybody, good = ({Holder(identity(key)) for key in keys} for keys in ([ANN, BOB], signers))
    assert count == Tally(2, tuple(sorted(good)), tuple(sorted(everybody - good)))
    assert count.met == (len(signers) == 2)


def test_a_signature_over_other_bytes_does_not_count() -> None:
    """What was signed is what is read, to the last custom field."""
    envelope = signed((ANN, "good"))
    other = replace(envelope, payload=envelope.payload.replace(b"thing", b"think"))
    assert authority(1, ANN).tally(envelope).met
    assert not authority(1, ANN).tally(other).met


def test_one_key_under_two_names_counts_once() -> None:
    """TUF 4.3: whoever holds one key is one, however often the table lists it."""
    entry = ANN.public_key.to_dict()
    capitals = {**entry, "keyval": {"public": entry["keyval"]["public"].upper()}}
    table: JsonObject = {"a": entry, "b": dict(entry), "c": capitals}
    seats = PLAIN_TUF.seats({}, table)
    assert len(seats) == 3
    sig = ANN.sign(canonical_json(TIMESTAMP)).signature
    signatures = [{"keyid": key_id, "sig": sig} for key_id in table]
    data = json.dumps({"signed": TIMESTAMP, "signatures": signatures}).encode()
    envelope = parse_envelope(data, "timestamp", "timestamp")
    count = Authority("r", "d", 2, seats).tally(envelope)
    assert (len(count.signed), count.missing, count.met) == (1, (), False)
    assert Authority("r", "d", 2, seats).identities == {identity(ANN)}


@pytest.mark.parametrize(
    ("retires", "counts"),
    [
        pytest.param(None, True, id="never"),
        pytest.param(timedelta(0), True, id="with the document"),
        pytest.param(timedelta(days=1), True, id="later"),
        pytest.param(timedelta(seconds=-1), False, id="a second before"),
    ],
)
def test_a_key_signs_for_nothing_that_outlives_it(
    retires: timedelta | None, *, counts: bool
) -> None:
    """No clock is asked: the document's own end is held against the last day of the key."""
    envelope = signed((ANN, "good"))
    own = authority(1, ANN)
    (key_id, seat), *_ = own.seats.items()
    day = None if retires is None else envelope.expires + retires
    retired = replace(own, seats={key_id: replace(seat, retires=day)})
    assert retired.tally(envelope).met is counts
    assert bool(retired.tally(envelope).signed) is counts


def held(holders: dict[CryptoSigner, str], threshold: int) -> Envelope:
    """A root in Firmhold's dialect whose timestamp keys have these holders, signed by all."""
    root = Root(expires=datetime(2031, 1, 1, tzinfo=UTC))
    for signer in holders:
        for role in root.roles:
            root.add_key(signer.public_key, role)
    root.roles["timestamp"].threshold = threshold
    declared = {key.public_key.keyid: name for key, name in holders.items()}
    root.unrecognized_fields[HOLDERS_FIELD] = declared
    return parse_envelope(SimRepository.sign(root, holders), "root", "root")


@pytest.mark.parametrize(
    ("holders", "met"),
    [
        pytest.param({ANN: "Ann", BOB: "Bob"}, True, id="two holders"),
        pytest.param({ANN: "Ann", BOB: "Ann"}, False, id="two keys of one holder"),
    ],
)
def test_a_quorum_of_two_takes_two_holders(holders: dict[CryptoSigner, str], *, met: bool) -> None:
    """A person with two keys is one person to a Firmhold device."""
    envelope = held(holders, 2)
    count = read_root(envelope, FIRMHOLD).authorities["timestamp"].tally(envelope)
    assert count.met is met
    assert set(count.signed) == set(holders.values())


def test_two_keys_of_one_holder_are_two_signers_to_a_plain_client() -> None:
    """What a Firmhold device demands beyond TUF does not keep plain clients out."""
    envelope = held({ANN: "Ann", BOB: "Ann"}, 2)
    assert read_root(envelope, PLAIN_TUF).authorities["timestamp"].tally(envelope).met


def test_a_delegator_declares_the_holders_of_its_delegated_keys() -> None:
    """Targets metadata that delegate without naming a holder are refused by a Firmhold device."""
    rule = {"name": "a", "keyids": [], "threshold": 1, "terminating": False, "paths": ["*"]}
    table = {ANN.public_key.keyid: ANN.public_key.to_dict()}
    fields: Document = {"_type": "targets", "targets": {}}
    fields["delegations"] = {"keys": table, "roles": [rule]}
    data = json.dumps({"signed": {**TIMESTAMP, **fields}, "signatures": []}).encode()
    envelope = parse_envelope(data, "targets", "targets")
    with pytest.raises(Refused) as error:
        read_targets(envelope, FIRMHOLD)
    where = f"signed.{HOLDERS_FIELD}.{ANN.public_key.keyid}"
    assert error.value.fault == Malformed(code=Code.TUF_HOLDERS, where=where, expected="a holder")
