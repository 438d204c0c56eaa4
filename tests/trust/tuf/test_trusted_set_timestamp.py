"""TUF 5.4: the timestamp; and what is remembered of earlier ones."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from securesystemslib.signer import CryptoSigner

from firmhold.sim.attacker import Attacker, Document, Edit
from firmhold.sim.clock import SimClock
from firmhold.sim.repository import SimRepository
from firmhold.trust.errors import Code, Fault, Misuse, Refused, UsageFault
from firmhold.trust.faults import Expired, Malformed, QuorumUnmet, VersionMismatch, WrongType
from firmhold.trust.tuf.trusted_set import Remembered, TrustedSet

Forge = Callable[[str, Edit], bytes]
Unmet = Callable[[Code, str, list[CryptoSigner]], QuorumUnmet]
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


def fault_of(do: Callable[[], object]) -> Fault:
    """The fault for which a step is refused."""
    with pytest.raises(Refused) as error:
        do()
    return error.value.fault


def dated(when: datetime) -> str:
    """A moment as metadata write it."""
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def next_root(repository: SimRepository, *signers: CryptoSigner) -> bytes:
    """The repository's root as it stands, as the next version, signed by these keys."""
    repository.root.version += 1
    return repository.sign(repository.root, signers)


def test_5_4_2_a_timestamp_not_signed_by_its_keys_is_refused(
    pinned: TrustedSet, repository: SimRepository, clock: SimClock, unmet: Unmet
) -> None:
    """TUF 5.4.2: only the root's timestamp keys sign timestamps."""
    data = repository.sign(repository.timestamp, repository.signers["snapshot"])
    expected = unmet(Code.TUF_SIGNATURES_TIMESTAMP, "timestamp", repository.signers["timestamp"])
    assert fault_of(lambda: pinned.accept_timestamp(data, clock.now())) == expected


def test_5_4_2_a_document_of_another_type_is_no_timestamp(
    pinned: TrustedSet, repository: SimRepository, clock: SimClock
) -> None:
    """TUF 5.4.2: metadata of another role do not stand in for a timestamp, whoever signed them."""
    data = repository.sign(repository.snapshot, repository.signers["timestamp"])
    expected = WrongType(code=Code.TUF_WRONG_TYPE, role="timestamp", found="snapshot")
    assert fault_of(lambda: pinned.accept_timestamp(data, clock.now())) == expected


def test_5_4_3_1_an_older_timestamp_is_refused(
    upto_timestamp: TrustedSet, forge: Forge, clock: SimClock
) -> None:
    """TUF 5.4.3.1: a timestamp never goes back."""
    data = forge("timestamp", lambda signed: signed.update(version=1))
    expected = VersionMismatch(
        code=Code.TUF_ROLLBACK_TIMESTAMP, role="timestamp", expected=2, found=1
    )
    assert fault_of(lambda: upto_timestamp.accept_timestamp(data, clock.now())) == expected


def test_5_4_3_1_a_timestamp_of_the_same_version_changes_nothing(
    upto_targets: TrustedSet, forge: Forge, clock: SimClock
) -> None:
    """TUF 5.4.3.1: other bytes under an equal version are discarded, whatever they say."""
    data = forge("timestamp", lambda signed: signed["meta"]["snapshot.json"].update(version=9))
    assert upto_targets.accept_timestamp(data, clock.now()) == upto_targets


def test_5_4_3_1_a_remembered_timestamp_of_the_same_version_stays_in_force(
    pinned: TrustedSet, repository: SimRepository, forge: Forge, clock: SimClock
) -> None:
    """TUF 5.4.3.1: the stored timestamp, not the offered one, is trusted when both are equal."""
    remembering = pinned.restore(repository.published["timestamp"], None)
    data = forge("timestamp", lambda signed: signed["meta"]["snapshot.json"].update(version=9))
    accepted = remembering.accept_timestamp(data, clock.now())
    assert accepted.timestamp is remembering.remembered.timestamp


