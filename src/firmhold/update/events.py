"""What can happen to an installation; `firmhold.update.installation` says what follows from it."""

from dataclasses import dataclass
from typing import TypeAlias

from firmhold.update.journal import Accepted
from firmhold.update.slots import BootRecord, Slot


@dataclass(frozen=True, slots=True)
class Started:
    """The agent has started; these are the facts that it found."""

    running: Slot | None
    """The slot that runs (None: the recovery system)."""
    record: BootRecord
    floor: int
    """The security floor in the hardware."""
    withdrawn: bool = False
    """Newer root or targets do not authorise the release under way."""


@dataclass(frozen=True, slots=True)
class Begin:
    """A release was verified and accepted for this device."""

    accepted: Accepted


@dataclass(frozen=True, slots=True)
class Written:
    """All pieces of the image before piece number `pieces` are durable in the slot."""

    pieces: int


@dataclass(frozen=True, slots=True)
class Measured:
    """The slot was read back from the medium: `whole` if its root is the one that was signed."""

    whole: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """The health checks of the running system are through."""

    healthy: bool


@dataclass(frozen=True, slots=True)
class Done:
    """The actions of the last step were performed, and are durable."""


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Newer root or targets do not authorise a release, by digest, any more."""

    release: bytes


Event: TypeAlias = Started | Begin | Written | Measured | Judged | Done | Withdrawn
