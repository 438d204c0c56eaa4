"""The client workflow of TUF 5, as a conversation: it asks, its driver answers.

A generator yields an `Action`; the driver does it and sends the answer: the bytes, or None where
there are none. So the order of the requests and of the durable writes is decided here, once, for
every client, and can be tested without a socket or a disk.

* `Load`: stored bytes of a role, or None.
* `FetchIfThere`, `Fetch`: bytes below the metadata URL, at most `max_bytes`. Only the former may be
  answered with None (not available); for the latter the driver raises `Unavailable`.
* `Keep`, `Forget`: write or delete a role's stored bytes, durably, before going on.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias, TypeVar

from firmhold.trust.encoding import is_text
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Absent
from firmhold.trust.tuf.delegations import Search
from firmhold.trust.tuf.dialect import Dialect
from firmhold.trust.tuf.roles import MetaFile, Target
from firmhold.trust.tuf.trusted_set import ROOT, SNAPSHOT, TARGETS, TIMESTAMP, TrustedSet
from firmhold.trust.tuf.wire import MAX_BYTES, metadata_file
from firmhold.trust.verified import Verified, seal

MAX_ROOT_ROTATIONS = 1024
"""Roots read in one cycle (Y of TUF 5.3.3); a device further behind goes on in the next one."""


@dataclass(frozen=True, slots=True)
class Load:
    """Give the stored bytes of `role`, or None."""

    role: str


@dataclass(frozen=True, slots=True)
class Fetch:
    """Give the bytes of `path`, at most `max_bytes` of them."""

    path: str
    max_bytes: int


@dataclass(frozen=True, slots=True)
class FetchIfThere:
    """Give the bytes of `path`, at most `max_bytes` of them, or None if it is not available."""

    path: str
    max_bytes: int


@dataclass(frozen=True, slots=True)
class Keep:
    """Store `data` for `role`: all of it or nothing of it, durably."""

    role: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Forget:
    """Delete what is stored for `role`, durably."""

    role: str


Action: TypeAlias = Load | Fetch | FetchIfThere | Keep | Forget
R = TypeVar("R")
Steps: TypeAlias = Generator[Action, bytes | None, R]


def drive(steps: Steps[R], perform: Callable[[Action], bytes | None]) -> R:
    """Have every action of a conversation performed, in order; return what it ends with."""
    answer: bytes | None = None
    while True:
        try:
            action = steps.send(answer)
        except StopIteration as end:
            result: R = end.value
            return result
        answer = perform(action)


def refresh(root: bytes, dialect: Dialect, now: datetime) -> Steps[TrustedSet]:
    """Bring all top-level metadata up to date; `root` is the stored, trusted one (5.2 to 5.6)."""
    trusted = yield from update_root(root, dialect)
    return (yield from update_below_root(trusted, now))


def update_root(root: bytes, dialect: Dialect) -> Steps[TrustedSet]:
    """Follow the roots to the newest (5.2, 5.3); none of them is judged by its date yet (5.3.6).

    Who takes the time from what was signed asks the newest root first: it may reset that time.
    """
    trusted = TrustedSet.pin(root, dialect)
    for _ in range(MAX_ROOT_ROTATIONS):
        # 5.3.3: ask for N+1; where there is none, N is the newest.
        name = metadata_file(ROOT, trusted.root.value.version + 1)
        data = yield FetchIfThere(name, MAX_BYTES[ROOT])
        if data is None:
            break
        new = trusted.accept_root(data)
        # 5.3.11: before 5.3.8, so that a power cut between the two repeats the deletion rather than
        # leave a fast-forwarded timestamp under the root that was to end it.
        if new.rotates_from(trusted):
            yield Forget(TIMESTAMP)
            yield Forget(SNAPSHOT)
        yield Keep(ROOT, data)
        trusted = new
    return trusted


def update_below_root(trusted: TrustedSet, now: datetime) -> Steps[TrustedSet]:
    """Judge the newest root by its date, then bring what stands below it up to date (5.3.10)."""
    trusted.require_fresh_root(now)
    trusted = yield from _restore(trusted)
    trusted = yield from _update_timestamp(trusted, now)
    trusted = yield from _update_snapshot(trusted, now)
    return (yield from _update_targets(trusted, TARGETS, ROOT, now))


def find_target(
    trusted: TrustedSet, path: str, now: datetime
) -> Steps[tuple[TrustedSet, Verified[Target]]]:
    """Search the delegations for `path` (5.6.7); raises `Refused` if nobody speaks for it."""
    absent = Absent(code=Code.TUF_NO_SUCH_TARGET, name=path, listed_in=TARGETS)
    if not is_text(path):
        raise Refused(absent)  # no document can name it, and no hash bin can be computed for it
    search = Search()
    while (step := search.next()) is not None:
        visit, search = step
        trusted = yield from _update_targets(trusted, visit.role, visit.delegator, now)
        document = trusted.targets[visit.role].document.value
        target = document.target(path, visit.role)
        if target is not None:
            return trusted, seal(target)
        search = search.enter(visit, document.delegates(path))
    raise Refused(absent)


def _restore(trusted: TrustedSet) -> Steps[TrustedSet]:
    """Remember what is stored, as far as the present root vouches for it.

    What it does not vouch for stays where it is, and counts for nothing until a root does again: a
    quorum that was enlarged is no reason to throw rollback protection away.
    """
    timestamp = yield Load(TIMESTAMP)
    snapshot = yield Load(SNAPSHOT)
    return trusted.restore(timestamp, snapshot)


def _update_timestamp(trusted: TrustedSet, now: datetime) -> Steps[TrustedSet]:
    data = yield Fetch(metadata_file(TIMESTAMP), MAX_BYTES[TIMESTAMP])
    accepted = trusted.accept_timestamp(_answered(data), now)
    if accepted.timestamp is not trusted.remembered.timestamp:
        yield Keep(TIMESTAMP, _answered(data))
    return accepted


def _update_snapshot(trusted: TrustedSet, now: datetime) -> Steps[TrustedSet]:
    named = trusted.require_fresh_timestamp(now).snapshot
    stored = yield Load(SNAPSHOT)
    if stored is not None and trusted.dialect.repeats.may_reuse(named.expectation):
        try:
            return trusted.accept_snapshot(stored, now)
        except Refused:
            pass  # an older one, or another than the timestamp names: ask for the named one
    data = _answered((yield _fetch(trusted, SNAPSHOT, SNAPSHOT, named)))
    trusted = trusted.accept_snapshot(data, now)
    yield Keep(SNAPSHOT, data)
    return trusted


def _update_targets(
    trusted: TrustedSet, role: str, delegator: str, now: datetime
) -> Steps[TrustedSet]:
    known = trusted.targets.get(role)
    if known is not None and known.authority == trusted.authority(role, delegator):
        return trusted
    named = trusted.named_in_snapshot(role, now)
    stored = yield Load(role)
    if stored is not None and trusted.dialect.repeats.may_reuse(named.expectation):
        try:
            return trusted.accept_delegated(stored, role, delegator, now)
        except Refused:
            pass  # an older one, or the delegator gave the role other keys: ask for the named one
    data = _answered((yield _fetch(trusted, role, TARGETS, named)))
    trusted = trusted.accept_delegated(data, role, delegator, now)
    yield Keep(role, data)
    return trusted


def _fetch(trusted: TrustedSet, role: str, kind: str, named: MetaFile) -> Fetch:
    """The request for a role that another one names: never more bytes than it names (5.5.1)."""
    version = named.version if trusted.root.value.consistent_snapshot else None
    length = named.expectation.length
    limit = MAX_BYTES[kind] if length is None else min(length, MAX_BYTES[kind])
    return Fetch(metadata_file(role, version), limit)


def _answered(data: bytes | None) -> bytes:
    """Narrow the answer to a `Fetch`: a driver that sends None breaks the contract."""
    if data is None:
        raise TypeError("a Fetch is answered with bytes")  # noqa: TRY003
    return data
