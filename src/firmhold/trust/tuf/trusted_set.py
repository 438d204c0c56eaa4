"""The set of metadata that is trusted, and the only steps by which it grows (TUF 5.2 to 5.6).

Laws:

* Metadata come in as bytes and `now` as an argument; files, network and clocks are elsewhere.
* A step returns a *new* set or raises `Refused`: it happens wholly or not at all, so after a
  refusal the caller still holds exactly what the last completed step left.
* A new root knows nothing below itself. What was stored is judged again under it (`restore`),
  by signature and type only: expired metadata still serve the rollback checks (TUF 5.4.3, 5.5.5)
  and nothing else.
* Expiry of each predecessor is judged in each step, so no order of calls skips a freeze check.

The whole client workflow, in order::

    trusted = TrustedSet.pin(root_bytes, PLAIN_TUF)         # 5.2
    trusted = trusted.accept_root(next_root_bytes)          # 5.3, once per version
    trusted = trusted.restore(timestamp_bytes, snapshot_bytes)
    trusted = trusted.accept_timestamp(bytes, now)          # 5.4
    trusted = trusted.accept_snapshot(bytes, now)           # 5.5
    trusted = trusted.accept_targets(bytes, now)            # 5.6
    trusted = trusted.accept_delegated(bytes, "role", "delegator", now)   # 5.6.7
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from firmhold.trust.errors import Code, Misuse, Refused, UsageFault
from firmhold.trust.faults import Absent, Expired, QuorumUnmet, VersionMismatch
from firmhold.trust.tuf.dialect import Dialect
from firmhold.trust.tuf.roles import (
    Authority,
    MetaFile,
    Root,
    Snapshot,
    T,
    Targets,
    Timestamp,
    read_root,
    read_snapshot,
    read_targets,
    read_timestamp,
)
from firmhold.trust.tuf.wire import Envelope, parse_envelope
from firmhold.trust.verified import Verified, seal

ROOT, TIMESTAMP, SNAPSHOT, TARGETS = "root", "timestamp", "snapshot", "targets"


@dataclass(frozen=True, slots=True)
class Remembered:
    """What earlier cycles trusted: good for rollback checks, whatever its date."""

    timestamp: Verified[Timestamp] | None = None
    snapshot: Verified[Snapshot] | None = None


@dataclass(frozen=True, slots=True)
class Delegated:
    """Targets metadata together with the authority under which they were judged."""

    authority: Authority
    document: Verified[Targets]


@dataclass(frozen=True, slots=True)
class TrustedSet:
    """What is trusted now; made by `pin` and grown by its own steps only."""

    dialect: Dialect
    root: Verified[Root]
    remembered: Remembered = field(default_factory=Remembered)
    timestamp: Verified[Timestamp] | None = None
    snapshot: Verified[Snapshot] | None = None
    targets: Mapping[str, Delegated] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def pin(cls, data: bytes, dialect: Dialect) -> "TrustedSet":
        """Trust `data`, which came by a safe way, if it is root metadata signed by itself (5.2)."""
        envelope = parse_envelope(data, ROOT, ROOT)
        root = read_root(envelope, dialect)
        _require_quorum(root.authorities[ROOT], envelope, Code.TUF_SIGNATURES_ROOT_BY_ITSELF)
        return cls(dialect, seal(root))

    def accept_root(self, data: bytes) -> "TrustedSet":
        """Trust the next root (5.3.4, 5.3.5, 5.3.7). Its date does not matter yet (5.3.6)."""
        old = self.root.value
        envelope = parse_envelope(data, ROOT, ROOT)
        # 5.3.4 (1): signed by a threshold of the trusted root's keys.
        _require_quorum(old.authorities[ROOT], envelope, Code.TUF_SIGNATURES_ROOT_BY_TRUSTED)
        # 5.3.4 (2): signed by a threshold of its own keys.
        new = read_root(envelope, self.dialect)
        _require_quorum(new.authorities[ROOT], envelope, Code.TUF_SIGNATURES_ROOT_BY_ITSELF)
        # 5.3.5: exactly the next version.
        _require_version(Code.TUF_ROOT_VERSION, ROOT, old.version + 1, new.version)
        # Ours, silent for a plain client: the domain stays, the freshness epoch never goes back.
        old.fields.require_successor(new.fields)
        return TrustedSet(self.dialect, seal(new))

    def rotates_from(self, older: "TrustedSet") -> bool:
        """Tell whether a timestamp or snapshot key of `older` may no longer sign (5.3.11)."""
        return any(
            older.root.value.authorities[role].identities
            - self.root.value.authorities[role].identities
            for role in (TIMESTAMP, SNAPSHOT)
        )

    def require_fresh_root(self, now: datetime) -> None:
        """Refuse to go on under an expired root (5.3.10)."""
        _require_fresh(Code.TUF_FREEZE_ROOT, ROOT, self.root.value.expires, now)

    def restore(self, timestamp: bytes | None, snapshot: bytes | None) -> "TrustedSet":
        """Remember stored metadata that the present root's keys signed; drop what they did not."""
        return replace(
            self,
            remembered=Remembered(
                _restored(timestamp, TIMESTAMP, read_timestamp, self),
                _restored(snapshot, SNAPSHOT, read_snapshot, self),
            ),
        )

    def accept_timestamp(self, data: bytes, now: datetime) -> "TrustedSet":
        """Trust a timestamp (5.4.2 to 5.4.4); one of an equal version changes nothing (5.4.3.1)."""
        self.require_fresh_root(now)
        # 5.4.2: signed by a threshold of the root's timestamp keys.
        envelope = parse_envelope(data, TIMESTAMP, TIMESTAMP)
        _require_quorum(self._top(TIMESTAMP), envelope, Code.TUF_SIGNATURES_TIMESTAMP)
        new = read_timestamp(envelope, self.dialect)
        known = self.timestamp or self.remembered.timestamp
        accepted = seal(new)
        if known is not None and new.version == known.value.version:
            accepted = self.dialect.repeats.choose(known, accepted)
        if known is not None:
            # 5.4.3.1: never an older timestamp.
            _require_at_least(
                Code.TUF_ROLLBACK_TIMESTAMP, TIMESTAMP, known.value.version, new.version
            )
            # 5.4.3.2: nor one that names an older snapshot.
            _require_at_least(
                Code.TUF_ROLLBACK_SNAPSHOT,
                SNAPSHOT,
                known.value.snapshot.version,
                accepted.value.snapshot.version,
            )
        # 5.4.4: not expired.
        _require_fresh(Code.TUF_FREEZE_TIMESTAMP, TIMESTAMP, accepted.value.expires, now)
        if accepted is self.timestamp:
            return self
        # What an older timestamp led to serves rollback checks from now on, and nothing else.
        known_snapshot = self.snapshot or self.remembered.snapshot
        remembered = replace(self.remembered, snapshot=known_snapshot)
        return TrustedSet(self.dialect, self.root, remembered, accepted)

    def accept_snapshot(self, data: bytes, now: datetime) -> "TrustedSet":
        """Trust the snapshot that the timestamp names (5.5.2 to 5.5.6)."""
        named = self.require_fresh_timestamp(now).snapshot
        # 5.5.2: the bytes that the timestamp names.
        named.expectation.check(data)
        # 5.5.3: signed by a threshold of the root's snapshot keys.
        envelope = parse_envelope(data, SNAPSHOT, SNAPSHOT)
        _require_quorum(self._top(SNAPSHOT), envelope, Code.TUF_SIGNATURES_SNAPSHOT)
        new = read_snapshot(envelope, self.dialect)
        # 5.5.4: the version that the timestamp names.
        _require_version(Code.TUF_MIX_SNAPSHOT_VERSION, SNAPSHOT, named.version, new.version)
        # 5.5.5: no role vanishes, none goes back.
        known = self.snapshot or self.remembered.snapshot
        if known is not None:
            _require_no_rollback(known.value, new)
        # 5.5.6: not expired.
        _require_fresh(Code.TUF_FREEZE_SNAPSHOT, SNAPSHOT, new.expires, now)
        return replace(self, snapshot=seal(new), targets=MappingProxyType({}))

    def accept_targets(self, data: bytes, now: datetime) -> "TrustedSet":
        """Trust the top-level targets that the snapshot names (5.6.2 to 5.6.5)."""
        return self.accept_delegated(data, TARGETS, ROOT, now)

    def accept_delegated(
        self, data: bytes, role: str, delegator: str, now: datetime
    ) -> "TrustedSet":
        """Trust targets metadata for `role` as `delegator` delegates it today (5.6.7)."""
        # 5.6.2: the bytes that the snapshot names.
        named = self.named_in_snapshot(role, now)
        named.expectation.check(data)
        # 5.6.3: signed by a threshold of the keys that the *present* delegator gives the role.
        envelope = parse_envelope(data, TARGETS, role)
        code = Code.TUF_SIGNATURES_TARGETS if role == TARGETS else Code.TUF_SIGNATURES_DELEGATED
        authority = self.authority(role, delegator)
        _require_quorum(authority, envelope, code)
        new = read_targets(envelope, self.dialect)
        # 5.6.4: the version that the snapshot names.
        _require_version(Code.TUF_MIX_TARGETS_VERSION, role, named.version, new.version)
        # 5.6.5: not expired.
        _require_fresh(Code.TUF_FREEZE_TARGETS, role, new.expires, now)
        accepted = {**self.targets, role: Delegated(authority, seal(new))}
        return replace(self, targets=MappingProxyType(accepted))

    def require_fresh_timestamp(self, now: datetime) -> Timestamp:
        """Return the accepted timestamp unless it or the root is out of date by now."""
        self.require_fresh_root(now)
        timestamp = _present(self.timestamp, TIMESTAMP).value
        _require_fresh(Code.TUF_FREEZE_TIMESTAMP, TIMESTAMP, timestamp.expires, now)
        return timestamp

    def named_in_snapshot(self, role: str, now: datetime) -> MetaFile:
        """Return what the accepted snapshot says of a targets role (5.6.1)."""
        self.require_fresh_timestamp(now)
        snapshot = _present(self.snapshot, SNAPSHOT).value
        _require_fresh(Code.TUF_FREEZE_SNAPSHOT, SNAPSHOT, snapshot.expires, now)
        entry = snapshot.meta.get(f"{role}.json")
        if entry is None:
            fault = Absent(code=Code.TUF_NOT_IN_SNAPSHOT, name=role, listed_in=SNAPSHOT)
            raise Refused(fault)
        return entry

    def authority(self, role: str, delegator: str) -> Authority:
        """Return who may sign for a targets role, as `delegator` says today."""
        if delegator == ROOT and role == TARGETS:
            return self._top(TARGETS)
        parent = self.targets.get(delegator)
        authority = parent.document.value.authority(role, delegator) if parent else None
        if authority is None:
            what = f"{delegator} is not trusted or does not delegate to {role}"
            raise Misuse(UsageFault(code=Code.MISUSE, what=what))
        return authority

    def _top(self, role: str) -> Authority:
        return self.root.value.authorities[role]


