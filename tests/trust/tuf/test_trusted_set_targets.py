"""TUF 5.6: targets, top-level and delegated; and that no step forgets its predecessors."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import pytest
from securesystemslib.signer import CryptoSigner

from firmhold.sim.attacker import Edit
from firmhold.sim.clock import SimClock
from firmhold.sim.repository import SimRepository
from firmhold.trust.errors import Code, Fault, Misuse, Refused, UsageFault
from firmhold.trust.faults import (
    Absent,
    DigestMismatch,
    Expired,
    LengthMismatch,
    QuorumUnmet,
    VersionMismatch,
    WrongType,
)
from firmhold.trust.keys import parse_public_key
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


def all_of(repository: SimRepository, now: datetime) -> TrustedSet:
    """What a device trusts that has accepted all newest top-level metadata."""
    published = repository.published
    trusted = TrustedSet.pin(published["root"], PLAIN_TUF)
    trusted = trusted.accept_timestamp(published["timestamp"], now)
    trusted = trusted.accept_snapshot(published["snapshot"], now)
    return trusted.accept_targets(published["targets"], now)


@pytest.fixture
def delegating(repository: SimRepository, clock: SimClock) -> TrustedSet:
    """What a device trusts whose top-level targets delegate to `a` and `b`, and both to `c`."""
    repository.delegate("a")
    repository.delegate("b")
    repository.delegate("c", by="a")
    repository.delegate("c", by="b")
    repository.release("c", "a", "b", "targets")
    return all_of(repository, clock.now())


def test_5_6_1_targets_that_the_snapshot_does_not_name_are_refused(
    upto_timestamp: TrustedSet, repository: SimRepository, forge: Forge, clock: SimClock
) -> None:
    """TUF 5.6.1: a role that no snapshot names has no version, and is not asked for."""
    data = forge("snapshot", lambda signed: signed["meta"].clear())
    trusted = upto_timestamp.accept_snapshot(data, clock.now())
    expected = Absent(code=Code.TUF_NOT_IN_SNAPSHOT, name="targets", listed_in="snapshot")
    targets = repository.published["targets"]
    assert fault_of(lambda: trusted.accept_targets(targets, clock.now())) == expected
    assert fault_of(lambda: trusted.named_in_snapshot("targets", clock.now())) == expected


def test_5_6_2_targets_of_another_length_or_digest_are_refused(
    strict_repository: SimRepository, clock: SimClock
) -> None:
    """TUF 5.6.2: only the very bytes that the snapshot names are trusted."""
    trusted = all_of(strict_repository, clock.now())
    data = strict_repository.published["targets"]
    longer = fault_of(lambda: trusted.accept_targets(data + b" ", clock.now()))
    assert longer == LengthMismatch(
        code=Code.TUF_MIX_TARGETS_LENGTH,
        what="targets.json",
        expected=len(data),
        found=len(data) + 1,
    )
    strict_repository.targets().expires += DAY
    other = strict_repository.sign(
        strict_repository.targets(), strict_repository.signers["targets"]
    )
    fault = fault_of(lambda: trusted.accept_targets(other, clock.now()))
    assert isinstance(fault, DigestMismatch)
    assert (fault.code, fault.what) == (Code.TUF_MIX_TARGETS_DIGEST, "targets.json")


def test_5_6_3_targets_not_signed_by_their_keys_are_refused(
    upto_snapshot: TrustedSet, repository: SimRepository, clock: SimClock, unmet: Unmet
) -> None:
    """TUF 5.6.3: only the root's targets keys sign top-level targets."""
    data = repository.sign(repository.targets(), repository.signers["snapshot"])
    expected = unmet(Code.TUF_SIGNATURES_TARGETS, "targets", repository.signers["targets"])
    assert fault_of(lambda: upto_snapshot.accept_targets(data, clock.now())) == expected


def test_5_6_3_a_document_of_another_type_is_no_targets_metadata(
    upto_snapshot: TrustedSet, repository: SimRepository, clock: SimClock
) -> None:
    """TUF 5.6.3: metadata of another role do not stand in for targets, whoever signed them."""
    data = repository.sign(repository.snapshot, repository.signers["targets"])
    expected = WrongType(code=Code.TUF_WRONG_TYPE, role="targets", found="snapshot")
    assert fault_of(lambda: upto_snapshot.accept_targets(data, clock.now())) == expected


