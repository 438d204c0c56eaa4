"""Durable storage of which every operation can be the last before the power fails.

A `Supply` feeds the media of one machine and counts what they do. Cut it at any operation::

    supply = Supply()
    disk, slot = SimDisk(supply), SimSlot(supply, blocks=8)
    supply.cut_at(3, Fate.TORN)
    ...                                    # raises PowerCut instead of the third operation
    supply.restore()                       # the media hold what the cut left, and go on

or have all cuts of a run without making any: `supply.watch` is told, before each operation, of the
operation; `medium.durable(fate, operation)` is what that medium would hold after a cut in it.

A cut leaves of everything that was not synced, and of the operation itself, all (*kept*), nothing
(*lost*) or half (*torn*). Names and bytes are synced apart, as on a real file system.
"""

from collections.abc import Callable, Hashable
from copy import deepcopy
from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import Protocol

from firmhold.sim.desk import PowerCut
from firmhold.update.pieces import PIECE_BYTES


@unique
class Fate(StrEnum):
    """What a power cut does to what was not synced."""

    KEPT = "kept"
    LOST = "lost"
    TORN = "torn"


class Medium(Protocol):
    """Something that holds bytes, or a number, without power."""

    def durable(self, fate: Fate, operation: Hashable | None) -> Hashable:
        """Return what it would hold after a cut, in `operation` if that is its own."""
        ...

    def hold(self, content: Hashable) -> None:
        """Hold `content`, all of it durable."""
        ...


class Supply:
    """The power of one machine: counts durable operations, and fails in one of them."""

    def __init__(self) -> None:
        self.operations = 0
        self.media: list[Medium] = []
        self.watch: Callable[[Medium, Hashable], None] | None = None
        """Told of each operation before it happens."""
        self._cut: tuple[int, Fate] | None = None

    def cut_at(self, operation: int, fate: Fate) -> None:
        """Count from one again, and fail in the `operation`-th operation."""
        self.operations, self._cut = 0, (operation, fate)

    def restore(self) -> None:
        """Let the power stay on from now."""
        self._cut = None

    def spend(self, medium: Medium, operation: Hashable) -> None:
        """Account for an operation that is about to happen; raise `PowerCut` if it does not."""
        self.operations += 1
        if self.watch is not None:
            self.watch(medium, operation)
        if self._cut is not None and self.operations == self._cut[0]:
            self.fail(self._cut[1], medium, operation)
            raise PowerCut

    def fail(
        self, fate: Fate, within: Medium | None = None, operation: Hashable | None = None
    ) -> None:
        """Leave on every medium what a cut leaves."""
        contents = [m.durable(fate, operation if m is within else None) for m in self.media]
        for medium, content in zip(self.media, contents, strict=True):
            medium.hold(content)


# ── files ─────────────────────────────────────────────────────────────────────────────────────────

Files = frozenset[tuple[str, bytes]]
"""What is durable on a disk: names with their bytes."""


@dataclass(slots=True)
class _File:
    """The bytes of a file as programs see them, and those that are durable."""

    data: bytes
    synced: bytes = b""


@dataclass(frozen=True, slots=True)
class FileWrite:
    """Bytes given to a name."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class FileSync:
    """A file's bytes made durable."""

    name: str