def test_5_4_3_1_the_date_of_a_discarded_timestamp_saves_nothing(
    pinned: TrustedSet, repository: SimRepository, forge: Forge
) -> None:
    """TUF 5.4.3.1: an equal version with a later date does not make the stored one fresh again."""
    remembering = pinned.restore(repository.published["timestamp"], None)
    now = repository.timestamp.expires
    repository.root.expires += DAY
    root = next_root(repository, *repository.signers["root"])
    later = forge("timestamp", lambda signed: signed.update(expires=dated(now + DAY)))
    trusted = replace(remembering.accept_root(root), remembered=remembering.remembered)
    expected = Expired(code=Code.TUF_FREEZE_TIMESTAMP, role="timestamp", expires=now, now=now)
    assert fault_of(lambda: trusted.accept_timestamp(later, now)) == expected


def test_5_4_3_2_a_timestamp_that_names_an_older_snapshot_is_refused(
    upto_timestamp: TrustedSet, forge: Forge, clock: SimClock
) -> None:
    """TUF 5.4.3.2: a newer timestamp does not lead back to an older snapshot."""

    def back(signed: Document) -> None:
        signed["version"] = 3
        signed["meta"]["snapshot.json"]["version"] = 1

    data = forge("timestamp", back)
    expected = VersionMismatch(
        code=Code.TUF_ROLLBACK_SNAPSHOT, role="snapshot", expected=2, found=1
    )
    assert fault_of(lambda: upto_timestamp.accept_timestamp(data, clock.now())) == expected


@pytest.mark.parametrize("by", [1, 5, 2**63 - 3])
def test_5_4_3_a_newer_timestamp_is_trusted(
    upto_timestamp: TrustedSet, forge: Forge, clock: SimClock, by: int
) -> None:
    """TUF 5.4.3: a timestamp may go on by any step, and name the same snapshot again."""
    data = forge("timestamp", lambda signed: signed.update(version=2 + by))
    accepted = upto_timestamp.accept_timestamp(data, clock.now()).timestamp
    assert accepted is not None
    assert accepted.value.version == 2 + by


def test_5_4_3_a_newer_timestamp_ends_the_trust_in_what_the_older_one_led_to(
    upto_targets: TrustedSet, forge: Forge, clock: SimClock
) -> None:
    """TUF 5.4.3: after a newer timestamp the older snapshot serves rollback checks only."""
    data = forge("timestamp", lambda signed: signed.update(version=3))
    newer = upto_targets.accept_timestamp(data, clock.now())
    assert (newer.snapshot, dict(newer.targets)) == (None, {})
    assert newer.remembered.snapshot == upto_targets.snapshot


def test_5_4_4_an_expired_timestamp_is_refused(
    pinned: TrustedSet, forge: Forge, clock: SimClock
) -> None:
    """TUF 5.4.4: at the moment of its expiry a timestamp is expired, a second before it is not."""
    data = forge("timestamp", lambda signed: signed.update(expires=dated(clock.now() + DAY)))
    expires = clock.now() + DAY
    assert pinned.accept_timestamp(data, expires - SECOND).timestamp is not None
    expected = Expired(
        code=Code.TUF_FREEZE_TIMESTAMP, role="timestamp", expires=expires, now=expires
    )
    assert fault_of(lambda: pinned.accept_timestamp(data, expires)) == expected


@pytest.mark.parametrize("version", [0, -1, True, 2**63, "7"])
@pytest.mark.parametrize("role", ["root", "timestamp"])
def test_a_version_that_is_no_plain_number_is_refused_though_it_is_signed(
    pinned: TrustedSet, forge: Forge, clock: SimClock, role: str, version: object
) -> None:
    """TUF 4.3: whoever signs `true`, a text or 2**63 as a version gets no further."""
    data = forge(role, lambda signed: signed.update(version=version))
    steps = {
        "root": lambda: pinned.accept_root(data),
        "timestamp": lambda: pinned.accept_timestamp(data, clock.now()),
    }
    fault = fault_of(steps[role])
    assert isinstance(fault, Malformed)
    assert fault.code is (Code.ENCODING_NUMBER if version == 2**63 else Code.TUF_SHAPE)


