"""Drives the TUF client workflow over ports: a fetcher, two stores and a clock."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from firmhold.interop.ports import Fetcher, MetadataStore, TargetStore
from firmhold.trust.errors import Code, Damaged, Misuse, Refused, Unavailable
from firmhold.trust.outer_faults import PlaceFault
from firmhold.trust.tuf.dialect import PLAIN_TUF, Dialect
from firmhold.trust.tuf.roles import Target
from firmhold.trust.tuf.trusted_set import ROOT, TrustedSet
from firmhold.trust.tuf.wire import target_url_path
from firmhold.trust.tuf.workflow import (
    Action,
    Fetch,
    FetchIfThere,
    Forget,
    Keep,
    Load,
    drive,
    find_target,
    refresh,
)
from firmhold.trust.verified import Verified


def pin(store: MetadataStore, root: bytes, dialect: Dialect = PLAIN_TUF) -> None:
    """Begin with `root`, once. The same root again changes nothing; another one is refused."""
    TrustedSet.pin(root, dialect)
    stored = store.load(ROOT)
    if stored is None:
        store.keep(ROOT, root)
    elif stored != root:
        fault = PlaceFault(code=Code.STORE_ALREADY_PINNED, path=ROOT, detail="another root is here")
        raise Misuse(fault)


@dataclass(frozen=True, slots=True)
class Client:
    """A TUF client of one repository, at one fixed moment (TUF 5.1)."""

    fetcher: Fetcher
    store: MetadataStore
    metadata_url: str
    now: datetime
    dialect: Dialect = PLAIN_TUF

    def refresh(self) -> TrustedSet:
        """Bring the stored metadata up to date; every completed step is kept."""
        root = self.store.load(ROOT)
        if root is None:
            fault = PlaceFault(code=Code.STORE_NO_ROOT, path=ROOT, detail="no trusted root is here")
            raise Misuse(fault)
        try:
            TrustedSet.pin(root, self.dialect)
        except Refused as error:
            fault = PlaceFault(code=Code.STORE_ROOT_DAMAGED, path=ROOT, detail=str(error))
            raise Damaged(fault) from error
        return drive(refresh(root, self.dialect, self.now), self._do)

    def find(self, trusted: TrustedSet, path: str) -> tuple[TrustedSet, Verified[Target]]:
        """Search for a target path; return what is trusted afterwards, and the target."""
        return drive(find_target(trusted, path, self.now), self._do)

    def download(
        self, trusted: TrustedSet, target: Verified[Target], base_url: str, store: TargetStore
    ) -> Path:
        """Return where the verified file of `target` stands; fetch it only if it is not there."""
        if store.has(target):
            return store.path_of(target)
        expectation = target.value.expectation
        path = target_url_path(expectation, consistent=trusted.root.value.consistent_snapshot)
        return self.download_from(f"{base_url.rstrip('/')}/{path}", target, store)

    def download_from(self, url: str, target: Verified[Target], store: TargetStore) -> Path:
        """Fetch `target` from this very URL and store it if it is what the metadata say."""
        with self.fetcher.fetch(url, target.value.expectation.length or 0) as pieces:
            return store.put(target, iter(pieces))

    def _do(self, action: Action) -> bytes | None:
        match action:
            case Load(role):
                return self.store.load(role)
            case Keep(role, data):
                self.store.keep(role, data)
            case Forget(role):
                self.store.forget(role)
            case Fetch(path, max_bytes):
                return self._fetch(path, max_bytes)
            case FetchIfThere(path, max_bytes):
                return self._fetch_if_there(path, max_bytes)
        return None

    def _fetch(self, path: str, max_bytes: int) -> bytes:
        with self._open(self.metadata_url, path, max_bytes) as pieces:
            return b"".join(pieces)

    def _fetch_if_there(self, path: str, max_bytes: int) -> bytes | None:
        try:
            return self._fetch(path, max_bytes)
        except Unavailable as error:
            if error.code is not Code.FETCH_NOT_FOUND:
                raise
            return None

    def _open(
        self, base_url: str, path: str, max_bytes: int
    ) -> AbstractContextManager[Iterable[bytes]]:
        return self.fetcher.fetch(f"{base_url.rstrip('/')}/{path}", max_bytes)
