"""What a check-in brings to a device, and what lies in its spool, as dictionaries open for lies."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from firmhold.device.ports import Repository
from firmhold.trust.errors import Code, Unavailable
from firmhold.trust.outer_faults import FetchFault
from firmhold.update.pieces import Image


@dataclass(frozen=True, slots=True)
class Brought:
    """Metadata of both repositories, small targets, the time (the port `Documents`)."""

    repositories: Mapping[tuple[Repository, str], bytes]
    targets: Mapping[str, bytes]
    statement: bytes
    proof: bytes
    nonce: bytes

    def metadata(self, repository: Repository, path: str, max_bytes: int) -> bytes | None:
        """Return metadata, cut off behind `max_bytes`; None: not brought."""
        key = (repository, path)
        return self.repositories[key][:max_bytes] if key in self.repositories else None

    def target(self, path: str, max_bytes: int) -> bytes:
        """Return a small target, cut off behind `max_bytes`."""
        return _there(self.targets, path)[:max_bytes]


@dataclass(slots=True)
class SimPayloads:
    """Indexes and payloads that anybody may have (the port `Payloads`)."""

    files: dict[str, bytes] = field(default_factory=dict)
    """By their SHA-256."""
    indexes: dict[Image, str] = field(default_factory=dict)
    """The SHA-256 of the index of an image."""

    def index(self, image: Image) -> bytes:
        """Return the index of an image."""
        return _there(self.files, self.indexes.get(image, image.root.hex()))

    def payload(self, sha256: str, length: int) -> bytes:
        """Return a payload, cut off behind `length`."""
        return _there(self.files, sha256)[:length]


def _there(files: Mapping[str, bytes], name: str) -> bytes:
    if name not in files:
        raise Unavailable(FetchFault(code=Code.FETCH_NOT_FOUND, url=name, detail="not brought"))
    return files[name]
