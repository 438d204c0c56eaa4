"""Brings a payload: from the bases that the settings list, then from the gateway, piece by piece.

What is there of it already is not asked for again. The digest decides at the end; a server that
sent something else is passed over until the next check-in. No base is ever told who asks.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from firmhold.device.fetch.client import Response, Server
from firmhold.device.fetch.config import Base, FetchConfig
from firmhold.device.fetch.spool import Part, Spool
from firmhold.device.fetch.tls import Authorised
from firmhold.protocol.paths import PAYLOADS
from firmhold.trust.errors import Code, FirmholdError, Refused, Unavailable
from firmhold.trust.outer_faults import FetchFault
from firmhold.wire.sockets import Patience

_HTTPS = 443
_HTTP = 80
_WHOLE, _PARTIAL, _BEYOND = 200, 206, 416
_RANGE = re.compile(r"bytes (?P<first>[0-9]{1,18})-[0-9]{1,18}/(?P<length>[0-9]{1,18}|\*)")


@dataclass(slots=True)
class Sources:
    """Where payloads come from; who has sent wrong bytes is asked no more."""

    patience: Patience
    wrong: set[str] = field(default_factory=set)

    def fetch(
        self, sha256: str, length: int, config: FetchConfig, gateway: Server, spool: Spool
    ) -> None:
        """Have a payload in the spool, whole. Raises what the last source raised."""
        if spool.has(sha256, length):
            return
        failure: FirmholdError | None = None
        for name, server, path in self._places(sha256, config, gateway):
            try:
                _bring(server, path, sha256, length, spool)
            except Refused as error:
                self.wrong.add(name)
                failure = error
            except Unavailable as error:
                if error.code is Code.FETCH_DISK_FULL:
                    raise
                failure = error
            else:
                return
        raise failure or _nowhere(sha256)

    def _places(
        self, sha256: str, config: FetchConfig, gateway: Server
    ) -> Iterator[tuple[str, Server, str]]:
        for base in config.bases:
            if base.url not in self.wrong:
                server, path = self._server(base, config)
                yield base.url, server, f"{path}/payloads/{sha256}"
        if "gateway" not in self.wrong:
            yield "gateway", gateway, f"{PAYLOADS}{sha256}"

    def _server(self, base: Base, config: FetchConfig) -> tuple[Server, str]:
        parts = urlsplit(base.url)
        secure = parts.scheme == "https"
        meant = Authorised(base.authorities, config.floor) if secure else None
        port = parts.port or (_HTTPS if secure else _HTTP)
        return Server(parts.hostname or "", port, meant, self.patience), parts.path


def _bring(server: Server, path: str, sha256: str, length: int, spool: Spool) -> None:
    """Go on with a payload where it stopped; start anew where that makes nothing whole.

    What was there may have been spoilt here: the server is to blame only for what it sent alone.
    """
    if spool.resume_at(sha256) > length:
        spool.begin(sha256)
    if spool.resume_at(sha256) and _went_on(server, path, sha256, length, spool):
        return
    _came(server, path, sha256, length, spool)
    spool.finish(sha256)


def _went_on(server: Server, path: str, sha256: str, length: int, spool: Spool) -> bool:
    """Try to make a payload whole that has begun; False: begin anew."""
    if spool.resume_at(sha256) == length or _came(server, path, sha256, length, spool):
        try:
            spool.finish(sha256)
        except Refused:
            return False  # it is deleted
        return True
    spool.begin(sha256)
    return False


def _came(server: Server, path: str, sha256: str, length: int, spool: Spool) -> bool:
    """Take in what the server sends; False: it cannot go on from where this payload stopped."""
    at = spool.resume_at(sha256)
    headers: Mapping[str, str] = {"Range": f"bytes={at}-"} if at else {}
    with server.asked("GET", path, length - at if at else length, headers) as response:
        if at and response.status in (_WHOLE, _BEYOND):
            return False
        if at and not goes_on(response, at, length):
            raise _refused(server, path, "another range than was asked for")
        if response.status not in (_WHOLE, _PARTIAL):
            _require_there(server, path, response)
        with spool.part(sha256, length) as part:
            _append(part, response)
    return True


def _append(part: Part, response: Response) -> None:
    for piece in response.body:
        part.append(piece)


def goes_on(response: Response, at: int, length: int) -> bool:
    """Tell whether an answer is the rest of the payload."""
    if response.status != _PARTIAL:
        return True  # no content at all: told below what it is
    found = _RANGE.fullmatch(response.headers.get("content-range", ""))
    whole = found is not None and found["length"] in {"*", str(length)}
    return whole and found is not None and int(found["first"]) == at


def _require_there(server: Server, path: str, response: Response) -> None:
    code = Code.FETCH_NOT_FOUND if response.status in (403, 404, 410) else Code.FETCH_STATUS
    detail = f"status {response.status}"
    raise Unavailable(FetchFault(code=code, url=server.url(path), detail=detail))


def _refused(server: Server, path: str, detail: str) -> Refused:
    return Refused(FetchFault(code=Code.FETCH_RANGE, url=server.url(path), detail=detail))


def _nowhere(sha256: str) -> Unavailable:
    detail = "every source has sent something else"
    return Unavailable(FetchFault(code=Code.FETCH_NOT_FOUND, url=sha256, detail=detail))
