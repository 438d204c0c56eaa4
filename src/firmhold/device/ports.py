"""What installing needs of the machine that it runs on."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Protocol

from firmhold.update.journal import Accepted, Candidate
from firmhold.update.slots import BootRecord, Slot, SlotRecord


@unique
class Repository(StrEnum):
    """The two repositories that must agree (Uptane)."""

    IMAGE = "image"
    DIRECTOR = "director"


class Durable(Protocol):
    """A folder of small files, each of whose operations may be the last before the power fails.

    Nothing is durable before it was synced: neither bytes, nor names. A rename may be atomic; on
    some file systems it may also leave the new name with no bytes. Failures are `Damaged`.
    """

    def read(self, name: str, max_bytes: int) -> bytes | None:
        """Return the bytes of a file, one more than `max_bytes` at most; None: no such file."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Make a file with these bytes, or give it these bytes and no others."""
        ...

    def sync(self, name: str) -> None:
        """Make the bytes of a file durable."""
        ...

    def rename(self, old: str, new: str) -> None:
        """Give a file the name `new`, in place of the file that had it."""
        ...

    def sync_folder(self) -> None:
        """Make the names durable."""
        ...


class Seal(Protocol):
    """A tag over bytes that nobody makes without this device's own key."""

    def tag(self, data: bytes) -> bytes:
        """Return 32 bytes that depend on all of `data` and on the key."""
        ...


class BootControl(Protocol):
    """The record that the boot chain reads. What a method wrote is durable when it returns.

    Each write is atomic, or leaves that slot's record unreadable, which reads as `UNREADABLE`.
    """

    def running(self) -> Slot | None:
        """Return the slot that this system was booted from (None: it is the recovery system)."""
        ...

    def read(self) -> BootRecord:
        """Return the whole record."""
        ...

    def mark(self, slot: Slot, record: SlotRecord) -> None:
        """Replace the record of one slot."""
        ...

    def prefer(self, slot: Slot) -> None:
        """Have `slot` tried first."""
        ...


class BlockDevice(Protocol):
    """The medium of one slot. Failures are `Damaged`."""

    @property
    def size(self) -> int:
        """How many bytes it holds."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes, from a cache if there is one."""
        ...

    def read_back(self, offset: int, length: int) -> bytes:
        """Return bytes as the medium itself has them."""
        ...

    def write(self, offset: int, data: bytes) -> None:
        """Write bytes, which are not durable yet."""
        ...

    def flush(self) -> None:
        """Make all that was written durable."""
        ...


class Floor(Protocol):
    """The security floor in the hardware: a number that never falls."""

    def read(self) -> int:
        """Return the floor."""
        ...

    def raise_to(self, counter: int) -> None:
        """Raise it, durably; to a number that is not higher: do nothing."""
        ...


class Power(Protocol):
    """The switch."""

    def reboot(self) -> None:
        """Have the device start anew soon; the caller ends its work at once."""
        ...


class Documents(Protocol):
    """What was brought from the servers, or lies on a medium; nothing of it is believed yet."""

    def metadata(self, repository: Repository, path: str, max_bytes: int) -> bytes | None:
        """Return metadata of a repository, `max_bytes` at most; None: they were not brought."""
        ...

    def target(self, path: str, max_bytes: int) -> bytes:
        """Return a small target of the image repository, `max_bytes` at most of it.

        Raises `Unavailable` if it was not brought.
        """
        ...


class ImageSource(Protocol):
    """Where the bytes of a release come from: fetched, made from another image, or unpacked."""

    def extent(self, release: Candidate, first: int) -> tuple[int, bytes]:
        """Return the extent that makes piece `first`: its own first piece, and whole pieces.

        Raises `Unavailable`, or `Refused` where what came is not what was signed.
        """
        ...


class Warrant(Protocol):
    """The word of the newest root and targets about what was accepted before."""

    def withdrawn(self, accepted: Accepted) -> bool:
        """Tell whether they do not authorise it any more; dates are judged as of `accepted.at`."""
        ...


class HealthChecks(Protocol):
    """What a release must show; run with their bounds of time and memory."""

    def failed(self, release: bytes | None) -> tuple[str, ...]:
        """Run the checks of a release (None: those of any), name those that did not pass."""
        ...


@dataclass(frozen=True, slots=True)
class Machine:
    """All of it, but for the health checks, which are asked when the system is up."""

    boot: BootControl
    slots: Mapping[Slot, BlockDevice]
    floor: Floor
    power: Power
    source: ImageSource
    warrant: Warrant