@pytest.mark.parametrize("version", [1, 3, 2**63 - 1])
def test_5_6_4_targets_of_another_version_than_the_named_one_are_refused(
    upto_snapshot: TrustedSet, forge: Forge, clock: SimClock, version: int
) -> None:
    """TUF 5.6.4: neither older nor newer targets than the named ones."""
    data = forge("targets", lambda signed: signed.update(version=version))
    expected = VersionMismatch(
        code=Code.TUF_MIX_TARGETS_VERSION, role="targets", expected=2, found=version
    )
    assert fault_of(lambda: upto_snapshot.accept_targets(data, clock.now())) == expected


def test_5_6_5_expired_targets_are_refused(
    upto_snapshot: TrustedSet, forge: Forge, clock: SimClock
) -> None:
    """TUF 5.6.5: at the moment of their expiry targets are expired, a second before not."""
    expires = clock.now() + DAY
    text = f"{expires:%Y-%m-%dT%H:%M:%SZ}"
    data = forge("targets", lambda signed: signed.update(expires=text))
    assert "targets" in upto_snapshot.accept_targets(data, expires - SECOND).targets
    expected = Expired(code=Code.TUF_FREEZE_TARGETS, role="targets", expires=expires, now=expires)
    assert fault_of(lambda: upto_snapshot.accept_targets(data, expires)) == expected


def test_5_6_7_a_delegated_role_is_judged_like_the_top_level_one(
    delegating: TrustedSet, repository: SimRepository, forge: Forge, clock: SimClock
) -> None:
    """TUF 5.6.7: version, type and date of a delegated role are judged as of any targets role."""
    now = clock.now()
    yesterday = f"{now - DAY:%Y-%m-%dT%H:%M:%SZ}"
    newer = forge("a", lambda signed: signed.update(version=2))
    expired = forge("a", lambda signed: signed.update(expires=yesterday))
    other = repository.sign(repository.snapshot, repository.signers["a"])
    accept = delegating.accept_delegated
    faults = [fault_of(partial(accept, x, "a", "targets", now)) for x in (newer, expired, other)]
    assert faults == [
        VersionMismatch(code=Code.TUF_MIX_TARGETS_VERSION, role="a", expected=1, found=2),
        Expired(code=Code.TUF_FREEZE_TARGETS, role="a", expires=now - DAY, now=now),
        WrongType(code=Code.TUF_WRONG_TYPE, role="a", found="snapshot"),
    ]


def test_5_6_7_a_delegated_role_not_signed_by_its_delegators_keys_is_refused(
    delegating: TrustedSet, repository: SimRepository, clock: SimClock
) -> None:
    """TUF 5.6.7: the delegator says whose signature counts, and the fault names it."""
    data = repository.sign(repository.targets("a"), repository.signers["b"])
    key = parse_public_key(repository.signers["a"][0].public_key.to_dict())
    assert key is not None
    expected = QuorumUnmet(
        code=Code.TUF_SIGNATURES_DELEGATED,
        role="a",
        delegator="targets",
        threshold=1,
        signed=(),
        missing=(key.identity,),
    )
    accept = delegating.accept_delegated
    assert fault_of(lambda: accept(data, "a", "targets", clock.now())) == expected


def test_5_6_7_a_delegated_role_is_judged_under_the_delegator_by_which_it_was_reached(
    delegating: TrustedSet, repository: SimRepository, clock: SimClock
) -> None:
    """TUF 5.6.7: what one delegator's keys signed does not hold under another one's."""
    published, now = repository.published, clock.now()
    trusted = delegating.accept_delegated(published["a"], "a", "targets", now)
    trusted = trusted.accept_delegated(published["b"], "b", "targets", now)
    first, second = repository.signers["c"]
    by_a = repository.sign(repository.targets("c"), [first])
    by_b = repository.sign(repository.targets("c"), [second])
    assert trusted.accept_delegated(by_a, "c", "a", now).targets["c"].authority.delegator == "a"
    assert trusted.accept_delegated(by_b, "c", "b", now).targets["c"].authority.delegator == "b"
    for data, delegator in ((by_a, "b"), (by_b, "a")):
        fault = fault_of(partial(trusted.accept_delegated, data, "c", delegator, now))
        assert fault.code is Code.TUF_SIGNATURES_DELEGATED


