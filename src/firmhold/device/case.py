"""What a judgement has before it: what is believed, what was brought, how long the device is up.

The TUF workflow asks here for what it needs; nothing is decided here.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from firmhold.device.ports import Documents, Repository
from firmhold.device.trust_store import TrustStore
from firmhold.trust.errors import Code, Unavailable
from firmhold.trust.freshness.time_floor import Uptime
from firmhold.trust.outer_faults import FetchFault
from firmhold.trust.tuf.dialect import FIRMHOLD
from firmhold.trust.tuf.roles import Target
from firmhold.trust.tuf.trusted_set import ROOT, TIMESTAMP, TrustedSet
from firmhold.trust.tuf.wire import MAX_BYTES, metadata_file, target_url_path
from firmhold.trust.tuf.workflow import (
    Action,
    Fetch,
    FetchIfThere,
    Forget,
    Keep,
    Load,
    Steps,
    drive,
    find_target,
    update_below_root,
    update_root,
)
from firmhold.trust.verified import Verified

MAX_DOCUMENT_BYTES = 262_144
"""Manifest, settings, counter, revert authorisation: none of them is larger."""

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Case:
    """One device's beliefs and what was brought to it."""

    store: TrustStore
    documents: Documents
    uptime: Uptime

    def root(self, repository: Repository) -> TrustedSet:
        """Follow the roots of a repository to the newest; no date is judged yet."""
        stored = self.store.load(repository, ROOT) or b""
        return self._drive(repository, update_root(stored, FIRMHOLD))

    def below_root(self, repository: Repository, root: TrustedSet, now: datetime) -> TrustedSet:
        """Bring everything below the root of a repository up to date."""
        return self._drive(repository, update_below_root(root, now))

    def find(
        self, image: TrustedSet, path: str, now: datetime
    ) -> tuple[TrustedSet, Verified[Target]]:
        """Search the image repository for a target path."""
        return self._drive(Repository.IMAGE, find_target(image, path, now))

    def document(self, image: TrustedSet, target: Verified[Target]) -> bytes:
        """Return the bytes of a small target, if those that were brought are its own."""
        expectation = target.value.expectation
        path = target_url_path(expectation, consistent=image.root.value.consistent_snapshot)
        most = min(expectation.length or MAX_DOCUMENT_BYTES, MAX_DOCUMENT_BYTES)
        data = self.documents.target(path, most)
        expectation.check(data)
        return data

    def timestamp(self, repository: Repository) -> bytes | None:
        """The timestamp that was brought; where none was, the one that is believed already."""
        path, most = metadata_file(TIMESTAMP), MAX_BYTES[TIMESTAMP]
        brought = self.documents.metadata(repository, path, most)
        return brought if brought is not None else self.store.load(repository, TIMESTAMP)

    def _drive(self, repository: Repository, steps: Steps[R]) -> R:
        def perform(action: Action) -> bytes | None:
            match action:
                case Load(role):
                    return self.store.load(repository, role)
                case Keep(role, data):
                    self.store.keep(repository, role, data)
                case Forget(role):
                    self.store.forget(repository, role)
                case FetchIfThere(path, most):
                    return self.documents.metadata(repository, path, most)
                case Fetch(path, most):
                    return self._brought(repository, path, most)
            return None

        return drive(steps, perform)

    def _brought(self, repository: Repository, path: str, max_bytes: int) -> bytes:
        if path == metadata_file(TIMESTAMP):
            data = self.timestamp(repository)
        else:
            data = self.documents.metadata(repository, path, max_bytes)
        if data is None:
            url, detail = f"{repository}/{path}", "not brought"
            raise Unavailable(FetchFault(code=Code.FETCH_NOT_FOUND, url=url, detail=detail))
        return data
