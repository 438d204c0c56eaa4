"""The strict reader and the one canonical form."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from securesystemslib.formats import encode_canonical

from firmhold.trust.encoding import (
    MAX_DEPTH,
    MAX_INTEGER,
    MAX_VALUES,
    JsonValue,
    canonical_json,
    parse_json,
    pretty_json,
)
from firmhold.trust.errors import Code, Fault, Refused
from firmhold.trust.faults import Malformed, OverLimit

PLENTY = 10_000_000

LEAVES = st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | st.text(max_size=8)
VALUES: st.SearchStrategy[JsonValue] = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=20,
)


def read(text: str | bytes) -> JsonValue:
    """Read a text that is not too large."""
    return parse_json(text if isinstance(text, bytes) else text.encode(), max_bytes=PLENTY)


def fault_of(text: str | bytes) -> Fault:
    """The fault for which a text is refused."""
    with pytest.raises(Refused) as error:
        read(text)
    return error.value.fault


def test_a_document_of_just_the_permitted_size_is_read() -> None:
    """The size cap is the largest size that passes."""
    assert parse_json(b"[1]", max_bytes=3) == [1]


def test_a_document_one_byte_too_large_is_refused_before_anything_looks_at_it() -> None:
    """Size is judged first, whatever the bytes are."""
    with pytest.raises(Refused) as error:
        parse_json(b"\xff\xff\xff\xff", max_bytes=3)
    expected = OverLimit(code=Code.ENCODING_TOO_LARGE, what="document", limit=3)
    assert error.value.fault == expected


NOT_UTF8 = {
    "latin-1": (b'"\xe9"', 1),
    "overlong slash": (b'"ab\xc0\xaf"', 3),
    "surrogate as bytes": (b'"\xed\xa0\x80"', 1),
    "beyond Unicode": (b'"\xf4\x90\x80\x80"', 1),
    "cut short": (b'"\xe2\x82"', 1),
    "UTF-16": ('"a"'.encode("utf-16"), 0),
}


@pytest.mark.parametrize(("data", "position"), NOT_UTF8.values(), ids=NOT_UTF8)
def test_bytes_that_are_not_utf8_are_refused(data: bytes, position: int) -> None:
    """Text is UTF-8 without exceptions, and the fault names the first bad byte."""
    where = f"byte {position}"
    expected = Malformed(code=Code.ENCODING_NOT_UTF8, where=where, expected="UTF-8")
    assert fault_of(data) == expected


NOT_JSON = {
    "nothing": ("", 0),
    "only space": ("  ", 2),
    "two values": ("{} {}", 3),
    "a tail": ("[]x", 2),
    "cut short": ('{"a":', 5),
    "single quotes": ("{'a':1}", 1),
    "a comment": ("[1/*x*/]", 2),
    "a trailing comma": ("[1,]", 3),
    "a raw line break in a string": ('"a\nb"', 2),
    "an unknown escape": (r'"\x41"', 1),
    "a leading zero": ("01", 1),
    "a plus sign": ("+1", 0),
    "a byte order mark": ("\ufeff{}", 0),
    "a bare word": ("True", 0),
    "a NUL behind": ("{}\0", 2),
}


@pytest.mark.parametrize(("text", "position"), NOT_JSON.values(), ids=NOT_JSON)
def test_text_that_is_not_one_json_value_is_refused(text: str, position: int) -> None:
    """One JSON value and nothing behind it; the fault names the place."""
    fault = fault_of(text)
    assert fault.code is Code.ENCODING_NOT_JSON
    assert isinstance(fault, Malformed)
    assert fault.expected == "one JSON value"
    assert fault.where.startswith("character ")
    assert abs(int(fault.where.removeprefix("character ")) - position) <= 1


DUPLICATES = {
    "side by side": '{"a": 1, "a": 1}',
    "of other values": '{"a": 1, "b": 2, "a": 3}',
    "in another spelling": r'{"a": 1, "\u0061": 2}',
    "deep inside": '[[{"b": {"a": 1, "a": 2}}]]',
}


@pytest.mark.parametrize("text", DUPLICATES.values(), ids=DUPLICATES)
def test_a_key_twice_in_one_object_is_refused(text: str) -> None:
    """Two readers can never disagree about which of two equal keys holds."""
    expected = Malformed(code=Code.ENCODING_DUPLICATE_KEY, where="'a'", expected="each key once")
    assert fault_of(text) == expected


def test_a_key_may_stand_in_two_objects() -> None:
    """Only within one object is a key unique."""
    assert read('[{"a": 1}, {"a": {"a": 2}}]') == [{"a": 1}, {"a": {"a": 2}}]


NOT_INTEGERS = [
    *("1.0", "0.5", "1e3", "1E3", "-0", "-0.0", "NaN", "Infinity", "-Infinity", "1e999999999"),
    *(str(2**63), str(-(2**63)), str(2**64), "1" + "0" * 19, "9" * 20, "9" * 21, "-" + "9" * 20),
]


@pytest.mark.parametrize("text", NOT_INTEGERS)
def test_a_number_that_is_no_plain_integer_of_63_bits_is_refused(text: str) -> None:
    """No float, no second spelling of zero, nothing that another reader would round or wrap."""
    expected = "an integer of 63 bits and sign"
    fault = Malformed(code=Code.ENCODING_NUMBER, where=ascii(text), expected=expected)
    assert fault_of(f'{{"version": {text}}}') == fault


def test_a_number_of_a_million_digits_is_refused_by_its_length() -> None:
    """A long number costs no arithmetic, and the report does not repeat it."""
    fault = fault_of("9" * 1_000_000)
    assert isinstance(fault, Malformed)
    assert (fault.code, fault.where) == (Code.ENCODING_NUMBER, ascii("9" * 40))


@pytest.mark.parametrize("number", [0, 1, -1, 2**53 + 1, MAX_INTEGER, -MAX_INTEGER])
def test_an_integer_up_to_the_bounds_is_read_exactly(number: int) -> None:
    """Every integer of 63 bits and sign comes back as it is."""
    assert read(str(number)) == number
    assert MAX_INTEGER == 9223372036854775807


NESTINGS = {"lists": ("[", "", "]"), "objects": ('{"a":', "1", "}")}


@pytest.mark.parametrize(("opening", "core", "closing"), NESTINGS.values(), ids=NESTINGS)
def test_nesting_is_read_to_the_permitted_depth_and_no_further(
    opening: str, core: str, closing: str
) -> None:
    """Depth counts the innermost value; one level more is refused."""
    levels = MAX_DEPTH - len(core)
    assert read(opening * levels + core + closing * levels)
    too_deep = opening * (levels + 1) + core + closing * (levels + 1)
    expected = OverLimit(code=Code.ENCODING_TOO_DEEP, what="document", limit=MAX_DEPTH)
    assert fault_of(too_deep) == expected
    assert MAX_DEPTH == 32


@pytest.mark.parametrize(("opening", "core", "closing"), NESTINGS.values(), ids=NESTINGS)
def test_bottomless_nesting_is_refused_without_a_crash(
    opening: str, core: str, closing: str
) -> None:
    """A hundred thousand levels end in the same refusal as one too many."""
    text = opening * 100_000 + core + closing * 100_000
    expected = OverLimit(code=Code.ENCODING_TOO_DEEP, what="document", limit=MAX_DEPTH)
    assert fault_of(text) == expected


def test_values_are_read_to_the_permitted_number_and_no_further() -> None:
    """Each container and each leaf counts once; one more than the bound is refused."""
    half = MAX_VALUES // 2
    just = "[[" + "1," * (half - 4) + "1],[" + "1," * (half - 1) + "1]]"
    assert read(just)
    expected = OverLimit(code=Code.ENCODING_TOO_MANY, what="document", limit=MAX_VALUES)
    assert fault_of("[[" + "1," * (half - 3) + "1],[" + "1," * (half - 1) + "1]]") == expected
    assert MAX_VALUES == 500_000


SURROGATES = {
    "a value": (r'"\ud800"', r"'\ud800'"),
    "a key": (r'{"\udfff": 1}', r"'\udfff'"),
    "a value inside": (r'{"a": [{"b": "x\ud800"}]}', r"'x\ud800'"),
    "a key inside": (r'{"a": [{"x\ud800": "b"}]}', r"'x\ud800'"),
    "in the wrong order": (r'"\udc00\ud800"', r"'\udc00\ud800'"),
}


@pytest.mark.parametrize(("text", "shown"), SURROGATES.values(), ids=SURROGATES)
def test_a_lone_surrogate_is_refused(text: str, shown: str) -> None:
    """Every text that is read can be written back, and reports of it are plain ASCII."""
    expected = "no lone surrogate"
    assert fault_of(text) == Malformed(code=Code.ENCODING_SURROGATE, where=shown, expected=expected)


def test_a_pair_of_surrogates_is_one_character() -> None:
    """The escaped form of a character beyond 16 bits is read as that character."""
    assert read(r'"\ud83d\ude00"') == "\U0001f600"


CANONICAL: dict[str, tuple[JsonValue, bytes]] = {
    "null": (None, b"null"),
    "true": (True, b"true"),
    "false": (False, b"false"),
    "one": (1, b"1"),
    "a negative": (-7, b"-7"),
    "an empty list": ([], b"[]"),
    "an empty object": ({}, b"{}"),
    "a list in its order": ([2, 1, [3]], b"[2,1,[3]]"),
    "an object by its keys": ({"b": 1, "a": {"d": [], "c": "x"}}, b'{"a":{"c":"x","d":[]},"b":1}'),
    "keys by code point": ({"a": 1, "Z": 2, "é": 3}, '{"Z":2,"a":1,"é":3}'.encode()),
    "quotes and backslashes": ('a"b\\c', b'"a\\"b\\\\c"'),
    "a quoted key": ({'"': 1}, b'{"\\"":1}'),
    "controls as they are": ("a\nb\x00", b'"a\nb\x00"'),
    "other letters as they are": ("é\U0001f600", '"é\U0001f600"'.encode()),
}


@pytest.mark.parametrize(("value", "written"), CANONICAL.values(), ids=CANONICAL)
def test_a_value_has_one_canonical_form(value: JsonValue, written: bytes) -> None:
    """Sorted keys, no white space, only quote and backslash escaped."""
    assert canonical_json(value) == written


@settings(deadline=None, max_examples=150)
@given(VALUES)
def test_the_canonical_form_is_that_of_the_field(value: JsonValue) -> None:
    """Whoever signs with the usual library signs the very bytes that are verified here."""
    assert canonical_json(value).decode() == encode_canonical(value)


@settings(deadline=None, max_examples=60)
@given(VALUES)
def test_what_is_written_for_people_reads_back_as_itself(value: JsonValue) -> None:
    """Nothing is lost or changed on the way out and in again."""
    assert read(pretty_json(value)) == value
    assert read(json.dumps(value)) == value


PRINTABLE = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=8)


@settings(deadline=None, max_examples=150)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | PRINTABLE,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(PRINTABLE, inner, max_size=4),
        max_leaves=20,
    )
)
def test_the_canonical_form_reads_back_as_itself(value: JsonValue) -> None:
    """Whatever has no control characters is its own canonical form's value."""
    assert read(canonical_json(value)) == value


def test_the_form_for_people_is_sorted_and_ends_its_last_line() -> None:
    """Two releases of one document differ only where they differ."""
    assert pretty_json({"b": [1], "a": "é"}) == '{\n "a": "é",\n "b": [\n  1\n ]\n}\n'.encode()


@settings(deadline=None, max_examples=300)
@given(
    st.binary(max_size=60) | st.text(alphabet='{}[]",:01e.\\ud8Na -', max_size=40).map(str.encode)
)
def test_no_bytes_bring_the_reader_down(data: bytes) -> None:
    """Any bytes at all are read or refused."""
    try:
        value = parse_json(data, max_bytes=50)
    except Refused:
        return
    assert parse_json(pretty_json(value), max_bytes=PLENTY) == value
