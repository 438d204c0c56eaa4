"""TUF 5.5: the snapshot, and which versions of all others belong together."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from securesystemslib.signer import CryptoSigner

from firmhold.sim.attacker import Document, Edit
from firmhold.sim.clock import SimClock
from firmhold.sim.repository import SimRepository
from firmhold.trust.errors import Code, Fault, Refused
from firmhold.trust.faults import (
    Absent,
    DigestMismatch,
    Expired,
    LengthMismatch,
    QuorumUnmet,
    VersionMismatch,
    WrongType,
)
from firmhold.trust.tuf.dialect import PLAIN_TUF
from firmhold.trust.tuf.trusted_set import TrustedSet

Forge = Callable[[str, Edit], bytes]
Unmet = Callable[[Code, str, list[CryptoSigner]], QuorumUnmet]
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


def fault_of(do: Callable[[], object]) -> Fault:
    """The fault for which a step is refused."""
    with pytest.raises(Refused) as error:
        do()
    return error.value.fault


@pytest.fixture
def upto_strict_timestamp(strict_repository: SimRepository, clock: SimClock) -> TrustedSet:
    """What a device trusts that has accepted a timestamp with length and digest of its snapshot."""
    published = strict_repository.published
    pinned = TrustedSet.pin(published["root"], PLAIN_TUF)
    return pinned.accept_timestamp(published["timestamp"], clock.now())


def test_5_5_2_a_snapshot_is_the_file_that_the_timestamp_names(
    upto_strict_timestamp: TrustedSet, strict_repository: SimRepository, clock: SimClock
) -> None:
    """TUF 5.5.2: the very bytes that were named are trusted."""
    data = strict_repository.published["snapshot"]
    assert upto_strict_timestamp.accept_snapshot(data, clock.now()).snapshot is not None


def test_5_5_2_a_snapshot_of_another_length_is_refused(
    upto_strict_timestamp: TrustedSet, strict_repository: SimRepository, clock: SimClock
) -> None:
    """TUF 5.5.2: a byte more is another file, though every signature on it is good."""
    data = strict_repository.published["snapshot"]
    assert fault_of(
        lambda: upto_strict_timestamp.accept_snapshot(data + b" ", clock.now())
    ) == LengthMismatch(
        code=Code.TUF_MIX_SNAPSHOT_LENGTH,
        what="snapshot",
        expected=len(data),
        found=len(data) + 1,
    )


def test_5_5_2_a_snapshot_of_another_digest_is_refused(
    upto_strict_timestamp: TrustedSet, strict_repository: SimRepository, clock: SimClock
) -> None:
    """TUF 5.5.2: another file of equal length is refused, though it is rightly signed."""
    original = strict_repository.published["snapshot"]
    strict_repository.snapshot.expires += DAY
    data = strict_repository.sign(strict_repository.snapshot, strict_repository.signers["snapshot"])
    assert len(data) == len(original)
    fault = fault_of(lambda: upto_strict_timestamp.accept_snapshot(data, clock.now()))
    assert isinstance(fault, DigestMismatch)
    assert fault.code is Code.TUF_MIX_SNAPSHOT_DIGEST


def test_5_5_3_a_snapshot_not_signed_by_its_keys_is_refused(
    upto_timestamp: TrustedSet, repository: SimRepository, clock: SimClock, unmet: Unmet
) -> None:
    """TUF 5.5.3: only the root's snapshot keys sign snapshots."""
    data = repository.sign(repository.snapshot, repository.signers["timestamp"])
    expected = unmet(Code.TUF_SIGNATURES_SNAPSHOT, "snapshot", repository.signers["snapshot"])
    assert fault_of(lambda: upto_timestamp.accept_snapshot(data, clock.now())) == expected


def test_5_5_3_a_document_of_another_type_is_no_snapshot(
    upto_timestamp: TrustedSet, repository: SimRepository, clock: SimClock
) -> None:
    """TUF 5.5.3: metadata of another role do not stand in for a snapshot, whoever signed them."""
    data = repository.sign(repository.timestamp, repository.signers["snapshot"])
    expected = WrongType(code=Code.TUF_WRONG_TYPE, role="snapshot", found="timestamp")
    assert fault_of(lambda: upto_timestamp.accept_snapshot(data, clock.now())) == expected


@pytest.mark.parametrize("version", [1, 3, 2**63 - 1])
def test_5_5_4_a_snapshot_of_another_version_than_the_named_one_is_refused(
    upto_timestamp: TrustedSet, forge: Forge, clock: SimClock, version: int
) -> None:
    """TUF 5.5.4: neither an older nor a newer snapshot than the named one."""
    data = forge("snapshot", lambda signed: signed.update(version=version))
    expected = VersionMismatch(
        code=Code.TUF_MIX_SNAPSHOT_VERSION, role="snapshot", expected=2, found=version
    )
    assert fault_of(lambda: upto_timestamp.accept_snapshot(data, clock.now())) == expected


def remove_targets(signed: Document) -> None:
    """Take the top-level targets out of a snapshot."""
    del signed["meta"]["targets.json"]


def take_targets_back(signed: Document) -> None:
    """Name an older version of the top-level targets."""
    signed["meta"]["targets.json"]["version"] = 1


