"""Row 26: bytes that two readers would read differently, or that one reader would choke on."""

import json
import time
from collections.abc import Callable, Mapping

import pytest

from firmhold.sim.world import World
from firmhold.trust.errors import Code
from firmhold.trust.faults import Malformed
from firmhold.trust.tuf.schema import MAX_SIGNATURES

HANG = 10.0
"""Seconds: what any of these documents may take at most on a busy machine; each takes far less."""

SPOILT: Mapping[str, tuple[bytes, Code]] = {
    "empty": (b"", Code.ENCODING_NOT_JSON),
    "not-json": (b"<html>404</html>", Code.ENCODING_NOT_JSON),
    "two-values": (b"{} {}", Code.ENCODING_NOT_JSON),
    "a-byte-order-mark": (b"\xef\xbb\xbf{}", Code.ENCODING_NOT_JSON),
    "single-quotes": (b"{'signed': 1}", Code.ENCODING_NOT_JSON),
    "a-comment": (b"{} // trust me", Code.ENCODING_NOT_JSON),
    "a-raw-control-character": (b'{"a": "\x00"}', Code.ENCODING_NOT_JSON),
    "not-utf8": (b'{"a": "\xff"}', Code.ENCODING_NOT_UTF8),
    "an-overlong-slash": (b'{"a": "\xc0\xaf"}', Code.ENCODING_NOT_UTF8),
    "utf16": ('{"a": 1}'.encode("utf-16"), Code.ENCODING_NOT_UTF8),
    "a-key-twice": (b'{"signed": {}, "signed": {}}', Code.ENCODING_DUPLICATE_KEY),
    "a-key-twice-once-escaped": (b'{"a": 1, "\\u0061": 2}', Code.ENCODING_DUPLICATE_KEY),
    "a-key-twice-deep-down": (b'[[{"a": {"b": 1, "b": 1}}]]', Code.ENCODING_DUPLICATE_KEY),
    "not-a-number": (b'{"a": NaN}', Code.ENCODING_NUMBER),
    "infinity": (b'{"a": Infinity}', Code.ENCODING_NUMBER),
    "minus-infinity": (b'{"a": -Infinity}', Code.ENCODING_NUMBER),
    "a-float": (b'{"a": 1.5}', Code.ENCODING_NUMBER),
    "a-huge-exponent": (b'{"a": 1e999999999}', Code.ENCODING_NUMBER),
    "a-number-of-10000-digits": (b'{"a": ' + b"9" * 10_000 + b"}", Code.ENCODING_NUMBER),
    "beyond-63-bits": (b'{"a": 9223372036854775808}', Code.ENCODING_NUMBER),
    "a-lone-high-surrogate": (b'{"a": "\\ud800"}', Code.ENCODING_SURROGATE),
    "a-lone-low-surrogate-as-key": (b'{"\\udfff": 1}', Code.ENCODING_SURROGATE),
    "33-deep": (b"[" * 33 + b"]" * 33, Code.ENCODING_TOO_DEEP),
    "4000-deep": (b"[" * 4000 + b"]" * 4000, Code.ENCODING_TOO_DEEP),
    "an-array": (b"[]", Code.TUF_SHAPE),
    "a-bare-string": (b'"signed"', Code.TUF_SHAPE),
    "null": (b"null", Code.TUF_SHAPE),
    "no-signed-part": (b'{"signatures": []}', Code.TUF_SHAPE),
    "signatures-as-object": (b'{"signed": {}, "signatures": {}}', Code.TUF_SHAPE),
    "signature-without-key-id": (b'{"signed": {}, "signatures": [{"sig": ""}]}', Code.TUF_SHAPE),
}


@pytest.mark.parametrize("role", ["root", "timestamp", "snapshot", "targets"])
@pytest.mark.parametrize("case", SPOILT)
def test_what_cannot_be_read_in_one_way_only_is_refused(
    bare_world: World, case: str, role: str
) -> None:
    """The attacker serves hostile bytes in a role's place: refused for what they are."""
    world, (data, code) = bare_world, SPOILT[case]
    assert world.device.update("a.bin") is None
    before = world.device.state()
    world.repository.publish("root", "targets", "snapshot", "timestamp")

    world.attacker.serve(role, data)

    assert world.device.update("a.bin") == code
    assert world.device.state()[f"metadata/{role}.json"] == before[f"metadata/{role}.json"]
    assert set(world.device.state()) == set(before)

    world.repository.write(role)
    assert world.device.update("a.bin") is None


