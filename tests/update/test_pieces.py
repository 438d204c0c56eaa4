"""Pieces of an image: each is believed alone, and none but the signed ones."""

import hashlib
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmhold.trust.errors import Code, Fault, Misuse, Refused
from firmhold.trust.faults import DigestMismatch, LengthMismatch
from firmhold.trust.tlog.merkle import hash_leaf, hash_node
from firmhold.update.pieces import (
    LEAF,
    PIECE_BYTES,
    ROOT,
    Image,
    Meter,
    PieceIndex,
    Reader,
    cut,
    read_pieces,
)

WHOLE = [bytes([number]) * PIECE_BYTES for number in range(3)]
SHORT = b"the short last piece"
DATA = b"".join(WHOLE) + SHORT


def index_of(data: bytes) -> PieceIndex:
    """The index of an image."""
    meter = Meter()
    meter.update(data)
    return meter.finish()


def refusal(act: Callable[[], object]) -> Fault:
    """The fault with which `act` is refused."""
    with pytest.raises(Refused) as error:
        act()
    return error.value.fault


def read(index: PieceIndex, data: bytes, part: int = 1 << 20) -> None:
    """Read an image back in parts of one length."""
    reader = Reader(index)
    for at in range(0, len(data), part):
        reader.update(data[at : at + part])
    reader.finish()


def test_an_image_is_cut_at_64_kib_and_its_root_is_that_of_rfc_9162() -> None:
    """The leaves are the pieces, the last one short, and the tree is the standard's."""
    a, b, c, d = (hash_leaf(piece) for piece in (*WHOLE, SHORT))
    index = index_of(DATA)
    assert index.hashes == (a, b, c, d)
    assert index.image == Image(len(DATA), hash_node(hash_node(a, b), hash_node(c, d)))
    assert hash_leaf(SHORT) == hashlib.sha256(b"\x00" + SHORT).digest()


@pytest.mark.parametrize(
    ("length", "pieces"),
    [(1, 1), (PIECE_BYTES - 1, 1), (PIECE_BYTES, 1), (PIECE_BYTES + 1, 2), (3 * PIECE_BYTES, 3)],
)
def test_the_length_of_an_image_tells_how_many_pieces_it_has(length: int, pieces: int) -> None:
    """Only the last piece of an image may be short, and none is empty."""
    data = bytes(length)
    assert index_of(data).image.pieces == pieces == len(list(cut(data)))
    assert sum(index_of(data).image.span(number, 1)[1] for number in range(pieces)) == length


def test_a_run_of_pieces_ends_where_the_image_ends() -> None:
    """The last run of an image covers its short piece and nothing behind it."""
    image = index_of(DATA).image
    assert image.span(0, 4) == (0, len(DATA))
    assert image.span(2, 2) == (2 * PIECE_BYTES, PIECE_BYTES + len(SHORT))
    assert image.span(1, 2) == (PIECE_BYTES, 2 * PIECE_BYTES)


def test_leaf_hashes_are_believed_if_their_tree_has_the_signed_root() -> None:
    """An index that fits the image gives back every leaf hash in its order."""
    index = index_of(DATA)
    assert read_pieces(index.image, b"".join(index.hashes)) == index


@pytest.mark.parametrize("bytes_less", [-32, -1, 1, 32], ids=str)
def test_another_number_of_leaf_hashes_is_refused(bytes_less: int) -> None:
    """An index has one hash for each piece of the signed length, no more and no less."""
    index = index_of(DATA)
    hashes = (b"".join(index.hashes) + bytes(32))[: 4 * 32 - bytes_less]
    assert refusal(lambda: read_pieces(index.image, hashes)) == LengthMismatch(
        code=Code.UPDATE_PIECE_COUNT, what="pieces", expected=128, found=128 - bytes_less
    )


def test_leaf_hashes_of_another_image_are_refused() -> None:
    """An index whose tree has another root is not the index of this image."""
    image, other = index_of(DATA).image, index_of(DATA[:-1] + b"!")
    hashes = b"".join(other.hashes)
    assert refusal(lambda: read_pieces(image, hashes)) == DigestMismatch(
        code=Code.UPDATE_IMAGE_ROOT,
        what="image",
        algorithm=ROOT,
        expected=image.root.hex(),
        found=other.image.root.hex(),
    )


def test_leaf_hashes_in_another_order_are_refused() -> None:
    """Two pieces cannot change places."""
    index = index_of(DATA)
    hashes = b"".join([index.hashes[1], index.hashes[0], *index.hashes[2:]])
    assert refusal(lambda: read_pieces(index.image, hashes)).code is Code.UPDATE_IMAGE_ROOT


