"""A repository whose every key is at hand, and pens that sign whatever one likes with them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner

from firmhold.sim.attacker import Attacker, Edit
from firmhold.sim.clock import SimClock
from firmhold.sim.repository import SimRepository
from firmhold.trust.errors import Code, QuorumUnmet
from firmhold.trust.keys import parse_public_key
from firmhold.trust.tuf.dialect import PLAIN_TUF
from firmhold.trust.tuf.trusted_set import TrustedSet

Forge = Callable[[str, Edit], bytes]
"""Role and edit in, bytes out."""

Unmet = Callable[[Code, str, list[CryptoSigner]], QuorumUnmet]
"""Code, top-level role and the keys that did not sign in, fault out."""


@pytest.fixture
def clock() -> SimClock:
    """A clock that stands at the beginning of 2030."""
    return SimClock()


@pytest.fixture
def repository(tmp_path: Path, clock: SimClock) -> SimRepository:
    """A repository in its second release that names versions only, so one check speaks at a time.

    Root is at version 1, all other roles are at version 2.
    """
    repository = SimRepository(tmp_path, clock)
    repository.names_digests = False
    repository.release("targets")
    return repository


@pytest.fixture
def strict_repository(tmp_path: Path, clock: SimClock) -> SimRepository:
    """A repository that names lengths and digests of its metadata besides versions."""
    return SimRepository(tmp_path / "strict", clock)


@pytest.fixture
def forge(repository: SimRepository) -> Forge:
    """Sign the newest metadata of a role, after an edit, with the role's own keys."""

    def forged(role: str, edit: Edit) -> bytes:
        return Attacker(repository).forge(role, edit, repository.signers[role])

    return forged


@pytest.fixture
def unmet() -> Unmet:
    """The fault that none of a top-level role's keys signed, where one must."""

    def fault(code: Code, role: str, missing: list[CryptoSigner]) -> QuorumUnmet:
        keys = [parse_public_key(signer.public_key.to_dict()) for signer in missing]
        names = tuple(sorted(key.identity for key in keys if key))
        return QuorumUnmet(
            code=code, role=role, delegator="root", threshold=1, signed=(), missing=names
        )

    return fault


@pytest.fixture
def pinned(repository: SimRepository) -> TrustedSet:
    """What a device trusts that has the root and nothing else."""
    return TrustedSet.pin(repository.published["root"], PLAIN_TUF)


@pytest.fixture
def upto_timestamp(pinned: TrustedSet, repository: SimRepository, clock: SimClock) -> TrustedSet:
    """What a device trusts that has accepted the timestamp."""
    return pinned.accept_timestamp(repository.published["timestamp"], clock.now())


@pytest.fixture
def upto_snapshot(
    upto_timestamp: TrustedSet, repository: SimRepository, clock: SimClock
) -> TrustedSet:
    """What a device trusts that has accepted the snapshot."""
    return upto_timestamp.accept_snapshot(repository.published["snapshot"], clock.now())


@pytest.fixture
def upto_targets(
    upto_snapshot: TrustedSet, repository: SimRepository, clock: SimClock
) -> TrustedSet:
    """What a device trusts that has accepted the top-level targets."""
    return upto_snapshot.accept_targets(repository.published["targets"], clock.now())
