"""Metadata as bytes, as files and as URL paths."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urljoin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmhold.sim.repository import SimRepository
from firmhold.trust.digest import TARGET_FILE, Expectation
from firmhold.trust.encoding import canonical_json
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Malformed, OverLimit, WrongType
from firmhold.trust.keys import KeyId, Signature
from firmhold.trust.tuf.wire import (
    MAX_BYTES,
    metadata_file,
    parse_envelope,
    target_file,
    target_url_path,
    target_url_paths,
)

TIMESTAMP: dict[str, Any] = {
    "_type": "timestamp",
    "spec_version": "1.0.31",
    "version": 7,
    "expires": "2030-01-02T03:04:05Z",
    "meta": {"snapshot.json": {"version": 9, "x-in": 1}},
    "x-custom": {"b": [1, None], "a": "é"},
}


def envelope(signed: object, *pairs: tuple[str, str]) -> bytes:
    """Metadata bytes around a signed part."""
    signatures = [{"keyid": key_id, "sig": sig} for key_id, sig in pairs]
    return json.dumps({"signed": signed, "signatures": signatures}).encode()


def test_an_envelope_holds_what_was_signed_when_it_expires_and_who_signed() -> None:
    """Reading keeps every field, those unknown to the specification too."""
    data = envelope(TIMESTAMP, ("k", "00"), ("j", ""))
    parsed = parse_envelope(data, "timestamp", "timestamp")
    assert parsed.signed == TIMESTAMP
    assert parsed.expires == datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert parsed.signatures == (Signature(KeyId("k"), "00"), Signature(KeyId("j"), ""))


def test_the_payload_is_the_canonical_form_of_the_whole_signed_part() -> None:
    """A field that nobody knows is covered by the signature like any other (TUF 4.2)."""
    parsed = parse_envelope(envelope(TIMESTAMP), "timestamp", "timestamp")
    assert parsed.payload == canonical_json(TIMESTAMP)
    assert '"x-custom":{"a":"é","b":[1,null]}'.encode() in parsed.payload


@pytest.mark.parametrize("kind", MAX_BYTES)
def test_each_kind_of_metadata_has_its_bound(kind: str) -> None:
    """One byte over the bound of its kind, a file is not even looked at."""
    with pytest.raises(Refused) as error:
        parse_envelope(b" " * (MAX_BYTES[kind] + 1), kind, kind)
    expected = OverLimit(code=Code.ENCODING_TOO_LARGE, what="document", limit=MAX_BYTES[kind])
    assert error.value.fault == expected


@pytest.mark.parametrize("kind", MAX_BYTES)
def test_metadata_of_just_the_permitted_size_are_read(repository: SimRepository, kind: str) -> None:
    """The bound is the largest size that passes."""
    data = repository.published[kind].ljust(MAX_BYTES[kind])
    assert parse_envelope(data, kind, kind).signed["_type"] == kind


def test_the_bounds_are_the_documented_ones() -> None:
    """A bound does not move without a test that says so."""
    assert MAX_BYTES == {
        "root": 512_000,
        "timestamp": 16_384,
        "snapshot": 2_000_000,
        "targets": 5_000_000,
    }


def test_a_document_of_another_type_is_refused_under_the_role_that_was_asked_for() -> None:
    """A signed document of one role never stands in for another's."""
    with pytest.raises(Refused) as error:
        parse_envelope(envelope(TIMESTAMP), "targets", "a")
    expected = WrongType(code=Code.TUF_WRONG_TYPE, role="a", found="timestamp")
    assert error.value.fault == expected


SPOILT = {
    "no type": ("_type", None, "signed._type", "a string", Code.TUF_SHAPE),
    "no version": ("version", 0, "signed.version", "an integer of at least 1", Code.TUF_SHAPE),
    "no meta": ("meta", None, "signed.meta", "an object", Code.TUF_SHAPE),
    "no specification": ("spec_version", "2", "signed.spec_version", "1.x or 1.x.y", None),
}


@pytest.mark.parametrize(
    ("field", "value", "where", "expected", "code"), SPOILT.values(), ids=SPOILT
)
def test_common_and_own_fields_are_checked(
    field: str, value: object, where: str, expected: str, code: Code | None
) -> None:
    """Nothing is built from a document whose shape was not checked."""
    with pytest.raises(Refused) as error:
        parse_envelope(envelope(TIMESTAMP | {field: value}), "timestamp", "timestamp")
    assert error.value.fault == Malformed(
        code=code or Code.TUF_SPEC_VERSION, where=where, expected=expected
    )


