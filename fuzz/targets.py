"""What is thrown bytes at, and what must hold whatever the bytes are.

A target is a function of bytes. It returns, or raises `BrokenPromise`, or lets escape whatever the
code under test let escape: all but a return is a finding. Nothing here needs the fuzzer, so the
same targets run as ordinary tests over the seeds.

* `json`: the strict reader refuses, or gives a value whose canonical form says the same again.
* `metadata`: envelopes and roles under both dialects refuse, or give values that can be asked.
* `trusted_set`: an attacker without keys changes nothing that is signed.
* `names`: a role or a target path is one file name, and a URL path that cannot climb.

What travels between a device and its vendor besides is thrown at in `fuzz.device_words`, what a
release is made of in `fuzz.release_words`, what stands in files in `fuzz.kept_words`, and what a
device and its server say to each other in `fuzz.path_words`.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import cache
from urllib.parse import unquote

from firmhold.sim.clock import BEGIN
from firmhold.trust.digest import TARGET_FILE, Expectation
from firmhold.trust.encoding import JsonValue, canonical_json, parse_json, pretty_json
from firmhold.trust.errors import Refused
from firmhold.trust.tuf.dialect import FIRMHOLD, PLAIN_TUF, Dialect
from firmhold.trust.tuf.roles import (
    Root,
    Targets,
    read_root,
    read_snapshot,
    read_targets,
    read_timestamp,
)
from firmhold.trust.tuf.trusted_set import TrustedSet
from firmhold.trust.tuf.wire import (
    MAX_BYTES,
    Envelope,
    metadata_file,
    parse_envelope,
    target_file,
    target_url_path,
)
from fuzz import device_words, kept_words, path_words, release_words
from fuzz.promises import SEEDS, BrokenPromise, require_same_payload

GENUINE = SEEDS / "trusted_set"
DELEGATED_ROLE = "feature"

_MAX_BYTES = 1 << 20
_NOW = BEGIN + timedelta(days=1)
_CONTROLS = {chr(code) for code in range(0x20)}
_DIGESTS = {"sha256": "0" * 64, "sha512": "f" * 128}
_ASKED_PATHS = ("", "a", "feature/file.bin", "a/../b", "\u00e9[*?]", "/" * 40)


def fuzz_json(data: bytes) -> None:
    """The strict reader: refuses, or reads what can be written in one canonical form."""
    try:
        value = parse_json(data, max_bytes=_MAX_BYTES)
    except Refused:
        return
    canonical = canonical_json(value)
    # The canonical form leaves control characters bare, so only a lenient reader takes it back.
    again: JsonValue = json.loads(canonical.decode(), strict=False)
    if again != value or canonical_json(again) != canonical:
        raise BrokenPromise("canonical_form_says_the_same")
    if pretty_json(parse_json(pretty_json(value), max_bytes=1 << 30)) != pretty_json(value):
        raise BrokenPromise("pretty_form_reads_back")
    bare = _CONTROLS.isdisjoint(canonical.decode())
    if bare and canonical_json(parse_json(canonical, max_bytes=_MAX_BYTES)) != canonical:
        raise BrokenPromise("canonical_form_is_a_fixed_point")


def fuzz_metadata(data: bytes) -> None:
    """Each of the four kinds under both dialects: refused, or a value that answers questions."""
    for dialect in (PLAIN_TUF, FIRMHOLD):
        for kind in MAX_BYTES:
            try:
                envelope = parse_envelope(data, kind, kind)
                _read(kind, envelope, dialect)
            except Refused:
                continue


def fuzz_trusted_set(data: bytes) -> None:
    """Each step, offered any bytes: refused, or trusting exactly what was signed with the keys.

    Bytes that were found stored are judged likewise, only that nobody is told of a refusal.
    """
    for name in (*accepted_as(data), *remembered_as(data)):
        require_same_payload(genuine(name), data)


def fuzz_names(data: bytes) -> None:
    """Names from metadata: one file name each, none for two, and no URL path that climbs."""
    name = data.decode(errors="ignore")
    for file in (metadata_file(name), metadata_file(name, 7)):
        require_one_file_name(file)
    if unquote(metadata_file(name).removesuffix(".json")) != name:
        raise BrokenPromise("a_role_has_its_own_file")
    if name:
        require_one_file_name(target_file(name))
        if unquote(target_file(name)) != name:
            raise BrokenPromise("a_target_has_its_own_file")
    for consistent in (True, False):
        expectation = Expectation(name, 1, _DIGESTS, TARGET_FILE)
        require_path_that_stays(target_url_path(expectation, consistent=consistent))


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "json": fuzz_json,
    "metadata": fuzz_metadata,
    "trusted_set": fuzz_trusted_set,
    "names": fuzz_names,
    **device_words.TARGETS,
    **release_words.TARGETS,
    **kept_words.TARGETS,
    **path_words.TARGETS,
}
"""Every target by name; its seeds are the files of the folder of that name."""


def require_one_file_name(name: str) -> None:
    """A file name has no separator, no NUL, is not empty and is neither `.` nor `..`."""
    if not name or name in {".", ".."} or not {"/", "\\", "\0"}.isdisjoint(name):
        raise BrokenPromise("one_file_name", name)


def require_path_that_stays(path: str) -> None:
    """A URL path is plain ASCII without query or fragment, and no segment of it climbs."""
    segments = path.split("/")
    if any(segment in {".", ".."} for segment in segments):
        raise BrokenPromise("no_segment_climbs", path)
    if not path.isascii() or not path.isprintable() or not set(" ?#\\").isdisjoint(path):
        raise BrokenPromise("only_a_path", path)


def accepted_as(data: bytes) -> list[str]:
    """The honest files in whose place `data` would be accepted, by name."""
    accepted = []
    for name, accept in _steps().items():
        try:
            accept(data)
        except Refused:
            continue
        accepted.append(name)
    return accepted


def remembered_as(data: bytes) -> list[str]:
    """The stored files in whose place `data` would be remembered, by name."""
    remembered = _newest_root().restore(data, data).remembered
    found = {"timestamp.json": remembered.timestamp, "snapshot.json": remembered.snapshot}
    return [name for name, document in found.items() if document is not None]


@cache
def genuine(name: str) -> bytes:
    """The bytes of the honest world's metadata file `name`."""
    return (GENUINE / name).read_bytes()


