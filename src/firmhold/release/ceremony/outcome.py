"""What a plan comes to: the document that is to be signed, and who must sign it.

Worked out from bytes alone, by each holder for himself and again by whoever assembles, verifies and
adopts. In order:

1. the roots of the plan begin with the root that one holds by a safe way, and follow one another;
2. the targets of the plan are signed by the newest root's holders;
3. the changes are of the kind that the plan names, and can be made;
4. what they make can be read, follows from what stood before, and is sound;
5. it lives no longer than its role may.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from firmhold.release.ceremony.blank import ONLINE, blank_root, blank_targets
from firmhold.release.ceremony.changes import BeginEpoch, Retire, changed
from firmhold.release.ceremony.plan import CeremonyKind, Plan, RepositoryName
from firmhold.release.ceremony.soundness import require_sound
from firmhold.release.documents import DELEGATED, LIFETIMES, parse, wrapped
from firmhold.trust.encoding import JsonObject
from firmhold.trust.errors import Code, FirmholdError, Refused
from firmhold.trust.outer_faults import CeremonyFault
from firmhold.trust.quorum import Holder
from firmhold.trust.shape import written_date
from firmhold.trust.tuf.dialect import FIRMHOLD
from firmhold.trust.tuf.roles import Authority, Root, read_root, read_targets
from firmhold.trust.tuf.schema import a_number
from firmhold.trust.tuf.trusted_set import TrustedSet
from firmhold.trust.tuf.wire import Envelope
from firmhold.trust.verified import Verified

ROOT, TARGETS = "root", "targets"
_OFFLINE_OF_ROOT = (ROOT, TARGETS)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The document that a plan comes to, unsigned; each authority of `must_sign` must sign it."""

    role: str
    version: int
    expires: datetime
    unsigned: bytes
    must_sign: tuple[Authority, ...]
    before: TrustedSet | None
    roles_before: Mapping[str, Authority]
    roles: Mapping[str, Authority]


def work_out(plan: Plan, pinned: bytes | None) -> Outcome:
    """Return what `plan` comes to for somebody who holds the first root `pinned`.

    `pinned` is None for a first root alone. Raises `Refused`.
    """
    before = _before(plan, pinned)
    if plan.kind is CeremonyKind.AUTHORITY:
        return _next_targets(plan, before)
    return _next_root(plan, before)


def _before(plan: Plan, pinned: bytes | None) -> TrustedSet | None:
    roots = [text.encode() for text in plan.roots]
    if not roots:
        if plan.first is None or plan.kind is not CeremonyKind.ROOT:
            raise _refused(Code.CEREMONY_BEFORE, ROOT, "a plan without roots is for a first one")
        if pinned is not None:
            raise _refused(Code.CEREMONY_BEFORE, ROOT, "you hold a root already")
        return None
    if plan.first is not None or pinned != roots[0]:
        raise _refused(Code.CEREMONY_BEFORE, ROOT, "the plan's first root is not the one you hold")
    try:
        trusted = TrustedSet.pin(roots[0], FIRMHOLD)
        for root in roots[1:]:
            trusted = trusted.accept_root(root)
    except Refused as error:
        raise _refused(Code.CEREMONY_BEFORE, ROOT, str(error)) from error
    return trusted


def _next_root(plan: Plan, before: TrustedSet | None) -> Outcome:
    signed = _root_before(plan)
    version = _version(signed) + 1
    _require_kind(plan, _roles_of(plan))
    envelope = _read_back(changed(signed, plan.changes, version, plan.expires), ROOT)
    new = read_root(envelope, FIRMHOLD)
    old: Root | None = None if before is None else before.root.value
    if old is not None:
        old.fields.require_successor(new.fields)
    online = ONLINE[plan.repository]
    require_sound(new.authorities, online, new.expires, _delegates(plan, before))
    _require_lifetime(plan, ROOT)
    must = () if old is None else (old.authorities[ROOT],)
    return Outcome(
        ROOT,
        version,
        new.expires,
        wrapped(envelope.signed),
        (*must, new.authorities[ROOT]),
        before,
        {} if old is None else old.authorities,
        new.authorities,
    )


