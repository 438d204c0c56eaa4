"""Images are cut into pieces of 64 KiB, the last one short; a signed tree stands over them.

A release manifest names of each image its length and the root of the Merkle tree of RFC 9162 whose
leaves are its pieces. The index carries the leaf hashes. They are believed when the tree over them
has the signed root, and then every piece can be believed or refused alone: as it is fetched, as it
is made from an older image, and as it is read back from the slot.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from firmhold.trust.errors import Code, Misuse, Refused, UsageFault
from firmhold.trust.faults import DigestMismatch, LengthMismatch
from firmhold.trust.tlog.merkle import HASH_BYTES, hash_leaf, root_hash

PIECE_BYTES = 65_536
"""Every piece but the last one of an image has this length."""

MAX_IMAGE_BYTES = 1 << 34
"""16 GiB: larger data parts are not shipped as one image."""

LEAF = "rfc9162-leaf"
ROOT = "rfc9162-root"


@dataclass(frozen=True, slots=True)
class Image:
    """The data part of one component: its length in bytes, and the root over its pieces."""

    length: int
    root: bytes

    @property
    def pieces(self) -> int:
        """How many pieces the image has."""
        return -(-self.length // PIECE_BYTES)

    def span(self, first: int, pieces: int) -> tuple[int, int]:
        """Return offset and length, in bytes, of `pieces` pieces from `first` on."""
        offset = first * PIECE_BYTES
        return offset, min((first + pieces) * PIECE_BYTES, self.length) - offset


@dataclass(frozen=True, slots=True)
class PieceIndex:
    """The leaf hashes of an image, which have its root; made by `read_pieces`."""

    image: Image
    hashes: tuple[bytes, ...]

    def check(self, number: int, data: bytes) -> None:
        """Pass if `data` is piece `number`, else raise `Refused`."""
        if not 0 <= number < self.image.pieces:
            raise Misuse(UsageFault(code=Code.MISUSE, what=f"piece {number} of {self.image}"))
        what, (_, length) = f"piece {number}", self.image.span(number, 1)
        if len(data) != length:
            code = Code.UPDATE_PIECE_LENGTH
            raise Refused(LengthMismatch(code=code, what=what, expected=length, found=len(data)))
        expected, found = self.hashes[number], hash_leaf(data)
        if found != expected:
            raise _digest_refusal(Code.UPDATE_PIECE_DIGEST, what, LEAF, expected, found)

    def check_run(self, first: int, data: bytes) -> None:
        """Pass if `data` is a run of whole pieces from `first` on, else raise `Refused`."""
        for number, piece in enumerate(cut(data), first):
            self.check(number, piece)


def read_pieces(image: Image, hashes: bytes) -> PieceIndex:
    """Read leaf hashes, one behind the other, and believe them if their tree has the root."""
    expected = image.pieces * HASH_BYTES
    if len(hashes) != expected:
        code, found = Code.UPDATE_PIECE_COUNT, len(hashes)
        fault = LengthMismatch(code=code, what="pieces", expected=expected, found=found)
        raise Refused(fault)
    leaves = tuple(hashes[at : at + HASH_BYTES] for at in range(0, expected, HASH_BYTES))
    root = root_hash(leaves)
    if root != image.root:
        raise _digest_refusal(Code.UPDATE_IMAGE_ROOT, "image", ROOT, image.root, root)
    return PieceIndex(image, leaves)


def cut(data: bytes) -> Iterator[bytes]:
    """Yield the pieces of `data`."""
    for at in range(0, len(data), PIECE_BYTES):
        yield data[at : at + PIECE_BYTES]


class Reader:
    """An image that streams by in parts of any length, refused at its first wrong piece."""

    def __init__(self, index: PieceIndex) -> None:
        self._index = index
        self._next = 0
        self._cutter = _Cutter()

    def update(self, data: bytes) -> None:
        """Take in the next part of the image."""
        seen = self._next * PIECE_BYTES + self._cutter.waiting + len(data)
        if seen > self._index.image.length:
            raise self._length_refusal(seen)
        for piece in self._cutter.feed(data):
            self._check(piece)

    def finish(self) -> None:
        """Pass if all that came by is the image, wholly; else raise `Refused`."""
        for piece in self._cutter.rest():
            self._check(piece)
        if self._next != self._index.image.pieces:
            raise self._length_refusal(self._next * PIECE_BYTES)

    def _check(self, piece: bytes) -> None:
        self._index.check(self._next, piece)
        self._next += 1

    def _length_refusal(self, found: int) -> Refused:
        code, expected = Code.UPDATE_IMAGE_LENGTH, self._index.image.length
        fault = LengthMismatch(code=code, what="image", expected=expected, found=found)
        return Refused(fault)


class Meter:
    """An image of which nothing is known yet, measured as it streams by."""

    def __init__(self) -> None:
        self._length = 0
        self._hashes: list[bytes] = []
        self._cutter = _Cutter()

    def update(self, data: bytes) -> None:
        """Take in the next part of the image."""
        self._length += len(data)
        self._hashes += map(hash_leaf, self._cutter.feed(data))

    def finish(self) -> PieceIndex:
        """Return what came by: length, root and leaf hashes."""
        self._hashes += map(hash_leaf, self._cutter.rest())
        leaves = tuple(self._hashes)
        return PieceIndex(Image(self._length, root_hash(leaves)), leaves)


class _Cutter:
    """Makes pieces of parts of any length; what is less than a piece waits."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def waiting(self) -> int:
        """How many bytes wait for the rest of their piece."""
        return len(self._buffer)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take in a part and yield the pieces that are whole now."""
        self._buffer += data
        while len(self._buffer) >= PIECE_BYTES:
            piece = bytes(self._buffer[:PIECE_BYTES])
            del self._buffer[:PIECE_BYTES]
            yield piece

    def rest(self) -> Iterator[bytes]:
        """Yield what waits, if anything does: the short last piece."""
        if self._buffer:
            yield bytes(self._buffer)
            self._buffer.clear()


def _digest_refusal(
    code: Code, what: str, algorithm: str, expected: bytes, found: bytes
) -> Refused:
    return Refused(
        DigestMismatch(
            code=code,
            what=what,
            algorithm=algorithm,
            expected=expected.hex(),
            found=found.hex(),
        )
    )