FILES = {
    "plain": ("targets", None, "targets.json"),
    "versioned": ("targets", 7, "7.targets.json"),
    "version zero": ("targets", 0, "0.targets.json"),
    "slashes": ("a/b", 1, "1.a%2Fb.json"),
    "climbing": ("../x", None, "..%2Fx.json"),
    "dots": ("..", None, "...json"),
    "quotes and spaces": ('a "b"', None, "a%20%22b%22.json"),
    "quoted already": ("a%2Fb", None, "a%252Fb.json"),
    "other letters": ("é", None, "%C3%A9.json"),
    "a NUL": ("a\0", None, "a%00.json"),
}


@pytest.mark.parametrize(("role", "version", "name"), FILES.values(), ids=FILES)
def test_a_role_is_one_file_name(role: str, version: int | None, name: str) -> None:
    """No role's name leaves its folder or collides with another's."""
    assert metadata_file(role, version) == name


SHA256, SHA512 = "ab" * 32, "cd" * 64
BOTH = {"sha512": SHA512, "sha256": SHA256}
URLS: dict[str, tuple[str, dict[str, str], str]] = {
    "plain": ("a.bin", BOTH, f"{SHA256}.a.bin"),
    "in a folder": ("x/y/a.bin", BOTH, f"x/y/{SHA256}.a.bin"),
    "without SHA-256": ("a.bin", {"sha512": SHA512, "sha384": "ef"}, "ef.a.bin"),
    "an unknown digest": ("a.bin", {"blake2": "ef", "sha256": SHA256}, f"{SHA256}.a.bin"),
    "climbing": ("../../a.bin", BOTH, f"%2E%2E/%2E%2E/{SHA256}.a.bin"),
    "a dot": ("./a.bin", BOTH, f"%2E/{SHA256}.a.bin"),
    "absolute": ("/etc/a", BOTH, f"/etc/{SHA256}.a"),
    "a query": ("a?b#c", BOTH, f"{SHA256}.a%3Fb%23c"),
    "quoted already": ("%2e%2e/a", BOTH, f"%252e%252e/{SHA256}.a"),
    "a backslash": ("..\\a", BOTH, f"{SHA256}...%5Ca"),
    "what paths may hold": ("!$&'()*+,;=:@~-_.a", BOTH, f"{SHA256}.!$&'()*+,;=:@~-_.a"),
}


@pytest.mark.parametrize(("path", "digests", "url"), URLS.values(), ids=URLS)
def test_5_7_3_a_target_is_asked_for_under_its_digest(
    path: str, digests: dict[str, str], url: str
) -> None:
    """TUF 5.7.3: consistent snapshots prefix the file name, and only the file name."""
    expectation = Expectation(path, 1, digests, TARGET_FILE)
    assert target_url_path(expectation, consistent=True) == url


def test_5_7_3_a_target_is_asked_for_under_its_own_name_without_consistent_snapshots() -> None:
    """TUF 5.7.3: without consistent snapshots the path is the path."""
    expectation = Expectation("x/../a b", 1, BOTH, TARGET_FILE)
    assert target_url_path(expectation, consistent=False) == "x/%2E%2E/a%20b"


def test_5_7_3_a_target_may_be_served_under_each_of_its_digests_or_its_own_name() -> None:
    """TUF 5.7.3: every place that a repository may use is known, digests first, its name last."""
    expectation = Expectation("x/../a b", 1, BOTH, TARGET_FILE)
    assert target_url_paths(expectation) == [
        f"x/%2E%2E/{SHA256}.a%20b",
        f"x/%2E%2E/{SHA512}.a%20b",
        "x/%2E%2E/a%20b",
    ]


SEGMENTS = st.text(st.sampled_from("a./%\\?#é\0~"), max_size=12)


@settings(deadline=None, max_examples=200)
@given(path=SEGMENTS, consistent=st.booleans())
def test_no_target_path_climbs_above_the_base(path: str, *, consistent: bool) -> None:
    """Whatever a target is called, its URL stays below the base and leads back to its path."""
    digest = hashlib.sha256(b"").hexdigest()
    expectation = Expectation(path, 0, {"sha256": digest}, TARGET_FILE)
    url_path = target_url_path(expectation, consistent=consistent)
    base = "http://host/targets/"
    assert urljoin(base, "./" + url_path).startswith(base)
    assert unquote(url_path).replace(f"{digest}.", "") == path
    assert (digest in url_path) == consistent


LOCAL = {
    "plain": ("a.bin", "a.bin"),
    "in a folder": ("x/a.bin", "x%2Fa.bin"),
    "climbing": ("../a", "..%2Fa"),
    "a dot": (".", "%2E"),
    "two dots": ("..", "%2E%2E"),
    "three dots": ("...", "..."),
    "quoted already": ("%2E", "%252E"),
}


@pytest.mark.parametrize(("path", "name"), LOCAL.values(), ids=LOCAL)
def test_a_target_is_one_local_file_name(path: str, name: str) -> None:
    """No target path leaves its folder or collides with another's."""
    assert target_file(path) == name
