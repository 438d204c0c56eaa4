"""Extents: what comes out was signed, whatever goes in, and it costs a bounded amount of memory."""

import hashlib
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

import pytest

from firmhold.trust.errors import Code, Fault, Refused
from firmhold.trust.faults import BaseFault, DigestMismatch, LengthMismatch, Malformed
from firmhold.update.extents import WINDOW_LOG, ReadBase, compress, produce
from firmhold.update.index import Extent, Index, Operation, Payload, Range, Recipe, most_payload
from firmhold.update.pieces import PIECE_BYTES, Meter, PieceIndex

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CHANCE = Random(20)
BASE = CHANCE.randbytes(5 * PIECE_BYTES)
PATCHED = bytearray(BASE[PIECE_BYTES : 3 * PIECE_BYTES])
PATCHED[1000:1010] = b"a new line"
FRESH = b"something that no older image has" * 1000 + CHANCE.randbytes(7)
LAST = FRESH[:PIECE_BYTES]
DATA = bytes(PIECE_BYTES) + BASE[17 : 17 + PIECE_BYTES] + bytes(PATCHED) + LAST


def pieces_of(data: bytes) -> PieceIndex:
    """The pieces of an image."""
    meter = Meter()
    meter.update(data)
    return meter.finish()


def payload_of(data: bytes) -> Payload:
    """What an index says of a payload."""
    return Payload(len(data), hashlib.sha256(data).hexdigest())


WINDOW = Range(0, 4 * PIECE_BYTES)
PATCH = compress(bytes(PATCHED), BASE[: WINDOW.end])
FULL = compress(LAST)
EXTENTS = {
    "zero": Extent(0, 1, Operation.ZERO),
    "copy": Extent(1, 1, Operation.COPY, base=Range(17, PIECE_BYTES)),
    "patch": Extent(2, 2, Operation.PATCH, payload_of(PATCH), WINDOW),
    "full": Extent(4, 1, Operation.FULL, payload_of(FULL)),
}
PAYLOADS = {"zero": b"", "copy": b"", "patch": PATCH, "full": FULL}
INDEX = Index(
    pieces_of(DATA),
    (
        Recipe(None, (Extent(0, 5, Operation.FULL, payload_of(compress(DATA))),)),
        Recipe(pieces_of(BASE).image, tuple(EXTENTS.values())),
    ),
)


def reader(image: bytes) -> ReadBase:
    """A way to read an installed image."""
    return lambda offset, length: image[offset : offset + length]


def nowhere(_offset: int, _length: int) -> bytes:
    """An image that must not be looked at."""
    raise AssertionError


def fault_of(act: Callable[[], object]) -> Fault:
    """The fault with which `act` is refused."""
    with pytest.raises(Refused) as error:
        act()
    return error.value.fault


@pytest.mark.parametrize("name", EXTENTS)
def test_each_operation_yields_its_pieces(name: str) -> None:
    """Zeros, copies, patches and whole frames each give the bytes that were signed."""
    offset, length = INDEX.span(EXTENTS[name])
    made = produce(INDEX, EXTENTS[name], PAYLOADS[name], reader(BASE))
    assert made == DATA[offset : offset + length]


def test_a_patch_is_smaller_than_what_it_yields() -> None:
    """What the base image holds already is not shipped again."""
    assert len(PATCH) < 200 < len(compress(bytes(PATCHED)))


@pytest.mark.parametrize("name", ["zero", "full"])
def test_what_needs_no_base_image_looks_at_none(name: str) -> None:
    """The full recipe works on a device whose slots hold nothing."""
    produce(INDEX, EXTENTS[name], PAYLOADS[name], nowhere)


def test_the_whole_image_is_made_by_the_full_recipe() -> None:
    """What small updates make is what the full one makes."""
    (whole,) = INDEX.full.extents
    assert produce(INDEX, whole, compress(DATA), nowhere) == DATA


@pytest.mark.parametrize("name", ["patch", "full"])
def test_a_payload_is_measured_before_it_is_unpacked(name: str) -> None:
    """A payload that is not the named one is refused by its length or its digest."""
    extent, payload = EXTENTS[name], PAYLOADS[name]
    longer, bent = payload + b"!", bytes([payload[0] ^ 1]) + payload[1:]
    assert fault_of(lambda: produce(INDEX, extent, longer, nowhere)) == LengthMismatch(
        code=Code.UPDATE_PAYLOAD_LENGTH,
        what=payload_of(payload).sha256,
        expected=len(payload),
        found=len(longer),
    )
    assert fault_of(lambda: produce(INDEX, extent, bent, nowhere)) == DigestMismatch(
        code=Code.UPDATE_PAYLOAD_DIGEST,
        what=payload_of(payload).sha256,
        algorithm="sha256",
        expected=payload_of(payload).sha256,
        found=payload_of(bent).sha256,
    )


