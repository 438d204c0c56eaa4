"""A TUF repository that edits, signs, serves and lies.

It holds every key and the `tuf.api` objects of every role, open for editing; `publish` signs them
and writes a consistent-snapshot repository into a folder; `lie` puts any bytes under any name.

    repository = SimRepository(folder, clock)
    repository.add_target("targets", "file.bin", b"…")
    repository.publish("targets", "snapshot", "timestamp")
"""

import json
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar, cast

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    SuccinctRoles,
    TargetFile,
    Targets,
    Timestamp,
)

from firmhold.sim.clock import SimClock
from firmhold.trust.digest import TARGET_FILE, Expectation
from firmhold.trust.keys import parse_public_key
from firmhold.trust.tuf.wire import metadata_file, target_url_path

ALL = ("root", "targets", "snapshot", "timestamp")
LIFETIME = timedelta(days=30)

_Signed = Root | Timestamp | Snapshot | Targets
S = TypeVar("S", Root, Timestamp, Snapshot, Targets)


class SimRepository:
    """Roles by name in `roles`, their private keys in `signers`, published files in `folder`."""

    def __init__(self, folder: Path, clock: SimClock, *, thresholds: int = 1) -> None:
        self.folder = folder
        self.names_digests = True
        """Whether snapshot and timestamp name lengths and digests besides versions."""
        self.signers: dict[str, list[CryptoSigner]] = {}
        self.published: dict[str, bytes] = {}
        """The newest published bytes of each role."""
        self._expires = clock.now() + LIFETIME
        self.roles: dict[str, _Signed] = {
            "root": Root(expires=self._expires, consistent_snapshot=True),
            "targets": Targets(expires=self._expires),
            "snapshot": Snapshot(expires=self._expires, meta={}),
            "timestamp": Timestamp(expires=self._expires),
        }
        for role in ALL:
            self.root.roles[role].threshold = thresholds
            self.grant(role, *(CryptoSigner.generate_ed25519() for _ in range(thresholds)))
        self.publish(*ALL)

    @property
    def root(self) -> Root:
        """Root metadata, open for editing."""
        return cast("Root", self.roles["root"])

    @property
    def timestamp(self) -> Timestamp:
        """Timestamp metadata, open for editing."""
        return cast("Timestamp", self.roles["timestamp"])

    @property
    def snapshot(self) -> Snapshot:
        """Snapshot metadata, open for editing."""
        return cast("Snapshot", self.roles["snapshot"])

    def targets(self, role: str = "targets") -> Targets:
        """Targets metadata of a role, open for editing."""
        return cast("Targets", self.roles[role])

    def grant(self, role: str, *signers: CryptoSigner) -> None:
        """Let keys sign for a top-level role, and have them sign from the next publication on."""
        for signer in signers:
            self.root.add_key(signer.public_key, role)
            self.signers.setdefault(role, []).append(signer)

    def rotate(self, role: str) -> list[CryptoSigner]:
        """Replace all keys of a top-level role; return the old ones. Publish root afterwards."""
        old = self.signers.pop(role)
        for signer in old:
            self.root.revoke_key(signer.public_key.keyid, role)
        self.grant(role, *(CryptoSigner.generate_ed25519() for _ in old))
        return old

    def delegate(
        self,
        role: str,
        *,
        by: str = "targets",
        paths: Iterable[str] = ("*",),
        terminating: bool = False,
    ) -> DelegatedRole:
        """Delegate `paths` from `by` to `role`; its first use makes an empty document for it."""
        parent = self.targets(by)
        if parent.delegations is None:
            parent.delegations = Delegations({}, {})
        rule = DelegatedRole(role, [], 1, terminating, list(paths))
        cast("dict[str, DelegatedRole]", parent.delegations.roles)[role] = rule
        signer = CryptoSigner.generate_ed25519()
        parent.add_key(signer.public_key, role)
        self.signers.setdefault(role, []).append(signer)
        self.roles.setdefault(role, Targets(expires=self._expires))
        return rule

    def delegate_to_bins(self, prefix: str, *, bits: int) -> None:
        """Spread everything that the top-level role delegates over `2**bits` hash bins."""
        bins = SuccinctRoles([], 1, bits, prefix)
        self.targets().delegations = Delegations({}, succinct_roles=bins)
        signer = CryptoSigner.generate_ed25519()
        self.targets().add_key(signer.public_key)
        for role in bins.get_roles():
            self.roles[role] = Targets(expires=self._expires)
            self.signers[role] = [signer]

    def holders(self, role: str, *, by: str = "root") -> tuple[str, ...]:
        """Who may sign for a role by the newest published `by`, as a plain client names them."""
        signed = json.loads(self.published[by])["signed"]
        table = signed if by == "root" else signed["delegations"]
        rules = signed["roles"] if by == "root" else {r["name"]: r for r in table["roles"]}
        entries = (table["keys"].get(key_id, {}) for key_id in rules[role]["keyids"])
        keys = [parse_public_key(entry) for entry in entries]
        return tuple(sorted({key.identity for key in keys if key is not None}))

    def add_target(self, role: str, path: str, data: bytes) -> TargetFile:
        """Name a file in a role and write it where a client will look for it."""
        target = TargetFile.from_data(path, data, ["sha256", "sha512"])
        self.targets(role).targets[path] = target
        for prefixed in target.get_prefixed_paths():
            self._write(self.target_place(prefixed), data)
        return target

    def publish(self, *roles: str) -> None:
        """Give each role its next version, sign it and write it, in the order of the names."""
        for role in roles:
            if role in self.published:
                self.roles[role].version += 1
            self.write(role)

    def release(self, *roles: str) -> None:
        """Publish targets roles and everything above them."""
        self.publish(*roles, "snapshot", "timestamp")

    def write(self, role: str) -> None:
        """Sign a role as it stands and write it under its own version."""
        signed = self.roles[role]
        data = self.sign(signed, self.signers[role])
        self.published[role] = data
        entry = self._metafile(signed.version, data)
        if isinstance(signed, Targets):
            self.snapshot.meta[f"{role}.json"] = entry
        elif isinstance(signed, Snapshot):
            self.timestamp.snapshot_meta = entry
        self.lie(role, data)

    @staticmethod
    def sign(signed: _Signed, signers: Iterable[CryptoSigner]) -> bytes:
        """Return metadata bytes with one signature of each signer."""
        metadata: Metadata[_Signed] = Metadata(signed)  # type: ignore[type-var]
        for signer in signers:
            metadata.sign(signer, append=True)
        return metadata.to_bytes()

    def lie(self, role: str, data: bytes, *, version: int | None = None) -> None:
        """Serve `data` as a role's metadata, whatever it says."""
        self._write(self.metadata_place(role, version), data)

    def edit(self, role: str, change: Callable[[bytes], bytes]) -> None:
        """Change the bytes of a role's newest published file, on disk."""
        place = self.metadata_place(role)
        place.write_bytes(change(place.read_bytes()))

    def metadata_place(self, role: str, version: int | None = None) -> Path:
        """Where a version of a role is served from; the version that it has, unless given."""
        consistent = role == "root" or (self.root.consistent_snapshot and role != "timestamp")
        number = version if version is not None else self.roles[role].version
        return self.folder / "metadata" / metadata_file(role, number if consistent else None)

    def target_place(self, path: str) -> Path:
        """Where a target file is served from; `path` with its digest prefix.

        Quoted as in a URL, so that no path leads out of the folder.
        """
        expectation = Expectation(path, None, {}, TARGET_FILE)
        return self.folder / "targets" / target_url_path(expectation, consistent=False).lstrip("/")

    def _metafile(self, version: int, data: bytes) -> MetaFile:
        if self.names_digests:
            return MetaFile.from_data(version, data, ["sha256"])
        return MetaFile(version)

    @staticmethod
    def _write(place: Path, data: bytes) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
