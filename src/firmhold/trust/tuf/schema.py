"""The shape of the four metadata files, checked before any object is built from them (TUF 4).

`tuf.api` builds its objects from well-typed values and believes `True` to be a version, `7.0` to be
one too, and any integer however large. So every field that a rule reads is checked here first; what
the specification does not name passes untouched, because signatures cover it (TUF 4, last line).
Integer bounds come from the strict reader.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote

from firmhold.trust.digest import ALGORITHMS
from firmhold.trust.encoding import JsonObject, JsonValue
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Malformed

MAX_SIGNATURES = 256
"""Signatures in one envelope: they are not signed themselves, so anybody on the wire can add."""

MAX_KEYS = 1024
"""Keys in one table; a root that names more is not meant to be read."""

MAX_NAME_BYTES = 240
"""A role's name, percent-quoted: with `.json` it must still be a file name."""

MAX_PREFIXES = 65_536
"""Hash prefixes of one delegation; 16 bits of hash bins, each named."""

MAX_PATTERNS = 8192
"""Path patterns of one document: each is made into an expression when a path is looked for."""

MAX_PATTERN_CHARACTERS = 1024
MAX_WILDCARDS = 32
"""`*`, `?` and `[` in one pattern: what it takes to read one grows with their square."""

TOP_LEVEL = ("root", "timestamp", "snapshot", "targets")

