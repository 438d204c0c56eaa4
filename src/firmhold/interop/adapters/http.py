"""Plain HTTP/1.1 that cannot be kept waiting, flooded or led elsewhere.

Time, size, place and form are bounded below, in `firmhold.wire`. Here are the URLs that are taken,
and what a status means to a plain client. No credentials exist that could go anywhere.
"""

import http.client
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import SplitResult, urlsplit

from firmhold.trust.errors import Code, Refused, Unavailable
from firmhold.trust.outer_faults import FetchFault
from firmhold.wire.answers import pieces, reported, require_not_elsewhere, require_unpacked
from firmhold.wire.sockets import Connection, Patience

_URL = re.compile(r"[!-~]+")
"""Visible ASCII: anything else would be dropped on the way, or stands for something unsaid."""
_OK = 200
_NOT_THERE = frozenset({403, 404, 410})
"""Static hosts answer 403 for a name that they do not hold."""


class HttpFetcher:
    """Fetches from `http://` URLs, one connection a request, nothing repeated."""

    def __init__(self, patience: Patience | None = None) -> None:
        self._patience = patience or Patience()

    @contextmanager
    def fetch(self, url: str, max_bytes: int) -> Iterator[Iterator[bytes]]:
        """Bring the bytes of `url`; see the port `Fetcher`."""
        parts = _split(url)
        host, port = parts.hostname or "", parts.port or http.client.HTTP_PORT
        connection = Connection(host, port, self._patience)
        try:
            with reported(url):
                response = connection.ask("GET", _path(parts), max_bytes, {})
            # The connection hands its socket over to a response that ends it: both are closed.
            with closing(response):
                _check_answer(url, response)
                yield pieces(url, response, max_bytes)
        finally:
            connection.close()


def _split(url: str) -> SplitResult:
    fault = FetchFault(code=Code.FETCH_URL, url=url, detail="not an http:// URL with a host")
    try:
        parts = urlsplit(url)
        whole = not parts.fragment and _URL.fullmatch(url)
        if whole and parts.scheme == "http" and parts.hostname and parts.port != 0:
            return parts
    except ValueError as error:
        raise Refused(fault) from error
    raise Refused(fault)


def _path(parts: SplitResult) -> str:
    path = parts.path or "/"
    return f"{path}?{parts.query}" if parts.query else path


def _check_answer(url: str, response: http.client.HTTPResponse) -> None:
    status = response.status
    if status in _NOT_THERE:
        raise Unavailable(FetchFault(code=Code.FETCH_NOT_FOUND, url=url, detail=str(status)))
    require_not_elsewhere(url, response)
    if status != _OK:
        raise Unavailable(FetchFault(code=Code.FETCH_STATUS, url=url, detail=str(status)))
    require_unpacked(url, response)
