"""Metadata as bytes: read strictly into an envelope; named as files and as URL paths.

An `Envelope` is parsed and well-formed, not verified. Its `payload` is made from the very object
that the rules will read, so what is believed and what was signed cannot differ (TUF 4.2).
"""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from firmhold.trust.digest import Expectation
from firmhold.trust.encoding import JsonObject, canonical_json, parse_json
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import WrongType
from firmhold.trust.keys import KeyId, Signature
from firmhold.trust.tuf.schema import CHECKS, a_text, check_common, check_envelope

MAX_BYTES = {
    "root": 512_000,
    "timestamp": 16_384,
    "snapshot": 2_000_000,
    "targets": 5_000_000,
}
"""The bounds W, X, Y and Z of TUF 5.3.3, 5.4.1, 5.5.1 and 5.6.1, by type of metadata."""

_PATH_SAFE = "!$&'()*+,;=:@"


@dataclass(frozen=True, slots=True)
class Envelope:
    """Well-formed metadata of a known type, not yet verified."""

    signed: JsonObject
    payload: bytes
    expires: datetime
    signatures: tuple[Signature, ...]


def parse_envelope(data: bytes, kind: str, role: str) -> Envelope:
    """Read `data` as metadata of `_type` `kind` for `role`. Raises `Refused`."""
    signed, pairs = check_envelope(parse_json(data, max_bytes=MAX_BYTES[kind]))
    found = a_text(signed.get("_type"), "signed._type")
    if found != kind:
        raise Refused(WrongType(code=Code.TUF_WRONG_TYPE, role=role, found=found))
    expires = check_common(signed)
    CHECKS[kind](signed)
    signatures = tuple(Signature(KeyId(key_id), sig) for key_id, sig in pairs)
    return Envelope(signed, canonical_json(signed), expires, signatures)


def metadata_file(role: str, version: int | None = None) -> str:
    """Return the file name of a role's metadata: percent-quoted, so that it is one name only."""
    prefix = "" if version is None else f"{version}."
    return f"{prefix}{quote(role, safe='')}.json"


def target_url_path(expectation: Expectation, *, consistent: bool) -> str:
    """Return the path of a target below its base URL, hash-prefixed if consistent (TUF 5.7.3).

    Each segment is quoted, dots included where a segment is nothing else: no target path can climb
    above the base URL.
    """
    folder, separator, name = expectation.what.rpartition("/")
    if consistent:
        name = f"{_prefix_digest(expectation)}.{name}"
    return _quote_path(f"{folder}{separator}{name}")


def target_url_paths(expectation: Expectation) -> list[str]:
    """Return every path that a repository may serve a target under, hash-prefixed ones first."""
    folder, separator, name = expectation.what.rpartition("/")
    names = [f"{digest}.{name}" for _, digest in sorted(expectation.digests.items())]
    return [_quote_path(f"{folder}{separator}{each}") for each in (*names, name)]


def target_file(path: str) -> str:
    """Return the one local file name of a target path: percent-quoted, slashes included."""
    quoted = quote(path, safe="")
    return quoted.replace(".", "%2E") if quoted in {".", ".."} else quoted


def _prefix_digest(expectation: Expectation) -> str:
    """The digest that names the file: SHA-256 where there is one, else the first by name."""
    digests = expectation.digests
    return digests.get("sha256") or digests[min(digests)]


def _quote_path(path: str) -> str:
    return "/".join(_quote_segment(part) for part in path.split("/"))


def _quote_segment(segment: str) -> str:
    return "%2E" * len(segment) if segment in {".", ".."} else quote(segment, safe=_PATH_SAFE)