@pytest.mark.parametrize("version", ["7.0", "1e3", "9223372036854775808"])
def test_a_version_written_as_no_integer_is_refused_though_it_is_signed(
    pinned: TrustedSet, repository: SimRepository, clock: SimClock, version: str
) -> None:
    """TUF 4.3: fast-forward by a number that other readers would round or wrap is refused."""
    data = repository.published["timestamp"].removesuffix(b"2}}") + version.encode() + b"}}"
    fault = fault_of(lambda: pinned.accept_timestamp(data, clock.now()))
    assert fault.code is Code.ENCODING_NUMBER


def test_a_restored_timestamp_and_snapshot_are_remembered_and_not_trusted(
    pinned: TrustedSet, repository: SimRepository, clock: SimClock
) -> None:
    """What is stored serves the rollback checks, and opens no way to anything below it."""
    published = repository.published
    restored = pinned.restore(published["timestamp"], published["snapshot"])
    timestamp, snapshot = restored.remembered.timestamp, restored.remembered.snapshot
    assert timestamp is not None
    assert snapshot is not None
    assert (timestamp.value.version, snapshot.value.version) == (2, 2)
    assert restored == replace(pinned, remembered=Remembered(timestamp, snapshot))
    with pytest.raises(Misuse) as error:
        restored.accept_snapshot(published["snapshot"], clock.now())
    what = "no timestamp was accepted yet"
    assert error.value.fault == UsageFault(code=Code.MISUSE, what=what)


def test_a_restored_timestamp_that_has_expired_still_refuses_an_older_one(
    pinned: TrustedSet, forge: Forge, clock: SimClock
) -> None:
    """TUF 5.4.3: a long absence does not open the door to a rollback."""
    yesterday = dated(clock.now() - DAY)
    stored = forge("timestamp", lambda signed: signed.update(version=7, expires=yesterday))
    offered = forge("timestamp", lambda signed: signed.update(version=6))
    restored = pinned.restore(stored, None)
    expected = VersionMismatch(
        code=Code.TUF_ROLLBACK_TIMESTAMP, role="timestamp", expected=7, found=6
    )
    assert fault_of(lambda: restored.accept_timestamp(offered, clock.now())) == expected


def test_stored_metadata_that_the_present_keys_did_not_sign_are_not_remembered(
    pinned: TrustedSet, repository: SimRepository
) -> None:
    """A file that somebody put onto the disk says nothing."""
    stranger = Attacker(repository, [CryptoSigner.generate_ed25519()])
    timestamp, snapshot = (stranger.forge(role, lambda _: None) for role in ROLES_STORED)
    assert pinned.restore(timestamp, snapshot) == pinned


ROLES_STORED = ("timestamp", "snapshot")
NOT_METADATA = {"nothing": None, "no bytes": b"", "noise": b"\xff\x00", "no envelope": b"{}"}


@pytest.mark.parametrize("stored", NOT_METADATA.values(), ids=NOT_METADATA)
def test_stored_bytes_that_are_no_metadata_are_not_remembered(
    pinned: TrustedSet, stored: bytes | None
) -> None:
    """A damaged file is as good as none, and stops nothing."""
    assert pinned.restore(stored, stored) == pinned


def test_stored_metadata_of_another_type_are_not_remembered(
    pinned: TrustedSet, repository: SimRepository
) -> None:
    """A stored file in another one's place says nothing."""
    published = repository.published
    assert pinned.restore(published["snapshot"], published["timestamp"]) == pinned
