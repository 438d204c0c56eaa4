"""What a part of the server believes of the image repository: verified from the first root on.

It reads the published folder as a device would read the network. What it directs devices to is
therefore something that a device can find there, signed by who has the say.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from firmhold.storage.disk import read_file, why
from firmhold.trust.errors import Code, Refused, Unavailable
from firmhold.trust.faults import Mismatch
from firmhold.trust.outer_faults import FetchFault
from firmhold.trust.settings.authorised import verify_settings
from firmhold.trust.settings.trust_settings import SETTINGS_PATH, TrustSettings
from firmhold.trust.tuf.dialect import FIRMHOLD
from firmhold.trust.tuf.roles import Target
from firmhold.trust.tuf.trusted_set import TIMESTAMP, TrustedSet
from firmhold.trust.tuf.wire import MAX_BYTES, metadata_file, target_url_path
from firmhold.trust.tuf.workflow import (
    Action,
    Fetch,
    FetchIfThere,
    Steps,
    drive,
    find_target,
    update_below_root,
    update_root,
)
from firmhold.trust.verified import Verified
from firmhold.update.release import Release, parse_release

MAX_DOCUMENT_BYTES = 262_144

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Published:
    """A release as it stands in the repository."""

    target: Verified[Target]
    release: Release
    data: bytes


class Beliefs:
    """The image repository in a folder, as far as it was verified."""

    def __init__(self, site: Path, root: bytes, now: datetime) -> None:
        self._site = site
        self._first = root
        self._timestamp = b""
        self._trusted = TrustedSet.pin(root, FIRMHOLD)
        self._settings: Verified[TrustSettings] | None = None
        self.settings_data = b""
        """The trust settings, as they were signed."""
        self.refresh(now)

    @property
    def settings(self) -> Verified[TrustSettings]:
        """The trust settings that stand now."""
        if self._settings is None:
            raise _unavailable(SETTINGS_PATH, "not verified yet")
        return self._settings

    @property
    def root_version(self) -> int:
        """The version of the newest root."""
        return self._trusted.root.value.version

    @property
    def epoch(self) -> int:
        """The freshness epoch of the newest root."""
        freshness = self._trusted.root.value.fields.freshness
        return 0 if freshness is None else freshness.epoch

    @property
    def timestamp(self) -> bytes:
        """The repository's timestamp that was verified last."""
        return self._timestamp

    @property
    def timestamp_version(self) -> int:
        """Its version."""
        accepted = self._trusted.timestamp
        return 0 if accepted is None else accepted.value.version

    def refresh(self, now: datetime) -> bool:
        """Take in what was published since; tell whether there was something. May refuse it.

        What was believed before stays, wholly, where something of the new is refused.
        """
        newest = self._bytes(f"metadata/{metadata_file(TIMESTAMP)}", MAX_BYTES[TIMESTAMP])
        if newest == self._timestamp:
            return False
        trusted = self._drive(update_root(self._first, FIRMHOLD), None)
        trusted = self._drive(update_below_root(trusted, now), self._trusted)
        trusted, target = self._drive(find_target(trusted, SETTINGS_PATH, now), None)
        data = self._document(trusted, target)
        self._settings = verify_settings(data, target, trusted.root)
        self._trusted, self.settings_data, self._timestamp = trusted, data, newest
        return True

    def release(self, path: str, now: datetime) -> Published:
        """Return the release at a target path. Raises `Refused` or `Unavailable`."""
        self._trusted, target = self._drive(find_target(self._trusted, path, now), None)
        data = self._document(self._trusted, target)
        return Published(target, parse_release(data), data)

    def path_of(self, sha256: str) -> str | None:
        """Return the path of a target with this digest, of the roles that were asked until now."""
        files = (
            (path, file)
            for document in self._trusted.targets.values()
            for path, file in document.document.value.files.items()
        )
        return next((path for path, file in files if file.hashes.get("sha256") == sha256), None)

    def _document(self, trusted: TrustedSet, target: Verified[Target]) -> bytes:
        expectation = target.value.expectation
        path = target_url_path(expectation, consistent=trusted.root.value.consistent_snapshot)
        data = self._bytes(f"targets/{path}", MAX_DOCUMENT_BYTES)
        expectation.check(data)
        return data

    def _drive(self, steps: Steps[R], older: TrustedSet | None) -> R:
        """Go through a workflow on the folder; `older` is what rollbacks are held against."""

        def perform(action: Action) -> bytes | None:
            match action:
                case FetchIfThere(path, most):
                    try:
                        return self._bytes(f"metadata/{path}", most)
                    except Unavailable:
                        return None
                case Fetch(path, most):
                    return self._bytes(f"metadata/{path}", most)
                case _:
                    return None

        found = drive(steps, perform)
        if older is not None and isinstance(found, TrustedSet):
            _require_not_older(older, found)
        return found

    def _bytes(self, path: str, max_bytes: int) -> bytes:
        try:
            return read_file(self._site / path, max_bytes)
        except OSError as error:
            raise _unavailable(path, why(error)) from error


def digest_of(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _require_not_older(older: TrustedSet, newer: TrustedSet) -> None:
    """Pass if a site did not go back under the director's eyes."""
    known, found = older.timestamp, newer.timestamp
    if known is not None and found is not None and found.value.version < known.value.version:
        raise Refused(
            Mismatch(
                code=Code.FLEET_SITE_WENT_BACK,
                what="timestamp",
                expected=str(known.value.version),
                found=str(found.value.version),
            )
        )


def _unavailable(path: str, detail: str) -> Unavailable:
    return Unavailable(FetchFault(code=Code.FETCH_NOT_FOUND, url=path, detail=detail))