@dataclass(frozen=True, slots=True)
class FileRename:
    """A name given to a file."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class FolderSync:
    """The names made durable."""


FileOperation = FileWrite | FileSync | FileRename | FolderSync


@dataclass(slots=True)
class _Folder:
    """Names with their files, as programs see them and as they are durable."""

    seen: dict[str, _File] = field(default_factory=dict)
    durable: dict[str, _File] = field(default_factory=dict)

    def apply(self, operation: FileOperation) -> None:
        """Perform an operation."""
        match operation:
            case FileWrite(name, data):
                self.seen.setdefault(name, _File(b"")).data = data
            case FileSync(name):
                self.seen[name].synced = self.seen[name].data
            case FileRename(old, new):
                self.seen[new] = self.seen.pop(old)
            case _:  # FolderSync
                self.durable = dict(self.seen)

    def torn(self, *, vfat: bool) -> Files:
        """Names as they are seen, with half of what was not synced."""

        def left(name: str, file: _File) -> bytes:
            if vfat and name in self.durable and self.durable[name] is not file:
                return b""  # renamed over another file, and not durably so
            return file.data if file.synced == file.data else file.data[: len(file.data) // 2]

        return frozenset((name, left(name, file)) for name, file in self.seen.items())


class SimDisk:
    """A folder of small files. `vfat`: a rename that is cut leaves the new name without bytes."""

    def __init__(self, supply: Supply, *, vfat: bool = False) -> None:
        self.vfat = vfat
        self._supply = supply
        self._folder = _Folder()
        supply.media.append(self)

    def read(self, name: str, max_bytes: int) -> bytes | None:
        """Return the bytes of a file as programs see them."""
        file = self._folder.seen.get(name)
        return None if file is None else file.data[: max_bytes + 1]

    def write(self, name: str, data: bytes) -> None:
        """Give `name` these bytes."""
        self._do(FileWrite(name, data))

    def sync(self, name: str) -> None:
        """Make the bytes of `name` durable."""
        self._do(FileSync(name))

    def rename(self, old: str, new: str) -> None:
        """Give the file `old` the name `new`."""
        self._do(FileRename(old, new))

    def sync_folder(self) -> None:
        """Make the names durable."""
        self._do(FolderSync())

    def durable(self, fate: Fate, operation: Hashable | None) -> Files:
        """Return the files after a cut."""
        if fate is Fate.LOST:
            return frozenset((name, file.synced) for name, file in self._folder.durable.items())
        after = deepcopy(self._folder)
        # A torn sync has synced nothing, but half of everything is left anyway.
        torn_sync = fate is Fate.TORN and isinstance(operation, FileSync | FolderSync)
        if isinstance(operation, FileOperation) and not torn_sync:
            after.apply(operation)
        if fate is Fate.TORN:
            return after.torn(vfat=self.vfat)
        return frozenset((name, file.data) for name, file in after.seen.items())

    def hold(self, content: Hashable) -> None:
        """Hold these files, durably."""
        if isinstance(content, frozenset):
            files = {name: _File(data, data) for name, data in content}
            self._folder = _Folder(files, dict(files))

    def _do(self, operation: FileOperation) -> None:
        self._supply.spend(self, operation)
        self._folder.apply(operation)


# ── slots ─────────────────────────────────────────────────────────────────────────────────────────

Blocks = tuple[bytes, ...]
"""What is durable in a slot, in blocks of `PIECE_BYTES`."""


@dataclass(frozen=True, slots=True)
class BlockWrite:
    """Bytes written into a slot."""

    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class BlockFlush:
    """Everything written into a slot made durable."""


class SimSlot:
    """The medium of one slot, with a cache before it that a cut may lose."""

    def __init__(self, supply: Supply, blocks: int) -> None:
        self.dead = False
        """The medium takes nothing any more; the cache before it goes on as if it did."""
        self._supply = supply
        self._medium: list[bytes] = [bytes(PIECE_BYTES)] * blocks
        self._cache: dict[int, bytes] = {}
        supply.media.append(self)

    @property
    def size(self) -> int:
        """How many bytes it holds."""
        return len(self._medium) * PIECE_BYTES

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes, from the cache where it has them."""
        return _cut_out(lambda block: self._cache.get(block, self._medium[block]), offset, length)

    def read_back(self, offset: int, length: int) -> bytes:
        """Return bytes as the medium has them."""
        return _cut_out(lambda block: self._medium[block], offset, length)

    def write(self, offset: int, data: bytes) -> None:
        """Write into the cache."""
        self._supply.spend(self, BlockWrite(offset, data))
        self._cache.update(self._written(offset, data))

    def flush(self) -> None:
        """Bring the cache to the medium."""
        self._supply.spend(self, BlockFlush())
        if self.dead:
            return
        for block, data in self._cache.items():
            self._medium[block] = data
        self._cache.clear()

    def durable(self, fate: Fate, operation: Hashable | None) -> Blocks:
        """Return the blocks after a cut."""
        cached = {} if self.dead else dict(self._cache)
        if isinstance(operation, BlockWrite) and not self.dead:
            cached |= self._written(operation.offset, operation.data)
        blocks = list(self._medium)
        half = PIECE_BYTES // 2
        for block, data in cached.items():
            if fate is Fate.KEPT:
                blocks[block] = data
            elif fate is Fate.TORN:
                blocks[block] = data[:half] + blocks[block][half:]
        return tuple(blocks)

    def hold(self, content: Hashable) -> None:
        """Hold these blocks, durably."""
        if isinstance(content, tuple):
            self._medium, self._cache = list(content), {}

    def _written(self, offset: int, data: bytes) -> dict[int, bytes]:
        """Blocks as they are after a write; one that is covered wholly is not copied."""
        changed: dict[int, bytes] = {}
        at = offset
        while at < offset + len(data):
            block, inside = divmod(at, PIECE_BYTES)
            part = data[at - offset : at - offset + PIECE_BYTES - inside]
            before = self._cache.get(block, self._medium[block])
            whole = before[:inside] + part + before[inside + len(part) :]
            changed[block] = whole
            at += len(part)
        return changed


def _cut_out(block_at: Callable[[int], bytes], offset: int, length: int) -> bytes:
    first, last = offset // PIECE_BYTES, -(-(offset + length) // PIECE_BYTES)
    whole = b"".join(block_at(block) for block in range(first, last))
    start = offset - first * PIECE_BYTES
    return whole[start : start + length]
