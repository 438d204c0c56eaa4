"""What a key must be so that it can be believed never to have left its place, and what it is.

A finding is something that is not as it should be. A key without findings was made where it lives,
cannot be read or taken out of there, and is good for signatures and for nothing else.
"""

from dataclasses import dataclass
from typing import Protocol

from firmhold.signing.ports import Signer


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was looked at, what it must be, and what it is."""

    what: str
    expected: str
    found: str


class Auditable(Signer, Protocol):
    """A key whose keeping can be examined."""

    def findings(self) -> tuple[Finding, ...]:
        """Return what is not as it should be; none, if all is."""
        ...