def _next_targets(plan: Plan, before: TrustedSet | None) -> Outcome:
    if before is None or plan.repository is not RepositoryName.IMAGE:
        raise _refused(Code.CEREMONY_BEFORE, TARGETS, "only under a root of the image repository")
    _require_kind(plan, DELEGATED)
    there = _targets_before(plan, before.root)
    signed = blank_targets() if there is None else there.signed
    version = _version(signed) + 1
    envelope = _read_back(changed(signed, plan.changes, version, plan.expires), TARGETS)
    roles = _authorities(envelope)
    top = before.root.value.authorities
    elsewhere = {
        seat.holder: role for role in _OFFLINE_OF_ROOT for seat in top[role].seats.values()
    }
    require_sound(roles, (), envelope.expires, elsewhere)
    _require_lifetime(plan, TARGETS)
    return Outcome(
        TARGETS,
        version,
        envelope.expires,
        wrapped(envelope.signed),
        (top[TARGETS],),
        before,
        {} if there is None else _authorities(there),
        roles,
    )


def _root_before(plan: Plan) -> JsonObject:
    if plan.first is not None:
        return blank_root(plan.repository, plan.first.domain, plan.first.freshness)
    return parse(plan.roots[-1].encode(), ROOT).signed


def _targets_before(plan: Plan, root: Verified[Root]) -> Envelope | None:
    if plan.targets is None:
        return None
    envelope = parse(plan.targets.encode(), TARGETS)
    if not root.value.authorities[TARGETS].tally(envelope).met:
        raise _refused(Code.CEREMONY_BEFORE, TARGETS, "not signed by enough holders of targets")
    return envelope


def _delegates(plan: Plan, before: TrustedSet | None) -> dict[Holder, str]:
    """Holders of the authorities, who sit in no root."""
    if before is None or plan.targets is None:
        return {}
    # A root that dismisses holders of targets may leave these targets without their quorum, which
    # is for the next ones to mend: so they are read here under the root that signed them.
    there = _targets_before(plan, before.root)
    roles = {} if there is None else _authorities(there)
    return {seat.holder: name for name, each in roles.items() for seat in each.seats.values()}


def _authorities(envelope: Envelope) -> dict[str, Authority]:
    targets = read_targets(envelope, FIRMHOLD)
    found = {role: targets.authority(role, TARGETS) for role in DELEGATED}
    return {role: authority for role, authority in found.items() if authority is not None}


def _roles_of(plan: Plan) -> tuple[str, ...]:
    online = ONLINE[plan.repository]
    offline = tuple(role for role in _OFFLINE_OF_ROOT if role not in online)
    if plan.first is not None:
        return (*offline, *online)
    return offline if plan.kind is CeremonyKind.ROOT else online


def _require_kind(plan: Plan, roles: tuple[str, ...]) -> None:
    for change in plan.changes:
        if not isinstance(change, (Retire, BeginEpoch)) and change.role not in roles:
            detail = f"a ceremony of {plan.kind} is about {', '.join(roles)}"
            raise _refused(Code.CEREMONY_CHANGE, change.role, detail)


def _require_lifetime(plan: Plan, role: str) -> None:
    latest = plan.made_at + LIFETIMES[role]
    if plan.expires > latest:
        detail = f"lives until {written_date(latest)} at most"
        raise _refused(Code.CEREMONY_UNSOUND, role, detail)


def _read_back(signed: JsonObject, role: str) -> Envelope:
    try:
        return parse(wrapped(signed), role)
    except FirmholdError as error:
        raise _refused(Code.CEREMONY_UNSOUND, role, str(error)) from error


def _version(signed: JsonObject) -> int:
    return a_number(signed["version"], "signed.version", 0)


def _refused(code: Code, what: str, detail: str) -> Refused:
    return Refused(CeremonyFault(code=code, what=what, detail=detail))