def test_each_piece_passes_in_its_own_place_only() -> None:
    """A genuine piece is refused in the place of another one."""
    index = index_of(DATA)
    for number, piece in enumerate(WHOLE):
        index.check(number, piece)
        other = (number + 1) % len(WHOLE)
        assert refusal(partial(index.check, other, piece)) == DigestMismatch(
            code=Code.UPDATE_PIECE_DIGEST,
            what=f"piece {other}",
            algorithm=LEAF,
            expected=index.hashes[other].hex(),
            found=hash_leaf(piece).hex(),
        )
    index.check(3, SHORT)


@pytest.mark.parametrize(
    ("number", "data"),
    [(0, WHOLE[0] + b"!"), (0, WHOLE[0][:-1]), (3, SHORT + b"!"), (3, b"")],
    ids=["long", "short", "long last", "empty last"],
)
def test_a_piece_of_another_length_is_refused(number: int, data: bytes) -> None:
    """A piece has the length that its place in the image gives it."""
    expected = PIECE_BYTES if number < 3 else len(SHORT)
    assert refusal(lambda: index_of(DATA).check(number, data)) == LengthMismatch(
        code=Code.UPDATE_PIECE_LENGTH, what=f"piece {number}", expected=expected, found=len(data)
    )


@pytest.mark.parametrize("number", [-1, 4])
def test_a_piece_that_the_image_does_not_have_is_the_callers_mistake(number: int) -> None:
    """Nobody can ask for a piece outside the image, counted from either end."""
    with pytest.raises(Misuse) as error:
        index_of(DATA).check(number, SHORT)
    assert error.value.code is Code.MISUSE


def test_a_run_of_pieces_is_refused_for_one_of_them() -> None:
    """Of many pieces at once, each is checked in its own place."""
    index = index_of(DATA)
    index.check_run(1, DATA[PIECE_BYTES:])
    run = WHOLE[1] + WHOLE[1] + SHORT
    fault = refusal(lambda: index.check_run(1, run))
    assert isinstance(fault, DigestMismatch)
    assert fault.what == "piece 2"


@given(st.lists(st.integers(0, len(DATA))))
def test_an_image_is_read_back_in_parts_of_any_length(cuts: list[int]) -> None:
    """However the parts fall, an image measures and passes the same."""
    ends = sorted({0, len(DATA), *cuts})
    index, meter = index_of(DATA), Meter()
    reader = Reader(index)
    for start, end in pairwise(ends):
        meter.update(DATA[start:end])
        reader.update(DATA[start:end])
    reader.finish()
    assert meter.finish() == index


@given(st.integers(0, len(DATA) - 1), st.integers(1, 255), st.sampled_from([1000, 1 << 20]))
def test_one_changed_byte_anywhere_is_refused(at: int, change: int, part: int) -> None:
    """No byte of an image that is read back goes unlooked at."""
    bent = bytearray(DATA)
    bent[at] ^= change
    fault = refusal(lambda: read(index_of(DATA), bytes(bent), part))
    assert isinstance(fault, DigestMismatch)
    assert fault.what == f"piece {at // PIECE_BYTES}"


def test_a_wrong_piece_is_refused_as_soon_as_it_is_there() -> None:
    """Nobody reads the rest of an image whose first piece is wrong."""
    reader = Reader(index_of(DATA))
    assert refusal(lambda: reader.update(WHOLE[1])).code is Code.UPDATE_PIECE_DIGEST


def test_an_image_is_measured_once() -> None:
    """Asking a second time what came by gives the same answer."""
    meter = Meter()
    meter.update(DATA)
    assert meter.finish() == meter.finish()


@pytest.mark.parametrize(
    ("length", "code", "found"),
    [
        (0, Code.UPDATE_IMAGE_LENGTH, 0),
        (2 * PIECE_BYTES, Code.UPDATE_IMAGE_LENGTH, 2 * PIECE_BYTES),
        (PIECE_BYTES + 1, Code.UPDATE_PIECE_LENGTH, 1),
        (len(DATA) - 1, Code.UPDATE_PIECE_LENGTH, len(SHORT) - 1),
        (len(DATA) + 1, Code.UPDATE_IMAGE_LENGTH, len(DATA) + 1),
    ],
    ids=["nothing", "whole pieces", "within a piece", "within the last", "one too many"],
)
def test_an_image_that_is_cut_or_goes_on_is_refused(length: int, code: Code, found: int) -> None:
    """An image is read to its end and not a byte further."""
    data = (DATA + b"!")[:length]
    fault = refusal(lambda: read(index_of(DATA), data, part=1000))
    assert isinstance(fault, LengthMismatch)
    assert (fault.code, fault.found) == (code, found)


def test_what_goes_on_behind_the_image_is_refused_before_it_is_read() -> None:
    """A part that is too long is refused as a whole, without a look at its pieces."""
    reader = Reader(index_of(WHOLE[0]))
    assert refusal(lambda: reader.update(bytes(PIECE_BYTES) + b"!")) == LengthMismatch(
        code=Code.UPDATE_IMAGE_LENGTH, what="image", expected=PIECE_BYTES, found=PIECE_BYTES + 1
    )
