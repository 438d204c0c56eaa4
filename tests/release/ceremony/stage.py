"""A domain whose keys are made from names, and the ceremonies of its life."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from firmhold.release.adapters.folder import FolderDesk
from firmhold.release.ceremony.adopt import adopt
from firmhold.release.ceremony.assemble import assemble
from firmhold.release.ceremony.cards import Card, make_card, parse_card
from firmhold.release.ceremony.changes import Appoint, Change
from firmhold.release.ceremony.outcome import Outcome, work_out
from firmhold.release.ceremony.partial import Partial, sign_plan
from firmhold.release.ceremony.plan import CeremonyKind, Plan, RepositoryName
from firmhold.release.ceremony.propose import Wish, propose, propose_first
from firmhold.release.ceremony.transcript import Files, verify
from firmhold.sim.signer import sim_signer
from firmhold.trust.keys import KeyId
from firmhold.trust.tuf.root_fields import Domain

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
ROOT_HOLDERS, TARGETS_HOLDERS = ("r1", "r2", "r3"), ("t1", "t2", "t3")
AUTHORITY = tuple(
    (role, holder)
    for role, first in (("feature", "f"), ("security", "s"))
    for holder in (f"{first}1", f"{first}2", f"{first}3")
)


def card(holder: str, key: str | None = None) -> Card:
    """The card of a holder, whose key is made from his name unless another is named."""
    return parse_card(make_card(holder, sim_signer(key or holder)))


def key_id(name: str) -> KeyId:
    """The id of the key that is made from a name."""
    return sim_signer(name).key_id


def seats(*pairs: tuple[str, str]) -> tuple[Appoint, ...]:
    """Appointments of holders to roles."""
    return tuple(Appoint(role, card(holder)) for role, holder in pairs)


FIRST = seats(
    *(("root", holder) for holder in ROOT_HOLDERS),
    *(("targets", holder) for holder in TARGETS_HOLDERS),
    ("snapshot", "snapshot"),
    ("timestamp", "timestamp"),
)


def first_plan(changes: Sequence[Change] = FIRST) -> Plan:
    """The plan of a first root."""
    return propose_first(RepositoryName.IMAGE, Domain.PRODUCTION, changes, NOON)


def signed_by(plan: Plan, outcome: Outcome, names: Iterable[str]) -> list[Partial]:
    """The partial signatures of holders."""
    return [sign_plan(plan, outcome, sim_signer(name)) for name in names]


@dataclass
class Stage:
    """A desk and the ceremonies held at it."""

    desk: FolderDesk
    now: datetime = NOON
    pinned: bytes | None = field(default=None)

    def hold(self, plan: Plan, names: Iterable[str]) -> int:
        """Hold a whole ceremony; `names` sign."""
        outcome = work_out(plan, self.pinned)
        partials = signed_by(plan, outcome, names)
        files = Files(plan, outcome, partials, assemble(plan, outcome, partials))
        version = adopt(self.desk, files, verify(files, "auditor", sim_signer("auditor"), self.now))
        if self.pinned is None:
            self.pinned = files.document
        return version

    def plan(
        self,
        kind: CeremonyKind,
        *changes: Change,
        repository: RepositoryName = RepositoryName.IMAGE,
    ) -> Plan:
        """The plan of a ceremony over what stands now."""
        return propose(self.desk, Wish(kind, repository, changes), self.now)

    def begin(self) -> "Stage":
        """Hold the first two ceremonies: a root, and both authorities."""
        self.hold(first_plan(), ("r1", "r2"))
        self.hold(self.plan(CeremonyKind.AUTHORITY, *seats(*AUTHORITY)), ("t1", "t3"))
        return self
