"""Extents are made in fixed memory, and nothing comes out that was not signed.

`produce` takes one extent, its payload and a way to read the base image, and gives the pieces that
the extent covers. In this order:

1. the payload has the length and the digest that the index names;
2. the range of the base image is there in full;
3. the frame unpacks to exactly the extent's length: it is given no byte more, and its window is
   bounded, so that no payload costs more memory than the largest extent;
4. every piece has its signed hash.

Where an extent that needs the base image fails at 2, 3 or 4, the base image is not the one that the
recipe is for (`update.wrong_base`): the caller goes on with the full recipe. Where one fails that
needs none, no other recipe would help.
"""

import sys
from collections.abc import Callable
from typing import TypeAlias

from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import BaseFault, LengthMismatch, Malformed
from firmhold.update.index import MAX_EXTENT_PIECES, Extent, Index, Operation, Range
from firmhold.update.pieces import PIECE_BYTES

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Prefix: TypeAlias = tuple[zstd.ZstdDict, int]
"""A dictionary, and how zstd is to take it."""

ReadBase: TypeAlias = Callable[[int, int], bytes]
"""Gives bytes of the base image: offset, length. Fewer come back only where the image ends."""

WINDOW_LOG = (MAX_EXTENT_PIECES * PIECE_BYTES - 1).bit_length()
"""The largest window that a frame may ask for: one extent."""

LEVEL = 12
"""Higher ones cost minutes of the desk's time and buy next to nothing."""


def produce(index: Index, extent: Extent, payload: bytes, read_base: ReadBase) -> bytes:
    """Return the pieces that `extent` covers, each as it was signed. Raises `Refused`.

    `payload` is not looked at where the extent has none, `read_base` not where it needs no base.
    """
    if extent.payload is not None:
        # 1. the named payload
        extent.payload.expectation.check(payload)
    if extent.base is None:
        return _checked(index, extent, payload, b"")
    # 2. a base image that reaches far enough
    window = read_base(extent.base.offset, extent.base.length)
    if len(window) != extent.base.length:
        raise _wrong_base(extent, extent.base)
    try:
        return _checked(index, extent, payload, window)
    except Refused as error:
        raise _wrong_base(extent, extent.base) from error


def compress(data: bytes, window: bytes = b"") -> bytes:
    """Return the frame that an extent's `data` travel in, with `window` in view: for the desk."""
    dictionary = zstd.ZstdDict(window, is_raw=True).as_prefix if window else None
    packer = zstd.ZstdCompressor(level=LEVEL, zstd_dict=dictionary)
    return packer.compress(data, packer.FLUSH_FRAME)


def _checked(index: Index, extent: Extent, payload: bytes, window: bytes) -> bytes:
    _, length = index.span(extent)
    # 3. of the right length
    data = _made(extent.operation, length, payload, window)
    # 4. piece by piece as signed
    index.pieces.check_run(extent.first, data)
    return data


def _made(operation: Operation, length: int, payload: bytes, window: bytes) -> bytes:
    if operation is Operation.ZERO:
        return bytes(length)
    if operation is Operation.COPY:
        return window
    dictionary = zstd.ZstdDict(window, is_raw=True).as_prefix if window else None
    return _unpacked(payload, length, dictionary)


def _unpacked(payload: bytes, length: int, dictionary: Prefix | None) -> bytes:
    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: WINDOW_LOG}
    unpacker = zstd.ZstdDecompressor(zstd_dict=dictionary, options=options)
    try:
        data = unpacker.decompress(payload, length + 1)
    except zstd.ZstdError as error:
        raise _malformed("payload", "a frame of zstd") from error
    if len(data) <= length and (not unpacker.eof or unpacker.unused_data):
        raise _malformed("payload", "one frame and nothing behind it")
    if len(data) != length:
        code, found = Code.UPDATE_PAYLOAD_OUTPUT, len(data)
        fault = LengthMismatch(code=code, what="extent", expected=length, found=found)
        raise Refused(fault)
    return data


def _malformed(where: str, expected: str) -> Refused:
    return Refused(Malformed(code=Code.UPDATE_PAYLOAD_FRAME, where=where, expected=expected))


def _wrong_base(extent: Extent, base: Range) -> Refused:
    code = Code.UPDATE_WRONG_BASE
    fault = BaseFault(code=code, first=extent.first, offset=base.offset, length=base.length)
    return Refused(fault)
