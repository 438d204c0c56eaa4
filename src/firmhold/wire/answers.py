"""What is taken of an answer: nothing from elsewhere, nothing packed, no byte beyond the bound.

* Place: a redirect is an answer like any other, and not the one that was asked for. No other host,
  scheme or file is ever opened.
* Form: only identity encoding is asked for and taken, so nothing is unpacked before it is verified.
* Size: reading stops at the first byte beyond the bound (endless data).
"""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager

from firmhold.trust.errors import Code, Refused, Unavailable
from firmhold.trust.faults import OverLimit
from firmhold.trust.outer_faults import FetchFault

_PIECE_BYTES = 1 << 16
_REDIRECTS = range(300, 400)


def require_not_elsewhere(url: str, response: http.client.HTTPResponse) -> None:
    """Pass unless the answer leads elsewhere."""
    if response.status in _REDIRECTS:
        elsewhere = response.headers.get("Location", "")
        raise Refused(FetchFault(code=Code.FETCH_REDIRECTED, url=url, detail=elsewhere))


def require_unpacked(url: str, response: http.client.HTTPResponse) -> None:
    """Pass if the body is sent as it is."""
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        raise Refused(FetchFault(code=Code.FETCH_ENCODED, url=url, detail=encoding))


def pieces(url: str, response: http.client.HTTPResponse, max_bytes: int) -> Iterator[bytes]:
    """Bring the body; one byte more than `max_bytes` is refused, one less than was said missed."""
    received = 0
    while piece := _next_piece(url, response):
        received += len(piece)
        if received > max_bytes:
            raise Refused(OverLimit(code=Code.FETCH_TOO_LONG, what=url, limit=max_bytes))
        yield piece
    if response.length:
        detail = f"{response.length} bytes missing"
        raise Unavailable(FetchFault(code=Code.FETCH_CUT, url=url, detail=detail))


def _next_piece(url: str, response: http.client.HTTPResponse) -> bytes:
    # read1, not read: the latter waits until a whole piece has trickled in.
    with reported(url):
        try:
            return response.read1(_PIECE_BYTES)
        except ConnectionError as error:
            raise http.client.IncompleteRead(b"", response.length) from error


@contextmanager
def reported(url: str) -> Iterator[None]:
    """Turn what the network does into the family that tells the caller to try later."""
    try:
        yield
    except TimeoutError as error:
        fault = FetchFault(code=Code.FETCH_TOO_SLOW, url=url, detail="deadline passed")
        raise Unavailable(fault) from error
    except http.client.IncompleteRead as error:
        raise Unavailable(FetchFault(code=Code.FETCH_CUT, url=url, detail=str(error))) from error
    except (OSError, UnicodeError, http.client.HTTPException) as error:
        # UnicodeError: a host name that no resolver can be asked for.
        detail = f"{type(error).__name__} {error}"
        fault = FetchFault(code=Code.FETCH_UNREACHABLE, url=url, detail=detail)
        raise Unavailable(fault) from error