def _restored(
    data: bytes | None, kind: str, read: Callable[[Envelope, Dialect], T], trusted: TrustedSet
) -> Verified[T] | None:
    """What stored metadata still say under the present root; None if they say nothing."""
    if data is None:
        return None
    try:
        envelope = parse_envelope(data, kind, kind)
    except Refused:
        return None
    authority = trusted.root.value.authorities[kind]
    return seal(read(envelope, trusted.dialect)) if authority.tally(envelope).met else None


def _require_quorum(authority: Authority, envelope: Envelope, code: Code) -> None:
    count = authority.tally(envelope)
    if not count.met:
        raise Refused(
            QuorumUnmet(
                code=code,
                role=authority.role,
                delegator=authority.delegator,
                threshold=count.threshold,
                signed=tuple(count.signed),
                missing=tuple(count.missing),
            )
        )


def _require_version(code: Code, role: str, expected: int, found: int) -> None:
    if found != expected:
        raise Refused(VersionMismatch(code=code, role=role, expected=expected, found=found))


def _require_at_least(code: Code, role: str, least: int, found: int) -> None:
    if found < least:
        raise Refused(VersionMismatch(code=code, role=role, expected=least, found=found))


def _require_fresh(code: Code, role: str, expires: datetime, now: datetime) -> None:
    if expires <= now:
        raise Refused(Expired(code=code, role=role, expires=expires, now=now))


def _require_no_rollback(known: Snapshot, new: Snapshot) -> None:
    for name, entry in known.meta.items():
        offered = new.meta.get(name)
        if offered is None:
            fault = Absent(code=Code.TUF_REMOVED_FROM_SNAPSHOT, name=name, listed_in=SNAPSHOT)
            raise Refused(fault)
        _require_at_least(Code.TUF_ROLLBACK_TARGETS, name, entry.version, offered.version)


def _present(document: Verified[T] | None, role: str) -> Verified[T]:
    if document is None:
        raise Misuse(UsageFault(code=Code.MISUSE, what=f"no {role} was accepted yet"))
    return document