HEAVY: Mapping[str, tuple[bytes, Code]] = {
    "100000-deep-arrays": (b"[" * 100_000 + b"]" * 100_000, Code.ENCODING_TOO_DEEP),
    "100000-deep-objects": (b'{"a":' * 90_000, Code.ENCODING_TOO_DEEP),
    "a-number-of-500000-digits": (b"1" * 500_000, Code.ENCODING_NUMBER),
    "100000-times-the-same-key": (b"{" + b'"":0,' * 99_999 + b'"":0}', Code.ENCODING_DUPLICATE_KEY),
    "500000-escapes": (b'"' + b"\\u00e9" * 80_000 + b'"', Code.TUF_SHAPE),
    "200000-values": (b"[" + b"0," * 199_999 + b"0]", Code.TUF_SHAPE),
}


@pytest.mark.parametrize("case", HEAVY)
def test_a_document_that_is_heavy_to_read_is_read_in_no_time(world: World, case: str) -> None:
    """The attacker serves what makes a careless reader hang or crash: this one says no at once."""
    assert world.device.update("a.bin") is None
    before, (data, code) = world.device.state(), HEAVY[case]

    world.attacker.serve("root", data, version=2)

    begun = time.monotonic()
    assert world.device.update("a.bin") == code
    assert time.monotonic() - begun < HANG
    assert world.device.state() == before


def test_half_a_million_values_are_too_many(bare_world: World) -> None:
    """Targets metadata of one value more than any verifier would walk through are refused."""
    world = bare_world
    assert world.device.update("a.bin") is None
    world.repository.release("targets")

    world.attacker.serve("targets", b"[" + b"0," * 500_000 + b"0]")

    assert world.device.update("a.bin") == Code.ENCODING_TOO_MANY


def test_a_huge_list_of_signatures_is_refused_unread(world: World) -> None:
    """Anybody on the wire can add signatures, so their number is bounded before any is checked."""
    assert world.device.update("a.bin") is None
    before = world.device.state()
    world.repository.publish("root")
    document = json.loads(world.repository.published["root"])

    document["signatures"] += [{"keyid": str(n), "sig": "00"} for n in range(MAX_SIGNATURES)]
    world.attacker.serve("root", json.dumps(document).encode())

    assert world.device.update("a.bin") == Code.TUF_SHAPE
    assert world.device.fault == Malformed(
        code=Code.TUF_SHAPE,
        where="signatures",
        expected=f"a list of at most {MAX_SIGNATURES} entries",
    )
    assert world.device.state() == before


def test_as_many_signatures_as_allowed_cost_next_to_nothing(world: World) -> None:
    """The good signature behind 255 bad ones of strangers still counts, and soon."""
    assert world.device.update("a.bin") is None
    world.repository.publish("root")
    document = json.loads(world.repository.published["root"])
    good = document["signatures"][0]

    bad = [{"keyid": f"{n:064x}", "sig": f"{n:0128x}"} for n in range(MAX_SIGNATURES - 1)]
    document["signatures"] = [*bad, good]
    served = json.dumps(document).encode()
    world.attacker.serve("root", served)

    begun = time.monotonic()
    assert world.device.update("a.bin") is None
    assert time.monotonic() - begun < HANG
    assert world.device.state()["metadata/root.json"] == served


def escaped(data: bytes) -> bytes:
    """The same text with a letter written as its number."""
    return data.replace(b'"a.bin"', b'"\\u0061.bin"')


def indented(data: bytes) -> bytes:
    """The same values with white space between them."""
    return json.dumps(json.loads(data), indent=7).encode()


@pytest.mark.parametrize("respell", [escaped, indented], ids=lambda respell: respell.__name__)
def test_another_spelling_of_the_same_document_is_the_same_document(
    bare_world: World, respell: Callable[[bytes], bytes]
) -> None:
    """A mirror that writes the same JSON otherwise changes nothing of what was signed."""
    world = bare_world
    assert world.device.update("a.bin") is None
    world.repository.release("targets")

    spelt = respell(world.repository.published["targets"])
    assert spelt != world.repository.published["targets"]
    world.attacker.serve("targets", spelt)

    assert world.device.update("a.bin") is None
    assert world.device.state()["metadata/targets.json"] == spelt
