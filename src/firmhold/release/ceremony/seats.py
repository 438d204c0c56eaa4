"""Who sits where at a desk: every seat of every delegator, with its key and its last day."""

from collections.abc import Iterator
from dataclasses import dataclass

from firmhold.release.ceremony.impact import DOCUMENTS
from firmhold.release.ceremony.standing import standing
from firmhold.release.ceremony.words import short
from firmhold.release.ports import Desk
from firmhold.trust.encoding import JsonObject
from firmhold.trust.keys import KeyId
from firmhold.trust.quorum import Seat
from firmhold.trust.shape import written_date


@dataclass(frozen=True, slots=True)
class Sitting:
    """A seat, and where it is."""

    document: str
    role: str
    threshold: int
    key_id: KeyId
    seat: Seat

    def to_json(self) -> JsonObject:
        """Return it for a program."""
        return {
            "document": self.document,
            "role": self.role,
            "threshold": self.threshold,
            "holder": self.seat.holder,
            "key": str(self.key_id),
            "scheme": self.seat.key.scheme,
            "retires": None if self.seat.retires is None else written_date(self.seat.retires),
        }

    def words(self) -> str:
        """Return it for people."""
        retires = self.seat.retires
        until = "" if retires is None else f", retires {written_date(retires)}"
        about = f"{self.role} ({self.document}, {self.threshold} needed)"
        return (
            f"{about}: {self.seat.holder}, key {short(self.key_id)}, {self.seat.key.scheme}{until}"
        )


def seats(desk: Desk) -> Iterator[Sitting]:
    """Yield every seat at a desk, delegator by delegator."""
    for document, (kind, repository) in DOCUMENTS.items():
        if desk.current(document) is None:
            continue
        for role, authority in standing(desk, kind, repository).items():
            for key_id, seat in authority.seats.items():
                yield Sitting(document, role, authority.threshold, key_id, seat)