ROLLBACKS: dict[str, tuple[Edit, Fault]] = {
    "a role vanishes": (
        remove_targets,
        Absent(code=Code.TUF_REMOVED_FROM_SNAPSHOT, name="targets.json", listed_in="snapshot"),
    ),
    "a role goes back": (
        take_targets_back,
        VersionMismatch(code=Code.TUF_ROLLBACK_TARGETS, role="targets.json", expected=2, found=1),
    ),
}


@pytest.mark.parametrize(("edit", "expected"), ROLLBACKS.values(), ids=ROLLBACKS)
def test_5_5_5_no_role_of_the_trusted_snapshot_vanishes_or_goes_back(
    upto_snapshot: TrustedSet, forge: Forge, clock: SimClock, edit: Edit, expected: Fault
) -> None:
    """TUF 5.5.5: what the snapshot in force names, its successor names too, and no older."""
    data = forge("snapshot", edit)
    assert fault_of(lambda: upto_snapshot.accept_snapshot(data, clock.now())) == expected


@pytest.mark.parametrize(("edit", "expected"), ROLLBACKS.values(), ids=ROLLBACKS)
def test_5_5_5_no_role_of_a_remembered_snapshot_vanishes_or_goes_back(
    pinned: TrustedSet, forge: Forge, clock: SimClock, edit: Edit, expected: Fault
) -> None:
    """TUF 5.5.5: an expired snapshot of an earlier cycle serves the rollback checks."""
    yesterday = f"{clock.now() - DAY:%Y-%m-%dT%H:%M:%SZ}"
    stored = forge("snapshot", lambda signed: signed.update(expires=yesterday))
    timestamp = forge("timestamp", lambda _: None)
    remembering = pinned.restore(None, stored).accept_timestamp(timestamp, clock.now())
    data = forge("snapshot", edit)
    assert fault_of(lambda: remembering.accept_snapshot(data, clock.now())) == expected


@pytest.mark.parametrize(("edit", "expected"), ROLLBACKS.values(), ids=ROLLBACKS)
def test_5_5_5_a_newer_timestamp_does_not_make_the_set_forget_its_snapshot(
    upto_snapshot: TrustedSet, forge: Forge, clock: SimClock, edit: Edit, expected: Fault
) -> None:
    """TUF 5.5.5: what was trusted before the timestamp moved on still counts against a rollback."""
    newer = forge("timestamp", lambda signed: signed.update(version=3))
    data = forge("snapshot", edit)
    trusted = upto_snapshot.accept_timestamp(newer, clock.now())
    assert fault_of(lambda: trusted.accept_snapshot(data, clock.now())) == expected


def test_5_5_5_the_newer_of_two_known_snapshots_counts(
    pinned: TrustedSet, forge: Forge, clock: SimClock
) -> None:
    """TUF 5.5.5: what was accepted in this cycle counts, not what an earlier one left behind."""
    remembering = pinned.restore(None, forge("snapshot", lambda _: None))
    trusted = remembering.accept_timestamp(forge("timestamp", lambda _: None), clock.now())
    entry = {"version": 5}
    newer = forge("snapshot", lambda signed: signed["meta"].update({"targets.json": entry}))
    expected = VersionMismatch(
        code=Code.TUF_ROLLBACK_TARGETS, role="targets.json", expected=5, found=2
    )
    trusted = trusted.accept_snapshot(newer, clock.now())
    older = forge("snapshot", lambda _: None)
    assert fault_of(lambda: trusted.accept_snapshot(older, clock.now())) == expected


def test_5_5_5_roles_may_stay_go_on_and_join(
    upto_snapshot: TrustedSet, forge: Forge, clock: SimClock
) -> None:
    """TUF 5.5.5: an equal version, a newer one and a new role are no rollback."""

    def join(signed: Document) -> None:
        signed["meta"] |= {"new.json": {"version": 1}}

    joined = upto_snapshot.accept_snapshot(forge("snapshot", join), clock.now())
    assert joined.snapshot is not None
    assert sorted(joined.snapshot.value.meta) == ["new.json", "targets.json"]


def test_5_5_6_an_expired_snapshot_is_refused(
    upto_timestamp: TrustedSet, forge: Forge, clock: SimClock
) -> None:
    """TUF 5.5.6: at the moment of its expiry a snapshot is expired, a second before it is not."""
    expires = clock.now() + DAY
    text = f"{expires:%Y-%m-%dT%H:%M:%SZ}"
    data = forge("snapshot", lambda signed: signed.update(expires=text))
    assert upto_timestamp.accept_snapshot(data, expires - SECOND).snapshot is not None
    expected = Expired(code=Code.TUF_FREEZE_SNAPSHOT, role="snapshot", expires=expires, now=expires)
    assert fault_of(lambda: upto_timestamp.accept_snapshot(data, expires)) == expected


def test_a_new_snapshot_ends_the_trust_in_the_targets_of_the_older_one(
    upto_targets: TrustedSet, forge: Forge, clock: SimClock
) -> None:
    """Targets are judged under the snapshot in force, never under the one before."""
    newer = upto_targets.accept_snapshot(forge("snapshot", lambda _: None), clock.now())
    assert dict(newer.targets) == {}
    assert newer.timestamp == upto_targets.timestamp
