"""TUF 5.2 and 5.3: the root and its successors."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from securesystemslib.signer import CryptoSigner

from firmhold.sim.attacker import Document, Edit
from firmhold.sim.clock import SimClock
from firmhold.sim.repository import SimRepository
from firmhold.trust.errors import Code, Fault, Refused
from firmhold.trust.faults import Expired, QuorumUnmet, VersionMismatch, WrongType
from firmhold.trust.tuf.dialect import PLAIN_TUF
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


def test_5_2_a_root_signed_by_its_own_keys_can_be_pinned(repository: SimRepository) -> None:
    """TUF 5.2: a root that came by a safe way begins the trust; nothing is trusted below it."""
    trusted = TrustedSet.pin(repository.published["root"], PLAIN_TUF)
    assert trusted.root.value.version == 1
    assert (trusted.timestamp, trusted.snapshot, dict(trusted.targets)) == (None, None, {})
    assert trusted.remembered == Remembered(None, None)


def test_5_2_a_root_that_its_own_keys_did_not_sign_cannot_be_pinned(
    repository: SimRepository, unmet: Unmet
) -> None:
    """TUF 5.2: a damaged or foreign file is not taken for a root."""
    data = repository.sign(repository.root, [CryptoSigner.generate_ed25519()])
    expected = unmet(Code.TUF_SIGNATURES_ROOT_BY_ITSELF, "root", repository.signers["root"])
    assert fault_of(lambda: TrustedSet.pin(data, PLAIN_TUF)) == expected


def test_5_2_a_document_of_another_type_cannot_be_pinned(repository: SimRepository) -> None:
    """TUF 5.2: only root metadata begin the trust."""
    data = repository.published["snapshot"]
    expected = WrongType(code=Code.TUF_WRONG_TYPE, role="root", found="snapshot")
    assert fault_of(lambda: TrustedSet.pin(data, PLAIN_TUF)) == expected


def test_5_3_4_a_root_signed_by_old_and_new_keys_is_trusted(
    pinned: TrustedSet, repository: SimRepository
) -> None:
    """TUF 5.3.4: a new root holds when a threshold of either root's keys signed it."""
    old = repository.rotate("root")
    trusted = pinned.accept_root(next_root(repository, *old, *repository.signers["root"]))
    assert trusted.root.value.version == 2


def test_5_3_4_a_root_not_signed_by_the_trusted_one_is_refused(
    pinned: TrustedSet, repository: SimRepository, unmet: Unmet
) -> None:
    """TUF 5.3.4: new keys alone do not make a successor."""
    old = repository.rotate("root")
    data = next_root(repository, *repository.signers["root"])
    expected = unmet(Code.TUF_SIGNATURES_ROOT_BY_TRUSTED, "root", old)
    assert fault_of(lambda: pinned.accept_root(data)) == expected


def test_5_3_4_a_root_not_signed_by_itself_is_refused(
    pinned: TrustedSet, repository: SimRepository, unmet: Unmet
) -> None:
    """TUF 5.3.4: old keys alone do not make a successor."""
    old = repository.rotate("root")
    data = next_root(repository, *old)
    expected = unmet(Code.TUF_SIGNATURES_ROOT_BY_ITSELF, "root", repository.signers["root"])
    assert fault_of(lambda: pinned.accept_root(data)) == expected


def test_5_3_4_a_document_of_another_type_is_no_root(
    pinned: TrustedSet, repository: SimRepository
) -> None:
    """TUF 5.3.4: metadata of another role do not stand in for a root, whoever signed them."""
    data = repository.sign(repository.snapshot, repository.signers["root"])
    expected = WrongType(code=Code.TUF_WRONG_TYPE, role="root", found="snapshot")
    assert fault_of(lambda: pinned.accept_root(data)) == expected


@pytest.mark.parametrize("version", [1, 3, 2**63 - 1], ids=["same", "skipped", "far ahead"])
def test_5_3_5_a_root_that_is_not_the_very_next_is_refused(
    pinned: TrustedSet, forge: Forge, version: int
) -> None:
    """TUF 5.3.5: roots follow one by one; none is skipped and none comes again."""
    data = forge("root", lambda signed: signed.update(version=version))
    expected = VersionMismatch(code=Code.TUF_ROOT_VERSION, role="root", expected=2, found=version)
    assert fault_of(lambda: pinned.accept_root(data)) == expected


