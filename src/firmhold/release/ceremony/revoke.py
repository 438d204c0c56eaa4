"""Revocation: a key is taken out of every place that it has, in one go, and others take its work.

1. a plan for each delegator that names the key: the next root, the Director's, the next targets;
2. signed, assembled, verified and adopted, as any ceremony is;
3. metadata that the key had signed are signed anew by those who are left;
4. settings that appoint the key are drafted without it.

Nothing reaches devices before it is published, and publishing refuses what devices would refuse: a
revocation that is half done leaves everything as it was.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from firmhold.release.authorities import authority_of
from firmhold.release.build import build_document, renew
from firmhold.release.ceremony.adopt import adopt
from firmhold.release.ceremony.assemble import assemble
from firmhold.release.ceremony.cards import Card
from firmhold.release.ceremony.changes import Appoint, BeginEpoch, Change, Dismiss
from firmhold.release.ceremony.impact import DOCUMENTS, Impact
from firmhold.release.ceremony.offices import (
    FRESHNESS,
    settings_bytes,
    settings_of,
    with_freshness,
    without,
)
from firmhold.release.ceremony.outcome import Outcome, work_out
from firmhold.release.ceremony.partial import Partial, sign_plan
from firmhold.release.ceremony.plan import CeremonyKind, Plan, RepositoryName
from firmhold.release.ceremony.propose import Wish, propose
from firmhold.release.ceremony.standing import next_epoch
from firmhold.release.ceremony.transcript import Files, verify
from firmhold.release.documents import DRAFTED, ONLINE
from firmhold.release.ports import Desk
from firmhold.release.sign import sign
from firmhold.signing.ports import Signer
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.outer_faults import CeremonyFault
from firmhold.trust.settings.trust_settings import SETTINGS_PATH

Pins = Mapping[RepositoryName, bytes]
Say = Callable[[str], None]
FRESHNESS_OFFICE = "freshness"


@dataclass(frozen=True, slots=True)
class Hands:
    """Who is there to sign, and somebody apart who looks at it."""

    signers: Sequence[Signer]
    verifier: str
    verifies: Signer


@dataclass(slots=True)
class Revocation:
    """The taking out of one holder's keys, or of one key."""

    desk: Desk
    impact: Impact
    successors: Mapping[str, Card]
    """Who takes over, by role or office."""
    now: datetime
    plans: dict[str, Plan] = field(default_factory=dict)

    def plan(self) -> dict[str, Plan]:
        """Plan a ceremony for each delegator that names the key. Raises `Misuse` or `Refused`."""
        self._require_successor()
        for document in DOCUMENTS:
            if changes := tuple(self._changes(document)):
                kind, repository = self._kind(document)
                plan = propose(self.desk, Wish(kind, repository, changes), self.now)
                work_out(plan, plan.roots[0].encode())
                self.plans[document] = plan
        return self.plans

    def carry_out(self, pinned: Pins, hands: Hands, say: Say) -> None:
        """Hold the planned ceremonies with those who are there, and sign anew what must be.

        `pinned` are the first roots of the repositories, from a safe place.
        """
        for document, plan in self.plans.items():
            outcome = work_out(plan, pinned[plan.repository])
            partials = [*_signed(plan, outcome, hands.signers)]
            files = Files(plan, outcome, partials, assemble(plan, outcome, partials))
            transcript = verify(files, hands.verifier, hands.verifies, self.now)
            version = adopt(self.desk, files, transcript)
            say(f"{document} version {version}, signed by {', '.join(p.holder for p in partials)}")
        self._draft_settings()
        for role in self._to_sign_anew():
            if self.desk.draft(role) is None:
                renew(self.desk, role, self.now)
            self._sign_draft(role, pinned[RepositoryName.IMAGE], hands, say)

    def _changes(self, document: str) -> Iterator[Change]:
        losses = [loss for loss in self.impact.losses if loss.document == document]
        for loss in losses:
            yield from (Dismiss(loss.role, key_id) for key_id in loss.keys)
        for loss in losses:
            if (card := self.successors.get(loss.role)) is not None:
                yield Appoint(loss.role, card)
        if document == "root" and self._tells_time():
            yield BeginEpoch(next_epoch(self.desk, RepositoryName.IMAGE, self.now))

    def _kind(self, document: str) -> tuple[CeremonyKind, RepositoryName]:
        kind, repository = DOCUMENTS[document]
        roles = {loss.role for loss in self.impact.losses if loss.document == document}
        machines = set(ONLINE if repository is RepositoryName.IMAGE else (*ONLINE, "targets"))
        if kind is CeremonyKind.ROOT and roles <= machines:
            kind = CeremonyKind.ONLINE
        return kind, repository

    def _require_successor(self) -> None:
        """Pass if somebody goes on to tell the time, where it was this key that told it."""
        if self._tells_time() and FRESHNESS_OFFICE not in self.successors:
            detail = f"appoint who tells the time: {FRESHNESS_OFFICE}=CARD"
            what = FRESHNESS_OFFICE
            raise Misuse(CeremonyFault(code=Code.CEREMONY_UNSOUND, what=what, detail=detail))

    def _tells_time(self) -> bool:
        return any(office.name == FRESHNESS for office in self.impact.offices)

    def _draft_settings(self) -> None:
        """Draft settings without the key; who told the time has a successor, in a new epoch."""
        standing_now = settings_of(self.desk)
        if not self.impact.offices or standing_now is None:
            return
        settings = without(standing_now, self.impact.who)
        if self._tells_time():
            card = self.successors[FRESHNESS_OFFICE]
            epoch = next_epoch(self.desk, RepositoryName.IMAGE, self.now).epoch - 1
            settings = with_freshness(settings, card, epoch)
        build_document(self.desk, SETTINGS_PATH, settings_bytes(settings), self.now)

    def _to_sign_anew(self) -> list[str]:
        """The roles whose newest metadata the key had signed, and targets with new settings."""
        roles = {loss.role for loss in self.impact.losses if loss.unmet and loss.role in DRAFTED}
        if self.impact.offices:
            roles.add("targets")
        return [role for role in DRAFTED if role in roles]

    def _sign_draft(self, role: str, pinned: bytes, hands: Hands, say: Say) -> None:
        authority = authority_of(self.desk, role)
        for signer in hands.signers:
            if signer.key_id in authority.seats:
                signed = sign(self.desk, role, signer, self.now, pinned=pinned)
                say(f"{role} version {signed.version}: {signed.tally.needed} more needed")


def _signed(plan: Plan, outcome: Outcome, signers: Sequence[Signer]) -> Iterator[Partial]:
    seated = {key_id for authority in outcome.must_sign for key_id in authority.seats}
    return (sign_plan(plan, outcome, each) for each in signers if each.key_id in seated)
