"""The shape of metadata: one thing wrong at a time."""

from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import pytest

from firmhold.trust.encoding import JsonValue
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Malformed
from firmhold.trust.tuf.schema import (
    CHECKS,
    MAX_KEYS,
    MAX_NAME_BYTES,
    MAX_PATTERNS,
    MAX_PREFIXES,
    MAX_SIGNATURES,
    check_common,
    check_envelope,
    check_targets,
)

Document = dict[str, Any]
TOP_LEVEL = ("root", "timestamp", "snapshot", "targets")
KEY_IDS = [f"k{number}" for number in range(MAX_KEYS + 1)]


class Gone(Enum):
    """A field that is not there; an enum, so that its name is the same in every process."""

    GONE = "gone"


GONE = Gone.GONE


def authority(*key_ids: str, threshold: int = 1) -> Document:
    """A threshold of keys."""
    return {"keyids": list(key_ids), "threshold": threshold}


def delegated(name: str, **fields: object) -> Document:
    """A delegated role, for all paths unless told otherwise."""
    fields = fields or {"paths": ["*"]}
    return {"name": name, "terminating": False, **authority("k"), **fields}


VALID_TARGET: Document = {"length": 0, "hashes": {"sha256": "0" * 64, "md5": ""}}
VALID_BINS: Document = {"name_prefix": "bin", "bit_length": 8, **authority()}
VALID_BOTH: Document = {"keys": {}, "roles": [], "succinct_roles": VALID_BINS}
VALID: dict[str, Document] = {
    "root": {
        "consistent_snapshot": True,
        "keys": {"k": {}, "l": {"keytype": "of tomorrow"}},
        "roles": {role: authority("k", "l", threshold=2) for role in TOP_LEVEL},
    },
    "timestamp": {
        "meta": {"snapshot.json": {"version": 1, "length": 0, "hashes": {"sha256": "0" * 64}}}
    },
    "snapshot": {"meta": {"targets.json": {"version": 1}, "a.json": {"version": 7, "length": 9}}},
    "targets": {
        "targets": {"a.bin": VALID_TARGET},
        "delegations": {
            "keys": {"k": {}},
            "roles": [
                delegated("a"),
                delegated("b", paths=[]),
                delegated("c", path_hash_prefixes=["0f"]),
            ],
        },
    },
    "bins": {"targets": {}, "delegations": {"keys": {}, "succinct_roles": VALID_BINS}},
}
"""One valid document of each kind, without the fields that all have."""


def check(kind: str, signed: Document) -> None:
    """Check the fields of a document of a kind."""
    CHECKS["targets" if kind == "bins" else kind](signed)


def spoilt(kind: str, place: str, value: object) -> Document:
    """A valid document with the value at `place` replaced, or gone."""
    document = deepcopy(VALID[kind])
    *path, last = steps(place)
    parent: Any = document
    for step in path:
        parent = parent[step]
    if value is GONE:
        del parent[last]
    else:
        parent[last] = value
    return document


def steps(place: str) -> list[str | int]:
    """The keys and positions of a place such as `roles/root` or `delegations/roles/0`."""
    return [int(step) if step.isdigit() else step for step in place.split("/")]


def where(place: str) -> str:
    """A place as faults name it."""
    named = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps(place))
    return "signed" + "".join(named)


def refusal(do: Callable[[], object]) -> Malformed:
    """The fault for which something is refused."""
    with pytest.raises(Refused) as error:
        do()
    assert isinstance(error.value.fault, Malformed)
    return error.value.fault


@pytest.mark.parametrize("kind", VALID)
def test_a_document_of_the_right_shape_passes(kind: str) -> None:
    """Each kind of valid document passes, fields unknown to the specification included."""
    check(kind, VALID[kind] | {"x-custom": {"any": ["thing"]}})


