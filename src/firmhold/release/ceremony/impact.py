"""What stops working without a key: every place where it stands, and who is left there.

Shown before anything is changed. A key is looked for in both roots, in the delegations of the
targets and in the trust settings.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from firmhold.release.ceremony.choose import keys_of
from firmhold.release.ceremony.offices import Office, offices
from firmhold.release.ceremony.plan import CeremonyKind, RepositoryName
from firmhold.release.ceremony.propose import DIRECTOR_ROOT
from firmhold.release.ceremony.standing import standing
from firmhold.release.documents import parse
from firmhold.release.ports import Desk
from firmhold.trust.keys import KeyId
from firmhold.trust.quorum import Holder
from firmhold.trust.tuf.roles import Authority

DOCUMENTS: Mapping[str, tuple[CeremonyKind, RepositoryName]] = {
    "root": (CeremonyKind.ROOT, RepositoryName.IMAGE),
    DIRECTOR_ROOT: (CeremonyKind.ROOT, RepositoryName.DIRECTOR),
    "targets": (CeremonyKind.AUTHORITY, RepositoryName.IMAGE),
}
"""The delegators at a desk, each with a ceremony that reads it."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A role in which a key has a seat: who holds it now, and who would be left."""

    document: str
    """The delegator, under the name by which the desk keeps it."""
    role: str
    keys: tuple[KeyId, ...]
    threshold: int
    before: tuple[Holder, ...]
    after: tuple[Holder, ...]
    unmet: bool
    """The newest metadata of the role would no longer be signed by enough holders."""

    @property
    def signable(self) -> bool:
        """True if those who are left are enough."""
        return len(self.after) >= self.threshold

    def words(self) -> Iterator[str]:
        """Yield what people are told of it."""
        names = ", ".join(self.after) or "nobody"
        yield (
            f"{self.role} ({self.document}): {self.threshold} of {', '.join(self.before)}"
            f" becomes {self.threshold} of {names}"
        )
        if not self.signable:
            yield f"  too few are left: appoint another ({self.role}=CARD), or nobody can sign it"
        if self.unmet:
            again = f"{self.threshold} of {names}" if self.signable else "those who come"
            yield f"  the newest {self.role} was signed by this key: {again} must sign it anew"


@dataclass(frozen=True, slots=True)
class Impact:
    """Every place that a key has at a desk."""

    who: str
    losses: tuple[Loss, ...]
    offices: tuple[Office, ...]

    def words(self) -> Iterator[str]:
        """Yield what people are told before they go on."""
        if not self.losses and not self.offices:
            yield f"{self.who} has no seat at this desk: nothing would change"
        for loss in self.losses:
            yield from loss.words()
        for office in self.offices:
            yield from office.words()


def impact(desk: Desk, who: str) -> Impact:
    """Return what a desk would lose with the keys of a holder, or with one key by its id."""
    losses = tuple(loss for document in DOCUMENTS for loss in _losses(desk, document, who))
    return Impact(who, losses, tuple(each for each in offices(desk) if each.is_of(who)))


def _losses(desk: Desk, document: str, who: str) -> Iterator[Loss]:
    if desk.current(document) is None:
        return
    for authority in standing(desk, *DOCUMENTS[document]).values():
        if keys := keys_of(who, authority):
            yield _loss(desk, document, authority, tuple(keys))


def _loss(desk: Desk, document: str, authority: Authority, keys: tuple[KeyId, ...]) -> Loss:
    seats = {key: seat for key, seat in authority.seats.items() if key not in keys}
    return Loss(
        document=document,
        role=authority.role,
        keys=keys,
        threshold=authority.threshold,
        before=_names(authority),
        after=_names(replace(authority, seats=seats)),
        unmet=_unmet(desk, document, replace(authority, seats=seats)),
    )


def _unmet(desk: Desk, document: str, left: Authority) -> bool:
    """Tell whether the newest metadata of a role need other signatures once a key is gone."""
    if document == DIRECTOR_ROOT or left.role == "root":
        return False  # a root is followed by the next one; the Director signs for each device
    data = desk.current(left.role)
    return data is not None and not left.tally(parse(data, left.role)).met


def _names(authority: Authority) -> tuple[Holder, ...]:
    return tuple(sorted({seat.holder for seat in authority.seats.values()}))
