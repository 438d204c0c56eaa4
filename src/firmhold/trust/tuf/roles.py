"""The four roles as values: what each says once its shape is known, and who may speak for it.

Read through `tuf.api` (which knows the format) into frozen values of our own (which cannot change
under a verifier's hands). Key tables are the exception: `tuf.api` refuses a whole document for one
key of an unknown scheme, and names keys by id; here such a key has no seat and all others count.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TypeVar

from tuf.api import metadata as api

from firmhold.trust.digest import SNAPSHOT, TARGET_FILE, TARGETS, Expectation, MismatchCodes
from firmhold.trust.encoding import JsonObject, JsonValue
from firmhold.trust.keys import KeyId, KeyIdentity
from firmhold.trust.quorum import Seat, Tally, tally
from firmhold.trust.tuf.dialect import Dialect
from firmhold.trust.tuf.root_fields import RootFields
from firmhold.trust.tuf.schema import TOP_LEVEL, an_object
from firmhold.trust.tuf.wire import Envelope

T = TypeVar("T", "Root", "Timestamp", "Snapshot", "Targets")


@dataclass(frozen=True, slots=True)
class Authority:
    """Who may sign for `role`, as its delegator says: a threshold of seats."""

    role: str
    delegator: str
    threshold: int
    seats: Mapping[KeyId, Seat]

    @property
    def identities(self) -> frozenset[KeyIdentity]:
        """The distinct public keys of the seats."""
        return frozenset(seat.key.identity for seat in self.seats.values())

    def tally(self, envelope: Envelope) -> Tally:
        """Count whose signatures on `envelope` are good, of those who may still sign it."""
        good = {
            signature.key_id
            for signature in envelope.signatures
            if (seat := self.seats.get(signature.key_id)) is not None
            and seat.may_sign(envelope.expires)
            and seat.key.verifies(signature.sig, envelope.payload)
        }
        return tally(self.threshold, self.seats, good)


@dataclass(frozen=True, slots=True)
class MetaFile:
    """What one metadata file says of another: its version, perhaps length and digests."""

    version: int
    expectation: Expectation


@dataclass(frozen=True, slots=True)
class Root:
    """Root metadata (TUF 4.3): who may sign for each top-level role."""

    version: int
    expires: datetime
    consistent_snapshot: bool
    authorities: Mapping[str, Authority]
    fields: RootFields
    """What it says besides TUF, as far as the dialect reads that."""


@dataclass(frozen=True, slots=True)
class Timestamp:
    """Timestamp metadata (TUF 4.6): which snapshot is the newest."""

    version: int
    expires: datetime
    snapshot: MetaFile


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Snapshot metadata (TUF 4.4): which version of each targets role belongs together."""

    version: int
    expires: datetime
    meta: Mapping[str, MetaFile]


@dataclass(frozen=True, slots=True)
class Target:
    """A file that exists (TUF 4.5): its path, what its bytes must be, what else was said of it."""

    path: str
    role: str
    expectation: Expectation
    custom: JsonValue


@dataclass(frozen=True, slots=True)
class Targets:
    """Targets metadata, top-level or delegated (TUF 4.5): files, and who else may name files."""

    version: int
    expires: datetime
    files: Mapping[str, api.TargetFile]
    delegations: api.Delegations | None
    seats: Mapping[KeyId, Seat]

    def target(self, path: str, role: str) -> Target | None:
        """Return what this document, speaking for `role`, says of `path`; None if nothing."""
        file = self.files.get(path)
        if file is None:
            return None
        expectation = Expectation(path, file.length, dict(file.hashes), TARGET_FILE)
        return Target(path, role, expectation, deepcopy(file.custom))

    def delegates(self, path: str) -> Iterator[tuple[str, bool]]:
        """Yield name and `terminating` of each role asked for `path`, in order (TUF 5.6.7.2)."""
        if self.delegations is not None:
            yield from self.delegations.get_roles_for_target(path)

    def authority(self, role: str, delegator: str) -> Authority | None:
        """Return who may sign for the delegated `role`; None if it is not delegated here."""
        delegations = self.delegations
        if delegations is None:
            return None
        if delegations.roles is not None:
            rule: api.Role | None = delegations.roles.get(role)
        else:
            rule = _bin(delegations.succinct_roles, role)
        return None if rule is None else _authority(role, delegator, rule, self.seats)


def read_root(envelope: Envelope, dialect: Dialect) -> Root:
    """Read the payload of `envelope` as root metadata."""
    signed = deepcopy(envelope.signed)
    seats = dialect.seats(signed, _checked(signed["keys"]))
    roles = _checked(signed["roles"])
    # `tuf.api` knows no optional "mirrors" role (TUF 4.3); nothing here reads it.
    signed |= {"keys": {}, "roles": {name: roles[name] for name in TOP_LEVEL}}
    root = api.Root.from_dict(signed)
    return Root(
        version=root.version,
        expires=envelope.expires,
        consistent_snapshot=bool(root.consistent_snapshot),
        authorities=MappingProxyType(
            {name: _authority(name, "root", rule, seats) for name, rule in root.roles.items()}
        ),
        fields=dialect.own_fields.of(envelope.signed),
    )


def read_timestamp(envelope: Envelope, _dialect: Dialect) -> Timestamp:
    """Read the payload of `envelope` as timestamp metadata."""
    timestamp = api.Timestamp.from_dict(deepcopy(envelope.signed))
    snapshot = _metafile("snapshot", timestamp.snapshot_meta, SNAPSHOT)
    return Timestamp(timestamp.version, envelope.expires, snapshot)


def read_snapshot(envelope: Envelope, _dialect: Dialect) -> Snapshot:
    """Read the payload of `envelope` as snapshot metadata."""
    snapshot = api.Snapshot.from_dict(deepcopy(envelope.signed))
    meta = {name: _metafile(name, entry, TARGETS) for name, entry in snapshot.meta.items()}
    return Snapshot(snapshot.version, envelope.expires, MappingProxyType(meta))


def read_targets(envelope: Envelope, dialect: Dialect) -> Targets:
    """Read the payload of `envelope` as targets metadata."""
    signed = deepcopy(envelope.signed)
    seats: Mapping[KeyId, Seat] = {}
    if "delegations" in signed:
        delegations = _checked(signed["delegations"])
        seats = dialect.seats(signed, _checked(delegations["keys"]))
        delegations["keys"] = {}
    targets = api.Targets.from_dict(signed)
    return Targets(
        version=targets.version,
        expires=envelope.expires,
        files=MappingProxyType(targets.targets),
        delegations=targets.delegations,
        seats=MappingProxyType(dict(seats)),
    )


def _checked(value: JsonValue) -> JsonObject:
    """Narrow to an object what `schema` has found to be one."""
    return an_object(value, "signed")


def _authority(role: str, delegator: str, rule: api.Role, seats: Mapping[KeyId, Seat]) -> Authority:
    own = {KeyId(name): seats[KeyId(name)] for name in rule.keyids if KeyId(name) in seats}
    return Authority(role, delegator, rule.threshold, MappingProxyType(own))


def _bin(bins: api.SuccinctRoles | None, role: str) -> api.Role | None:
    """The rule of hash bins, if `role` is one of them (TAP 15)."""
    return bins if bins is not None and bins.is_delegated_role(role) else None


def _metafile(what: str, entry: api.MetaFile, codes: MismatchCodes) -> MetaFile:
    return MetaFile(entry.version, Expectation(what, entry.length, dict(entry.hashes or {}), codes))