NO_BOOLEANS: tuple[object, ...] = (None, 0, 1, "false", [])
NO_OBJECTS: tuple[object, ...] = (None, [], "text", 7)
NO_TEXTS: tuple[object, ...] = (None, 7, [], {})
NO_COUNTS: tuple[object, ...] = (0, -1, True, 7.0, "7", None, [])
NO_SIZES = (-1, True, False, 7.0, "7", None)
A_COUNT = "an integer of at least 1"
A_SIZE = "an integer of at least 0"
A_SHORT_LIST = "a list of at most 1024 entries"
A_LONG_LIST = "a list of at most 8192 entries"
A_LONGER_LIST = "a list of at most 65536 entries"
A_PATTERN = "at most 1024 characters, 32 of them wildcards"
A_NAME = "a name of 1 to 240 quoted bytes, not a top-level role"
TOO_MANY_KEYS: Document = {key_id: {} for key_id in KEY_IDS}
NO_WAY = {key: value for key, value in delegated("a").items() if key != "paths"}
TWO_WAYS = delegated("a", paths=["*"], path_hash_prefixes=["0f"])
BAD_SHA256 = ("", "0" * 63, "0" * 65, "A" * 64, "g" * 64, "0" * 63 + "\n", "\u0661" * 64)
LONG_NAMES = ("x" * (MAX_NAME_BYTES + 1), "/" * (MAX_NAME_BYTES // 3 + 1))
BAD_NAMES = ("", *TOP_LEVEL, "Root", "TARGETS", *LONG_NAMES)
ROLE = "delegations/roles/0"
SUCCINCT = "delegations/succinct_roles"
TARGET = "targets/a.bin"

SPOILT: list[tuple[str, str, str, tuple[object, ...]]] = [
    ("root", "consistent_snapshot", "true or false", NO_BOOLEANS),
    ("root", "keys", "an object", (GONE, *NO_OBJECTS)),
    ("root", "keys", "at most 1024 entries", (TOO_MANY_KEYS,)),
    ("root", "keys/k", "an object", NO_OBJECTS),
    ("root", "roles", "an object", (GONE, *NO_OBJECTS)),
    *(("root", f"roles/{role}", "an object", (GONE, *NO_OBJECTS)) for role in TOP_LEVEL),
    ("root", "roles/root/keyids", A_SHORT_LIST, (GONE, None, "kl", {}, KEY_IDS)),
    ("root", "roles/root/keyids", "a string", ([7], ["k", None])),
    ("root", "roles/root/keyids", "each key id once", (["k", "k"], ["k", "l", "k"])),
    ("root", "roles/snapshot/threshold", A_COUNT, (GONE, *NO_COUNTS)),
    ("timestamp", "meta", "an object", (GONE, *NO_OBJECTS)),
    ("timestamp", "meta/snapshot.json", "an object", (GONE, *NO_OBJECTS)),
    ("timestamp", "meta/snapshot.json/length", A_SIZE, NO_SIZES),
    ("timestamp", "meta/snapshot.json/hashes", "an object", NO_OBJECTS),
    ("timestamp", "meta/snapshot.json/hashes", "at least one digest", ({},)),
    ("snapshot", "meta", "an object", (GONE, *NO_OBJECTS)),
    ("snapshot", "meta/a.json", "an object", NO_OBJECTS),
    ("snapshot", "meta/a.json/version", A_COUNT, (GONE, *NO_COUNTS)),
    ("targets", "targets", "an object", (GONE, *NO_OBJECTS)),
    ("targets", "targets/", "a path of at least one character", (VALID_TARGET,)),
    ("targets", TARGET, "an object", NO_OBJECTS),
    ("targets", f"{TARGET}/length", A_SIZE, (GONE, *NO_SIZES)),
    ("targets", f"{TARGET}/hashes", "an object", (GONE, *NO_OBJECTS)),
    ("targets", f"{TARGET}/hashes", "at least one digest", ({},)),
    ("targets", f"{TARGET}/hashes/sha256", "a string", NO_TEXTS),
    ("targets", f"{TARGET}/hashes/sha256", "64 lower-case hexadecimal digits", BAD_SHA256),
    ("targets", f"{TARGET}/hashes/sha512", "128 lower-case hexadecimal digits", ("0" * 64,)),
    ("targets", f"{TARGET}/hashes/md5", "4 lower-case hexadecimal digits", ("../x", "ABCD")),
    ("targets", "delegations", "an object", NO_OBJECTS),
    ("targets", "delegations", "either roles or succinct_roles", ({"keys": {}},)),
    ("targets", "delegations/keys", "an object", (GONE, *NO_OBJECTS)),
    ("targets", "delegations/keys/k", "an object", NO_OBJECTS),
    ("targets", "delegations/roles", A_SHORT_LIST, (None, {}, [delegated(k) for k in KEY_IDS])),
    ("targets", ROLE, "an object", NO_OBJECTS),
    ("targets", ROLE, "either paths or path_hash_prefixes", (NO_WAY, TWO_WAYS)),
    ("targets", f"{ROLE}/threshold", A_COUNT, (GONE, *NO_COUNTS)),
    ("targets", f"{ROLE}/keyids", "each key id once", (["k", "k"],)),
    ("targets", f"{ROLE}/terminating", "true or false", (GONE, *NO_BOOLEANS)),
    ("targets", f"{ROLE}/paths", A_LONG_LIST, (None, "*", ["*"] * (MAX_PATTERNS + 1))),
    ("targets", f"{ROLE}/paths", "a string", ([7], ["*", None])),
    ("targets", f"{ROLE}/paths", A_PATTERN, (["x" * 1025], ["*" * 33], ["*?[" * 11])),
    ("targets", "delegations/roles/2/path_hash_prefixes", A_LONGER_LIST, (None, "0f")),
    ("targets", "delegations/roles/2/path_hash_prefixes", "a string", ([7],)),
    ("targets", f"{ROLE}/name", "a string", (GONE, *NO_TEXTS)),
    ("targets", f"{ROLE}/name", A_NAME, BAD_NAMES),
    ("targets", "delegations/roles/2/name", "each name once", ("a", "b")),
    ("bins", "delegations", "either roles or succinct_roles", (VALID_BOTH,)),
    ("bins", SUCCINCT, "an object", NO_OBJECTS),
    ("bins", f"{SUCCINCT}/keyids", A_SHORT_LIST, (GONE, None)),
    ("bins", f"{SUCCINCT}/threshold", A_COUNT, (GONE, *NO_COUNTS)),
    ("bins", f"{SUCCINCT}/name_prefix", "a string", (GONE, *NO_TEXTS)),
    ("bins", f"{SUCCINCT}/name_prefix", A_NAME, BAD_NAMES),
    ("bins", f"{SUCCINCT}/bit_length", A_COUNT, (GONE, *NO_COUNTS)),
    ("bins", f"{SUCCINCT}/bit_length", "at most 32", (33, 2**32)),
]
"""Kind of document, place in it, what is expected there, and values that are not that."""


@pytest.mark.parametrize(
    ("kind", "place", "expected", "value"),
    [
        pytest.param(kind, place, expected, value, id=f"{kind}-{place}-{value!r:.12}")
        for kind, place, expected, values in SPOILT
        for value in values
    ],
)
def test_one_thing_of_another_shape_is_refused_and_named(
    kind: str, place: str, expected: str, value: object
) -> None:
    """Each field that a rule reads has its shape, and the fault says where it has not."""
    fault = refusal(lambda: check(kind, spoilt(kind, place, value)))
    assert fault == Malformed(code=Code.TUF_SHAPE, where=where(place), expected=expected)


SOUND: list[tuple[str, str, tuple[object, ...]]] = [
    ("root", "consistent_snapshot", (False, GONE)),
    ("root", "keys", ({}, {key_id: {} for key_id in KEY_IDS[:MAX_KEYS]})),
    ("root", "roles/root/keyids", ([], ["not in the table"], KEY_IDS[:MAX_KEYS])),
    ("root", "roles/root/threshold", (1, MAX_KEYS + 1, 2**63 - 1)),
    ("root", "roles/mirrors", (None, {"keyids": "anything"})),
    ("timestamp", "meta/other.json", ("anything",)),
    ("timestamp", "meta/snapshot.json/length", (GONE, 2**63 - 1)),
    ("timestamp", "meta/snapshot.json/hashes", (GONE, {"of tomorrow": ""})),
    ("snapshot", "meta", ({},)),
    ("snapshot", "meta/a.json/version", (1, 2**63 - 1)),
    ("targets", "delegations", (GONE,)),
    ("targets", "delegations/roles", ([], [delegated(k) for k in KEY_IDS[:MAX_KEYS]])),
    ("targets", f"{ROLE}/paths", ([], ["*"] * MAX_PATTERNS, ["*?[" * 10 + "*?" + "x" * 992])),
    ("targets", "delegations/roles/2/path_hash_prefixes", (["0f"] * MAX_PREFIXES,)),
    ("targets", f"{ROLE}/terminating", (True,)),
    ("targets", f"{ROLE}/name", ("x" * MAX_NAME_BYTES, "/" * (MAX_NAME_BYTES // 3), "Roots", "..")),
    ("bins", f"{SUCCINCT}/bit_length", (1, 32)),
]
"""Kind of document, place in it, and values just inside the bounds."""


@pytest.mark.parametrize(
    ("kind", "place", "value"),
    [
        pytest.param(kind, place, value, id=f"{kind}-{place}-{value!r:.12}")
        for kind, place, values in SOUND
        for value in values
    ],
)
def test_a_value_just_inside_the_bounds_passes(kind: str, place: str, value: object) -> None:
    """The bounds are where they are said to be, and no narrower."""
    check(kind, spoilt(kind, place, value))


COMMON: Document = {"spec_version": "1.0.31", "version": 1, "expires": "2030-01-31T23:59:59Z"}
NO_SPEC = (
    "1",
    "2.0.0",
    "0.9",
    "1.",
    "1.0.",
    "1.0.0.0",
    "1.x",
    " 1.0",
    "1.0\n",
    "1.0000001",
    "1.\u0661",
)
NO_DATES = ("", "2030-01-31", "2030-01-31T23:59:59", "2030-01-31T23:59:59+00:00")
OTHER_DATES = ("2030-01-31 23:59:59Z", "2030-01-31T23:59:59.0Z", "2030-1-31T23:59:59Z")
NO_DAYS = ("2030-02-30T00:00:00Z", "0000-01-01T00:00:00Z", "2030-01-31T24:00:00Z")

SPOILT_COMMON: list[tuple[str, str, Code, tuple[object, ...]]] = [
    ("spec_version", "a string", Code.TUF_SHAPE, (GONE, 1, None)),
    ("spec_version", "1.x or 1.x.y", Code.TUF_SPEC_VERSION, NO_SPEC),
    ("version", A_COUNT, Code.TUF_SHAPE, (GONE, *NO_COUNTS)),
    ("expires", "a string", Code.TUF_SHAPE, (GONE, 0, None)),
    ("expires", "YYYY-MM-DDTHH:MM:SSZ", Code.TUF_SHAPE, (*NO_DATES, *OTHER_DATES)),
    ("expires", "a day and time that exist", Code.TUF_SHAPE, (*NO_DAYS, "2030-01-31T23:59:60Z")),
]


@pytest.mark.parametrize(
    ("field", "expected", "code", "value"),
    [
        pytest.param(field, expected, code, value, id=f"{field}-{value!r:.24}")
        for field, expected, code, values in SPOILT_COMMON
        for value in values
    ],
)
def test_a_common_field_of_another_shape_is_refused_and_named(
    field: str, expected: str, code: Code, value: object
) -> None:
    """Specification, version and date are what the specification says, in every role."""
    document = {key: entry for key, entry in COMMON.items() if key != field}
    if value is not GONE:
        document[field] = value
    fault = refusal(lambda: check_common(document))
    assert fault == Malformed(code=code, where=f"signed.{field}", expected=expected)


@pytest.mark.parametrize("spec_version", ["1.0", "1.0.0", "1.0.34", "1.999999.999999"])
def test_each_form_of_version_one_of_the_specification_is_read(spec_version: str) -> None:
    """A repository may write the specification with two numbers or three."""
    check_common(COMMON | {"spec_version": spec_version})


@pytest.mark.parametrize("version", [1, 2**63 - 1])
def test_each_version_from_one_is_read(version: int) -> None:
    """The first version is 1, and there is room above it."""
    check_common(COMMON | {"version": version})


def test_the_date_of_expiry_is_read_in_utc() -> None:
    """What expires is known to the second, without regard to where the device stands."""
    assert check_common(COMMON) == datetime(2030, 1, 31, 23, 59, 59, tzinfo=UTC)


ENVELOPE: Document = {"signed": {"a": 1}, "signatures": [{"keyid": "k", "sig": "00"}]}
SIGNATURES = "a list of at most 256 entries"
SPOILT_ENVELOPES: dict[str, tuple[JsonValue, str, str]] = {
    "a list": ([], "document", "an object"),
    "a text": ("x", "document", "an object"),
    "no signed part": ({"signatures": []}, "signed", "an object"),
    "a signed list": ({"signatures": [], "signed": []}, "signed", "an object"),
    "no signatures": ({"signed": {}}, "signatures", SIGNATURES),
    "an object of signatures": (ENVELOPE | {"signatures": {}}, "signatures", SIGNATURES),
    "too many signatures": (
        ENVELOPE | {"signatures": ENVELOPE["signatures"] * (MAX_SIGNATURES + 1)},
        "signatures",
        SIGNATURES,
    ),
    "a signature not an object": (ENVELOPE | {"signatures": ["00"]}, "signatures[0]", "an object"),
    "a signature without a key id": (
        ENVELOPE | {"signatures": [{"sig": ""}]},
        "signatures[0]",
        "a string",
    ),
    "two signatures of one key id": (
        ENVELOPE | {"signatures": [{"keyid": "k", "sig": ""}, {"keyid": "k", "sig": "00"}]},
        "signatures[1]",
        "each key id once",
    ),
    "a signature without itself": (
        ENVELOPE | {"signatures": [{"keyid": "k"}]},
        "signatures[0]",
        "a string",
    ),
}


@pytest.mark.parametrize(
    ("value", "place", "expected"), SPOILT_ENVELOPES.values(), ids=SPOILT_ENVELOPES
)
def test_an_envelope_of_another_shape_is_refused_and_named(
    value: JsonValue, place: str, expected: str
) -> None:
    """What is signed and who signed it are found, or the document is no metadata (TUF 4.2)."""
    fault = refusal(lambda: check_envelope(value))
    assert fault == Malformed(code=Code.TUF_SHAPE, where=place, expected=expected)


def test_an_envelope_gives_what_was_signed_and_the_signatures_in_order() -> None:
    """Every signature comes through, an empty one too, and nothing else does."""
    pairs = [("k", "00"), ("l", ""), ("j", "zz")]
    signatures: list[JsonValue] = [{"keyid": key, "sig": sig, "x": 1} for key, sig in pairs]
    assert check_envelope({"signed": {"a": 1}, "signatures": signatures, "x": 1}) == (
        {"a": 1},
        pairs,
    )


def test_as_many_signatures_as_are_permitted_are_read() -> None:
    """The bound on signatures is the largest number that passes."""
    signatures: list[JsonValue] = [{"keyid": str(n), "sig": ""} for n in range(MAX_SIGNATURES)]
    assert len(check_envelope({"signed": {}, "signatures": signatures})[1]) == MAX_SIGNATURES


def test_the_bounds_are_the_documented_ones() -> None:
    """A bound does not move without a test that says so."""
    assert (MAX_SIGNATURES, MAX_KEYS, MAX_NAME_BYTES) == (256, 1024, 240)
    assert (MAX_PATTERNS, MAX_PREFIXES) == (8192, 65_536)


def test_the_patterns_of_all_delegations_are_counted_together() -> None:
    """A delegator cannot have a device read more patterns by spreading them over many roles."""
    half = [f"{number}/*" for number in range(MAX_PATTERNS // 2)]
    roles = [delegated("a", paths=half), delegated("b", paths=half)]
    document: Document = {"targets": {}, "delegations": {"keys": {}, "roles": roles}}
    check_targets(document)
    roles.append(delegated("c", paths=["one/more"]))
    fault = refusal(lambda: check_targets(document))
    assert fault == Malformed(
        code=Code.TUF_SHAPE,
        where="signed.delegations.roles",
        expected="at most 8192 paths in all",
    )
