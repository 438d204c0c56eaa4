"""The only place that counts signatures.

First distinct public keys, then distinct holders: a key under two names counts once, and so does a
person with two keys. Counting returns a `Tally`; refusing is somebody else's line.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from firmhold.trust.keys import KeyId, KeyIdentity, PublicKey

Holder = NewType("Holder", str)
"""Who answers for a key: a person or a service by its declared name."""


@dataclass(frozen=True, slots=True)
class Seat:
    """A place in a quorum: a key and the holder who answers for it."""

    key: PublicKey
    holder: Holder
    retires: datetime | None = None
    """It may sign nothing that lives longer than that; None: no such day was named."""

    def may_sign(self, expires: datetime) -> bool:
        """Tell whether this seat may sign for something that expires then."""
        return self.retires is None or expires <= self.retires


@dataclass(frozen=True, slots=True)
class Tally:
    """Who signed and who has not, each sorted by name, against a threshold of holders."""

    threshold: int
    signed: tuple[Holder, ...]
    missing: tuple[Holder, ...]

    @property
    def met(self) -> bool:
        """True if enough holders signed. A threshold below one is never met."""
        return len(self.signed) >= self.threshold >= 1

    @property
    def needed(self) -> int:
        """How many more holders must sign."""
        return max(self.threshold - len(self.signed), 0)


def tally(threshold: int, seats: Mapping[KeyId, Seat], signed: Iterable[KeyId]) -> Tally:
    """Count the holders behind the `signed` key ids; an id without a seat counts for nothing.

    Where one public key sits under several ids, it speaks for the first of them in order of id
    only: one signature can never speak for two holders.
    """
    holder_of_key: dict[KeyIdentity, Holder] = {}
    for key_id in sorted(seats):
        holder_of_key.setdefault(seats[key_id].key.identity, seats[key_id].holder)
    keys = {seats[key_id].key.identity for key_id in signed if key_id in seats}
    holders = {holder_of_key[key] for key in keys}
    everyone = set(holder_of_key.values())
    return Tally(threshold, tuple(sorted(holders)), tuple(sorted(everyone - holders)))
