"""A repository whose every key is at hand, and pens that sign whatever one likes with them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import pytest
from securesystemslib.signer import CryptoSigner

from firmhold.sim.attacker import Attacker, Edit
from firmhold.sim.clock import SimClock
from firmhold.sim.repository import SimRepository
from firmhold.trust.errors import Code, Unavailable
from firmhold.trust.faults import QuorumUnmet
from firmhold.trust.keys import parse_public_key
from firmhold.trust.outer_faults import FetchFault
from firmhold.trust.tuf.dialect import PLAIN_TUF, Dialect
from firmhold.trust.tuf.roles import Target
from firmhold.trust.tuf.trusted_set import TrustedSet
from firmhold.trust.tuf.workflow import (
    Action,
    Fetch,
    FetchIfThere,
    Forget,
    Keep,
    Load,
    Steps,
    find_target,
    refresh,
)
from firmhold.trust.verified import Verified

R = TypeVar("R")

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


@dataclass
class Device:
    """Drives the workflow over dictionaries, and writes down everything that it is asked to do."""

    folder: Path
    """What is served."""
    now: datetime
    stored: dict[str, bytes]
    """What is kept, by role."""
    actions: list[Action] = field(default_factory=list)
    """What was asked for since the last cycle began."""

    def refresh(self, dialect: Dialect = PLAIN_TUF) -> TrustedSet:
        """One update cycle, as a newly started program."""
        return self.drive(refresh(self.stored["root"], dialect, self.now))

    def find(self, trusted: TrustedSet, path: str) -> tuple[TrustedSet, Verified[Target]]:
        """Search for a target with what is trusted."""
        return self.drive(find_target(trusted, path, self.now))

    def drive(self, steps: Steps[R], *, until: Action | None = None) -> R:
        """Do what the steps ask for; the power fails before `until` is done."""
        self.actions = []
        answer = None
        while True:
            try:
                action = steps.send(answer)
            except StopIteration as end:
                result: R = end.value
                return result
            if action == until:
                raise InterruptedError
            self.actions.append(action)
            answer = self.do(action)

    def do(self, action: Action) -> bytes | None:
        """Do one thing."""
        match action:
            case Load(role):
                return self.stored.get(role)
            case Keep(role, data):
                self.stored[role] = data
            case Forget(role):
                self.stored.pop(role, None)
            case FetchIfThere(path, _):
                return self.served(path)
            case Fetch(path, _):
                found = self.served(path)
                if found is None:
                    fault = FetchFault(code=Code.FETCH_NOT_FOUND, url=path, detail="404")
                    raise Unavailable(fault)
                return found
        return None

    def served(self, name: str) -> bytes | None:
        """The bytes that are served under a name."""
        file = self.folder / "metadata" / name
        return file.read_bytes() if file.exists() else None

    @property
    def written(self) -> list[Keep | Forget]:
        """Every durable write since the last cycle began, in order."""
        return [action for action in self.actions if isinstance(action, Keep | Forget)]

    @property
    def asked(self) -> list[str]:
        """Every name that was asked for since the last cycle began, in order."""
        return [action.path for action in self.actions if isinstance(action, Fetch | FetchIfThere)]


@pytest.fixture
def device(repository: SimRepository, clock: SimClock) -> Device:
    """A device that pinned the first root of the repository."""
    return Device(repository.folder, clock.now(), {"root": repository.published["root"]})


@pytest.fixture
def strict_device(strict_repository: SimRepository, clock: SimClock) -> Device:
    """A device that pinned the first root of the strict repository."""
    root = strict_repository.published["root"]
    return Device(strict_repository.folder, clock.now(), {"root": root})