_SPEC_VERSION = re.compile(r"1\.[0-9]{1,6}(?:\.[0-9]{1,6})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_DATE_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_HEX = re.compile(r"[0-9a-f]*")
_MAX_BIN_BITS = 32


def check_envelope(value: JsonValue) -> tuple[JsonObject, list[tuple[str, str]]]:
    """Split `{signed, signatures}` into the signed object and `(keyid, sig)` pairs (TUF 4.2)."""
    envelope = an_object(value, "document")
    signatures = a_list(envelope.get("signatures"), "signatures", MAX_SIGNATURES)
    pairs: dict[str, str] = {}
    for position, entry in enumerate(signatures):
        where = f"signatures[{position}]"
        signature = an_object(entry, where)
        key_id = a_text(signature.get("keyid"), where)
        if key_id in pairs:
            raise _refusal(where, "each key id once")
        pairs[key_id] = a_text(signature.get("sig"), where)
    return an_object(envelope.get("signed"), "signed"), [*pairs.items()]


def check_common(signed: JsonObject) -> datetime:
    """Check the fields that every role has; return when the metadata expire, in UTC (TUF 4.3)."""
    spec_version = a_text(signed.get("spec_version"), "signed.spec_version")
    if not _SPEC_VERSION.fullmatch(spec_version):
        raise _refusal("signed.spec_version", "1.x or 1.x.y", Code.TUF_SPEC_VERSION)
    a_number(signed.get("version"), "signed.version", 1)
    return a_date(signed.get("expires"), "signed.expires")


def check_root(signed: JsonObject) -> None:
    """Check the fields of root metadata (TUF 4.3)."""
    consistent = signed.get("consistent_snapshot", False)
    if not isinstance(consistent, bool):
        raise _refusal("signed.consistent_snapshot", "true or false")
    check_keys(signed, "signed")
    roles = an_object(signed.get("roles"), "signed.roles")
    for role in TOP_LEVEL:
        _check_authority(roles.get(role), f"signed.roles.{role}")


def check_timestamp(signed: JsonObject) -> None:
    """Check the fields of timestamp metadata (TUF 4.6)."""
    meta = an_object(signed.get("meta"), "signed.meta")
    _check_metafile(meta.get("snapshot.json"), "signed.meta.snapshot.json")


def check_snapshot(signed: JsonObject) -> None:
    """Check the fields of snapshot metadata (TUF 4.4)."""
    for name, entry in an_object(signed.get("meta"), "signed.meta").items():
        _check_metafile(entry, f"signed.meta.{name}")


def check_targets(signed: JsonObject) -> None:
    """Check the fields of targets metadata, top-level or delegated (TUF 4.5)."""
    for path, entry in an_object(signed.get("targets"), "signed.targets").items():
        where = f"signed.targets.{path}"
        if not path:
            raise _refusal(where, "a path of at least one character")
        target = an_object(entry, where)
        a_number(target.get("length"), f"{where}.length", 0)
        _check_hashes(target.get("hashes"), f"{where}.hashes")
    if "delegations" in signed:
        _check_delegations(an_object(signed["delegations"], "signed.delegations"))


CHECKS: dict[str, Callable[[JsonObject], None]] = {
    "root": check_root,
    "timestamp": check_timestamp,
    "snapshot": check_snapshot,
    "targets": check_targets,
}
"""The check of each role's own fields, by `_type`."""


def check_keys(holder: JsonObject, where: str) -> None:
    """Check that `keys` is a table of objects by key id; `trust.keys` says what each one is."""
    keys = an_object(holder.get("keys"), f"{where}.keys")
    if len(keys) > MAX_KEYS:
        raise _refusal(f"{where}.keys", f"at most {MAX_KEYS} entries")
    for key_id, entry in keys.items():
        an_object(entry, f"{where}.keys.{key_id}")


def an_object(value: JsonValue, where: str) -> JsonObject:
    """Return `value` if it is an object, else raise `Refused`."""
    if not isinstance(value, dict):
        raise _refusal(where, "an object")
    return value


def a_list(value: JsonValue, where: str, most: int) -> list[JsonValue]:
    """Return `value` if it is a list of at most `most` entries, else raise `Refused`."""
    if not isinstance(value, list) or len(value) > most:
        raise _refusal(where, f"a list of at most {most} entries")
    return value


def a_text(value: JsonValue, where: str) -> str:
    """Return `value` if it is a string, else raise `Refused`."""
    if not isinstance(value, str):
        raise _refusal(where, "a string")
    return value


def a_number(value: JsonValue, where: str, least: int) -> int:
    """Return `value` if it is an integer (not a boolean) of at least `least`, else refuse."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise _refusal(where, f"an integer of at least {least}")
    return value


def a_date(value: JsonValue, where: str) -> datetime:
    """Return `value` as a moment in UTC if it is `YYYY-MM-DDTHH:MM:SSZ`, else refuse."""
    text = a_text(value, where)
    if _DATE.fullmatch(text):
        try:
            return datetime.strptime(text, _DATE_FORMAT).replace(tzinfo=UTC)
        except ValueError as error:
            raise _refusal(where, "a day and time that exist") from error
    raise _refusal(where, "YYYY-MM-DDTHH:MM:SSZ")


def _check_authority(value: JsonValue, where: str) -> JsonObject:
    authority = an_object(value, where)
    key_ids = a_list(authority.get("keyids"), f"{where}.keyids", MAX_KEYS)
    texts = [a_text(key_id, f"{where}.keyids") for key_id in key_ids]
    if len(set(texts)) != len(texts):
        raise _refusal(f"{where}.keyids", "each key id once")
    a_number(authority.get("threshold"), f"{where}.threshold", 1)
    return authority


def _check_metafile(value: JsonValue, where: str) -> None:
    entry = an_object(value, where)
    a_number(entry.get("version"), f"{where}.version", 1)
    if "length" in entry:
        a_number(entry["length"], f"{where}.length", 0)
    if "hashes" in entry:
        _check_hashes(entry["hashes"], f"{where}.hashes")


def _check_hashes(value: JsonValue, where: str) -> None:
    hashes = an_object(value, where)
    if not hashes:
        raise _refusal(where, "at least one digest")
    for algorithm, digest in hashes.items():
        text = a_text(digest, f"{where}.{algorithm}")
        length = ALGORITHMS.get(algorithm, len(text))
        if len(text) != length or not _HEX.fullmatch(text):
            raise _refusal(f"{where}.{algorithm}", f"{length} lower-case hexadecimal digits")


def _check_delegations(delegations: JsonObject) -> None:
    where = "signed.delegations"
    check_keys(delegations, where)
    if ("roles" in delegations) == ("succinct_roles" in delegations):
        raise _refusal(where, "either roles or succinct_roles")
    if "succinct_roles" in delegations:
        _check_succinct(delegations["succinct_roles"], f"{where}.succinct_roles")
        return
    patterns: dict[str, int] = {}
    for position, value in enumerate(a_list(delegations["roles"], f"{where}.roles", MAX_KEYS)):
        name, number = _check_delegated_role(value, f"{where}.roles[{position}]")
        if name in patterns:
            raise _refusal(f"{where}.roles[{position}].name", "each name once")
        patterns[name] = number
    if sum(patterns.values()) > MAX_PATTERNS:
        raise _refusal(f"{where}.roles", f"at most {MAX_PATTERNS} paths in all")


def _check_succinct(value: JsonValue, where: str) -> None:
    bins = _check_authority(value, where)
    prefix = a_text(bins.get("name_prefix"), f"{where}.name_prefix")
    _check_role_name(prefix, f"{where}.name_prefix")
    if a_number(bins.get("bit_length"), f"{where}.bit_length", 1) > _MAX_BIN_BITS:
        raise _refusal(f"{where}.bit_length", f"at most {_MAX_BIN_BITS}")


def _check_delegated_role(value: JsonValue, where: str) -> tuple[str, int]:
    role = _check_authority(value, where)
    if not isinstance(role.get("terminating"), bool):
        raise _refusal(f"{where}.terminating", "true or false")
    if ("paths" in role) == ("path_hash_prefixes" in role):
        raise _refusal(where, "either paths or path_hash_prefixes")
    patterns: list[JsonValue] = []
    if "paths" in role:
        patterns = a_list(role["paths"], f"{where}.paths", MAX_PATTERNS)
        for entry in patterns:
            _check_pattern(a_text(entry, f"{where}.paths"), f"{where}.paths")
    else:
        prefixes = a_list(role["path_hash_prefixes"], f"{where}.path_hash_prefixes", MAX_PREFIXES)
        for entry in prefixes:
            a_text(entry, f"{where}.path_hash_prefixes")
    name = a_text(role.get("name"), f"{where}.name")
    _check_role_name(name, f"{where}.name")
    return name, len(patterns)


def _check_pattern(pattern: str, where: str) -> None:
    wildcards = sum(pattern.count(wildcard) for wildcard in "*?[")
    if len(pattern) > MAX_PATTERN_CHARACTERS or wildcards > MAX_WILDCARDS:
        expected = f"at most {MAX_PATTERN_CHARACTERS} characters, {MAX_WILDCARDS} of them wildcards"
        raise _refusal(where, expected)


def _check_role_name(name: str, where: str) -> None:
    # Without regard to case: on a disk that has none, `Root.json` would take the place of the root.
    top_level = name.casefold() in TOP_LEVEL
    if not name or top_level or len(quote(name, safe="")) > MAX_NAME_BYTES:
        raise _refusal(where, f"a name of 1 to {MAX_NAME_BYTES} quoted bytes, not a top-level role")


def _refusal(where: str, expected: str, code: Code = Code.TUF_SHAPE) -> Refused:
    return Refused(Malformed(code=code, where=where, expected=expected))