def test_5_3_5_a_root_does_not_go_back(pinned: TrustedSet, forge: Forge) -> None:
    """TUF 5.3.5: an older root under the trusted keys is refused."""
    second = pinned.accept_root(forge("root", lambda signed: signed.update(version=2)))
    first = forge("root", lambda signed: signed.update(version=1))
    expected = VersionMismatch(code=Code.TUF_ROOT_VERSION, role="root", expected=3, found=1)
    assert fault_of(lambda: second.accept_root(first)) == expected


def test_5_3_6_an_expired_root_on_the_way_to_a_newer_one_is_trusted(
    pinned: TrustedSet, forge: Forge, clock: SimClock
) -> None:
    """TUF 5.3.6: a device that was long away walks over expired roots to the present one."""
    long_ago = dated(clock.now() - 1000 * DAY)
    data = forge("root", lambda signed: signed.update(version=2, expires=long_ago))
    assert pinned.accept_root(data).root.value.version == 2


def test_5_3_7_a_new_root_knows_nothing_below_itself(
    upto_targets: TrustedSet, forge: Forge
) -> None:
    """TUF 5.3.7: what the old root's keys signed is not believed under the new one by itself."""
    new = upto_targets.accept_root(forge("root", lambda signed: signed.update(version=2)))
    assert new == TrustedSet(PLAIN_TUF, new.root)


def test_5_3_10_an_expired_root_ends_the_update(
    pinned: TrustedSet, repository: SimRepository
) -> None:
    """TUF 5.3.10: at the moment of its expiry a root is expired, a second before it is not."""
    expires = repository.root.expires
    pinned.require_fresh_root(expires - SECOND)
    expected = Expired(code=Code.TUF_FREEZE_ROOT, role="root", expires=expires, now=expires)
    assert fault_of(lambda: pinned.require_fresh_root(expires)) == expected


@pytest.mark.parametrize("role", ["timestamp", "snapshot"])
def test_5_3_11_a_replaced_key_is_a_rotation(
    pinned: TrustedSet, repository: SimRepository, role: str
) -> None:
    """TUF 5.3.11: when a timestamp or snapshot key may sign no more, its role was rotated."""
    repository.rotate(role)
    new = pinned.accept_root(next_root(repository, *repository.signers["root"]))
    assert new.rotates_from(pinned)


@pytest.mark.parametrize("role", ["root", "targets"])
def test_5_3_11_a_replaced_key_of_another_role_is_no_rotation(
    pinned: TrustedSet, repository: SimRepository, role: str
) -> None:
    """TUF 5.3.11: only timestamp and snapshot keys matter to what is remembered of those two."""
    old = repository.rotate(role)
    signers = {*repository.signers["root"], *(old if role == "root" else [])}
    assert not pinned.accept_root(next_root(repository, *signers)).rotates_from(pinned)


@pytest.mark.parametrize("role", ["timestamp", "snapshot"])
def test_5_3_11_an_added_key_is_no_rotation(
    pinned: TrustedSet, repository: SimRepository, role: str
) -> None:
    """TUF 5.3.11: one more key takes nothing away from the others; removing it again does."""
    repository.grant(role, CryptoSigner.generate_ed25519())
    more = pinned.accept_root(next_root(repository, *repository.signers["root"]))
    assert not more.rotates_from(pinned)
    assert pinned.rotates_from(more)


@pytest.mark.parametrize("role", ["timestamp", "snapshot"])
def test_5_3_11_a_key_under_another_name_is_no_rotation(
    pinned: TrustedSet, forge: Forge, role: str
) -> None:
    """TUF 5.3.11: a key is the same key when the table calls it otherwise."""

    def rename(signed: Document) -> None:
        key_id = signed["roles"][role]["keyids"][0]
        signed["keys"]["another"] = signed["keys"].pop(key_id)
        signed["roles"][role]["keyids"] = ["another"]
        signed["version"] = 2

    assert not pinned.accept_root(forge("root", rename)).rotates_from(pinned)