@cache
def _newest_root() -> TrustedSet:
    return TrustedSet.pin(genuine("2.root.json"), PLAIN_TUF)


@cache
def _steps() -> Mapping[str, Callable[[bytes], TrustedSet]]:
    """Every step from its own honest state, by the file that an honest repository offers to it.

    The honest world names no digests, so that bytes meet the signature checks and not only these.
    """
    pinned = TrustedSet.pin(genuine("1.root.json"), PLAIN_TUF)
    rooted = pinned.accept_root(genuine("2.root.json"))
    timed = rooted.accept_timestamp(genuine("timestamp.json"), _NOW)
    snapped = timed.accept_snapshot(genuine("snapshot.json"), _NOW)
    complete = snapped.accept_targets(genuine("targets.json"), _NOW)
    return {
        "2.root.json": pinned.accept_root,
        "timestamp.json": lambda data: rooted.accept_timestamp(data, _NOW),
        "snapshot.json": lambda data: timed.accept_snapshot(data, _NOW),
        "targets.json": lambda data: snapped.accept_targets(data, _NOW),
        f"{DELEGATED_ROLE}.json": lambda data: complete.accept_delegated(
            data, DELEGATED_ROLE, "targets", _NOW
        ),
    }


def _read(kind: str, envelope: Envelope, dialect: Dialect) -> None:
    if kind == "root":
        _ask_root(read_root(envelope, dialect), envelope)
    elif kind == "timestamp":
        _require_version(read_timestamp(envelope, dialect).version)
    elif kind == "snapshot":
        snapshot = read_snapshot(envelope, dialect)
        for version in (snapshot.version, *(entry.version for entry in snapshot.meta.values())):
            _require_version(version)
    else:
        _ask_targets(read_targets(envelope, dialect), envelope)


def _ask_root(root: Root, envelope: Envelope) -> None:
    _require_version(root.version)
    for authority in root.authorities.values():
        tally = authority.tally(envelope)
        if tally.met and len(set(tally.signed)) < max(authority.threshold, 1):
            raise BrokenPromise("a_quorum_is_of_distinct_holders")


def _ask_targets(targets: Targets, envelope: Envelope) -> None:
    _require_version(targets.version)
    for path in (*_ASKED_PATHS, *targets.files):
        targets.target(path, "targets")
        for role, _ in _first_delegates(targets, path):
            authority = targets.authority(role, "targets")
            if authority is None:
                raise BrokenPromise("a_delegated_role_has_an_authority", role)
            authority.tally(envelope)


def _first_delegates(targets: Targets, path: str) -> Iterator[tuple[str, bool]]:
    """The roles asked for `path`, as many as a test of one input has time for."""
    return (found for found, _ in zip(targets.delegates(path), range(8), strict=False))


def _require_version(version: int) -> None:
    if isinstance(version, bool) or version < 1:
        raise BrokenPromise("a_version_is_a_counting_number", version)
