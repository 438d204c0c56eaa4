"""Members of a document are taken strictly: each check names what it looked at."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmhold.trust.encoding import MAX_INTEGER, JsonValue
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Malformed
from firmhold.trust.shape import MAX_TEXT, Shape, written_date

SHAPE = Shape(Code.TUF_SHAPE)
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def members(value: JsonValue, where: str) -> object:
    """Take an object of a needed and an optional member."""
    return SHAPE.members(value, where, ("a",), optional=("b",))


def names(value: JsonValue, where: str) -> object:
    """Take a list of at most two names."""
    return SHAPE.a_list(value, where, 2, SHAPE.a_name)


def text(value: JsonValue, where: str) -> object:
    """Take a text of at most three characters."""
    return SHAPE.a_text(value, where, 3)


def number(value: JsonValue, where: str) -> object:
    """Take a number from two to four."""
    return SHAPE.a_number(value, where, 2, 4)


def digest(value: JsonValue, where: str) -> object:
    """Take two bytes."""
    return SHAPE.some_bytes(value, where, 2)


Take = Callable[[JsonValue, str], object]

GOOD: list[tuple[Take, JsonValue, object]] = [
    (members, {"a": 1}, {"a": 1}),
    (members, {"a": None, "b": 2}, {"a": None, "b": 2}),
    (SHAPE.an_object, {}, {}),
    (names, [], ()),
    (names, ["x", "\u00e9"], ("x", "\u00e9")),
    (SHAPE.a_name, "n" * MAX_TEXT, "n" * MAX_TEXT),
    (text, "", ""),
    (text, "a\nb", "a\nb"),
    (number, 2, 2),
    (number, 4, 4),
    (SHAPE.a_number, 0, 0),
    (SHAPE.a_number, MAX_INTEGER, MAX_INTEGER),
    (SHAPE.a_flag, True, True),
    (SHAPE.a_flag, False, False),
    (SHAPE.a_date, "2030-01-01T12:00:00Z", NOON),
    (digest, "00ff", b"\x00\xff"),
]

ONLY_NUMBERS = "an integer from 2 to 4"
ONLY_NAMES = f"1 to {MAX_TEXT} printable characters"
ONLY_DATES = "YYYY-MM-DDTHH:MM:SSZ"
ONLY_HEX = "4 lower-case hexadecimal digits"

BAD: list[tuple[Take, JsonValue, str, str]] = [
    (members, [], "x", "an object"),
    (members, {}, "x.a", "to be there"),
    (members, {"a": 1, "c": 2}, "x.c", "not to be there"),
    (members, {"a": 1, "c" * 999: 2}, "x." + "c" * MAX_TEXT, "not to be there"),
    (SHAPE.an_object, None, "x", "an object"),
    (names, {}, "x", "a list of at most 2 entries"),
    (names, ["a", "b", "c"], "x", "a list of at most 2 entries"),
    (names, ["a", ""], "x[1]", ONLY_NAMES),
    (SHAPE.a_name, "a\nb", "x", ONLY_NAMES),
    (SHAPE.a_name, "n" * (MAX_TEXT + 1), "x", f"a text of at most {MAX_TEXT} characters"),
    (text, 7, "x", "a text of at most 3 characters"),
    (text, "abcd", "x", "a text of at most 3 characters"),
    (number, 1, "x", ONLY_NUMBERS),
    (number, 5, "x", ONLY_NUMBERS),
    (number, "2", "x", ONLY_NUMBERS),
    (SHAPE.a_number, True, "x", f"an integer from 0 to {MAX_INTEGER}"),
    (SHAPE.a_number, -1, "x", f"an integer from 0 to {MAX_INTEGER}"),
    (SHAPE.a_flag, 1, "x", "true or false"),
    (SHAPE.a_date, 7, "x", ONLY_DATES),
    (SHAPE.a_date, "2030-01-01", "x", ONLY_DATES),
    (SHAPE.a_date, "2030-01-01T12:00:00Z\n", "x", ONLY_DATES),
    (SHAPE.a_date, "2030-02-30T12:00:00Z", "x", "a day and time that exist"),
    (digest, 7, "x", ONLY_HEX),
    (digest, "00f", "x", ONLY_HEX),
    (digest, "00fff0", "x", ONLY_HEX),
    (digest, "00FF", "x", ONLY_HEX),
]


@pytest.mark.parametrize(("take", "value", "taken"), GOOD)
def test_what_is_formed_so_is_taken_in_its_type(
    take: Take, value: JsonValue, taken: object
) -> None:
    """A member that is as it must be comes back as a value of its type."""
    found = take(value, "x")
    assert found == taken
    assert type(found) is type(taken)


@pytest.mark.parametrize(("take", "value", "where", "expected"), BAD)
def test_what_is_not_formed_so_is_refused_and_named(
    take: Take, value: JsonValue, where: str, expected: str
) -> None:
    """The refusal bears the code of the document, the place in it and what should stand there."""
    with pytest.raises(Refused) as error:
        take(value, "x")
    assert error.value.fault == Malformed(code=Code.TUF_SHAPE, where=where, expected=expected)


@given(st.datetimes().map(lambda moment: moment.replace(microsecond=0, tzinfo=UTC)))
def test_a_date_that_was_written_is_read_back(moment: datetime) -> None:
    """Every moment of the calendar has one written form."""
    assert SHAPE.a_date(written_date(moment), "x") == moment


def test_a_date_is_written_in_utc_and_to_the_second() -> None:
    """Where a moment was taken, and how finely, leaves no trace."""
    east = timezone(timedelta(hours=2))
    moment = datetime(2030, 1, 1, 1, 30, 0, 999_999, east)
    assert written_date(moment) == "2029-12-31T23:30:00Z"