@pytest.mark.parametrize("name", ["copy", "patch"])
@pytest.mark.parametrize(
    "image",
    [
        BASE[1:] + b"!",
        bytes([BASE[0]]) + bytes(len(BASE) - 1),
        BASE[: PIECE_BYTES - 1],
        b"",
        CHANCE.randbytes(len(BASE)),
    ],
    ids=["off by a byte", "erased", "cut", "empty", "other"],
)
def test_another_base_image_is_told_as_such(name: str, image: bytes) -> None:
    """A device whose image is not the base learns that, and nothing comes out."""
    extent = EXTENTS[name]
    assert extent.base is not None
    assert fault_of(lambda: produce(INDEX, extent, PAYLOADS[name], reader(image))) == BaseFault(
        code=Code.UPDATE_WRONG_BASE,
        first=extent.first,
        offset=extent.base.offset,
        length=extent.base.length,
    )


def test_a_base_image_that_gives_too_much_is_not_the_base() -> None:
    """A range is read in full and no further, whatever reads it."""

    def greedy(offset: int, length: int) -> bytes:
        return BASE[offset : offset + length + 1]

    fault = fault_of(lambda: produce(INDEX, EXTENTS["copy"], b"", greedy))
    assert fault.code is Code.UPDATE_WRONG_BASE


@dataclass(frozen=True)
class Forged:
    """A full extent of one piece, whose payload its own desk names, whatever it holds."""

    payload: bytes
    data: bytes = LAST

    def fault(self) -> Fault:
        """The fault with which the extent is refused."""
        extent = Extent(0, 1, Operation.FULL, payload_of(self.payload))
        index = Index(pieces_of(self.data), (Recipe(None, (extent,)),))
        return fault_of(lambda: produce(index, extent, self.payload, nowhere))


@pytest.mark.parametrize("length", [0, 1, len(LAST) - 1, len(LAST) + 1, 16 * PIECE_BYTES])
def test_a_frame_of_another_length_is_refused(length: int) -> None:
    """A frame is given no more room than its extent has, and must fill it."""
    fault = Forged(compress(bytes(length))).fault()
    assert fault == LengthMismatch(
        code=Code.UPDATE_PAYLOAD_OUTPUT,
        what="extent",
        expected=len(LAST),
        found=min(length, len(LAST) + 1),
    )


def bomb(mebibytes: int, window_log: int) -> bytes:
    """Much out of little, in a frame that does not say how much."""
    packer = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: window_log})
    parts = [packer.compress(bytes(1 << 20)) for _ in range(mebibytes)]
    return b"".join(parts) + packer.flush()


def test_a_bomb_is_given_up_at_its_first_byte_too_many() -> None:
    """A frame that would unpack to gigabytes yields one byte too many, and that is the end."""
    payload = bomb(64, WINDOW_LOG)
    assert len(payload) < most_payload(len(LAST))
    assert Forged(payload).fault() == LengthMismatch(
        code=Code.UPDATE_PAYLOAD_OUTPUT, what="extent", expected=len(LAST), found=len(LAST) + 1
    )


FRAMES = {
    "no frame": b"not zstd at all",
    "cut": FULL[:-1],
    "bytes behind": FULL + b"\0",
    "two frames": FULL + compress(b""),
    "window too large": bomb(4, WINDOW_LOG + 1),
    "claims to be large": zstd.compress(bytes(2 << 20)),
    "checksum broken": zstd.compress(LAST, options={zstd.CompressionParameter.checksum_flag: 1})[
        :-1
    ]
    + b"?",
}


@pytest.mark.parametrize("payload", FRAMES.values(), ids=FRAMES)
def test_what_is_not_one_whole_frame_is_refused(payload: bytes) -> None:
    """Nothing stands in front of the frame, behind it or in place of it."""
    fault = Forged(payload).fault()
    assert isinstance(fault, Malformed)
    assert (fault.code, fault.where) == (Code.UPDATE_PAYLOAD_FRAME, "payload")


def test_nothing_comes_out_that_was_not_signed() -> None:
    """A desk that names a payload with other content gets nothing onto a device."""
    fault = Forged(compress(LAST[:-1] + b"!")).fault()
    assert isinstance(fault, DigestMismatch)
    assert (fault.code, fault.what) == (Code.UPDATE_PIECE_DIGEST, "piece 0")


def test_zeros_are_checked_like_everything_else() -> None:
    """An index that calls a piece zero that is not is refused."""
    extent = replace(EXTENTS["zero"], first=1)
    fault = fault_of(lambda: produce(INDEX, extent, b"", nowhere))
    assert fault.code is Code.UPDATE_PIECE_DIGEST


def test_the_same_data_are_compressed_to_the_same_bytes() -> None:
    """Payloads can be made again, and bear the same names."""
    assert compress(DATA) == compress(DATA)
    assert compress(DATA, BASE) == compress(DATA, BASE) != compress(DATA)