NO_DELEGATORS = {"nobody": ("a", "z"), "one not yet read": ("c", "a"), "the root": ("a", "root")}


@pytest.mark.parametrize(("role", "delegator"), NO_DELEGATORS.values(), ids=NO_DELEGATORS)
def test_5_6_7_a_role_is_not_accepted_from_who_does_not_delegate_to_it(
    delegating: TrustedSet, repository: SimRepository, clock: SimClock, role: str, delegator: str
) -> None:
    """TUF 5.6.7: only a trusted delegator can be named, and only for a role that it names."""
    with pytest.raises(Misuse) as error:
        delegating.accept_delegated(repository.published[role], role, delegator, clock.now())
    what = f"{delegator} is not trusted or does not delegate to {role}"
    assert error.value.fault == UsageFault(code=Code.MISUSE, what=what)


def test_accepted_roles_stand_side_by_side(
    delegating: TrustedSet, repository: SimRepository, clock: SimClock
) -> None:
    """Accepting one targets role takes nothing from the others."""
    data = repository.published["a"]
    trusted = delegating.accept_delegated(data, "a", "targets", clock.now())
    assert sorted(trusted.targets) == ["a", "targets"]
    assert trusted.targets["targets"] is delegating.targets["targets"]


def set_expiry(repository: SimRepository, role: str, when: datetime) -> None:
    """Let one role expire before all the others."""
    repository.roles[role].expires = when


STEPS: dict[str, tuple[str, Callable[[TrustedSet, SimRepository, datetime], object]]] = {
    "timestamp under root": (
        "root",
        lambda trusted, repo, now: trusted.accept_timestamp(repo.published["timestamp"], now),
    ),
    "snapshot under root": (
        "root",
        lambda trusted, repo, now: trusted.accept_snapshot(repo.published["snapshot"], now),
    ),
    "snapshot under timestamp": (
        "timestamp",
        lambda trusted, repo, now: trusted.accept_snapshot(repo.published["snapshot"], now),
    ),
    "targets under root": (
        "root",
        lambda trusted, repo, now: trusted.accept_targets(repo.published["targets"], now),
    ),
    "targets under timestamp": (
        "timestamp",
        lambda trusted, repo, now: trusted.accept_targets(repo.published["targets"], now),
    ),
    "targets under snapshot": (
        "snapshot",
        lambda trusted, repo, now: trusted.accept_targets(repo.published["targets"], now),
    ),
}


@pytest.mark.parametrize(("expiring", "step"), STEPS.values(), ids=STEPS)
def test_no_step_goes_on_under_an_expired_predecessor(
    repository: SimRepository,
    clock: SimClock,
    expiring: str,
    step: Callable[[TrustedSet, SimRepository, datetime], object],
) -> None:
    """Whatever was fresh when it was accepted is judged again at each later step."""
    later = clock.now() + DAY
    set_expiry(repository, expiring, later)
    repository.publish("root", "snapshot", "timestamp")
    trusted = all_of(repository, later - SECOND)
    step(trusted, repository, later - SECOND)
    code = Code(f"tuf.freeze.{expiring}")
    expected = Expired(code=code, role=expiring, expires=later, now=later)
    assert fault_of(lambda: step(trusted, repository, later)) == expected


def test_no_step_is_skipped(
    pinned: TrustedSet, upto_timestamp: TrustedSet, repository: SimRepository, clock: SimClock
) -> None:
    """A step without its predecessor is the caller's mistake."""
    published, now = repository.published, clock.now()
    steps: dict[str, Callable[[], object]] = {
        "timestamp": lambda: pinned.accept_snapshot(published["snapshot"], now),
        "snapshot": lambda: upto_timestamp.accept_targets(published["targets"], now),
    }
    for missing, step in steps.items():
        with pytest.raises(Misuse) as error:
            step()
        what = f"no {missing} was accepted yet"
        assert error.value.fault == UsageFault(code=Code.MISUSE, what=what)
