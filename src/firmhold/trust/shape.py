"""The members of a document of our own, taken strictly: what is there, and nothing else.

A `Shape` bears the code under which one kind of document reports that it is not formed as it must
be. Its methods return the value in its type or raise `Refused`. Bounds are arguments, so that every
member has one. Dates are `YYYY-MM-DDTHH:MM:SSZ`; digests are SHA-256 in lower-case hexadecimal.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from firmhold.trust.encoding import MAX_INTEGER, JsonObject, JsonValue
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Malformed

T = TypeVar("T")

MAX_TEXT = 256
"""Characters of a name."""

DIGEST_BYTES = 32

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_DATE_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_HEX = re.compile(r"(?:[0-9a-f]{2})*")


@dataclass(frozen=True, slots=True)
class Shape:
    """How one kind of document is taken apart; `code` says which kind."""

    code: Code

    def members(
        self,
        value: JsonValue,
        where: str,
        names: Sequence[str],
        *,
        optional: Sequence[str] = (),
    ) -> JsonObject:
        """Return `value` if it is an object of exactly these members."""
        found = self.an_object(value, where)
        for name in names:
            if name not in found:
                raise self.refusal(f"{where}.{name}", "to be there")
        for name in sorted(found.keys() - {*names, *optional}):
            raise self.refusal(f"{where}.{name[:MAX_TEXT]}", "not to be there")
        return found

    def an_object(self, value: JsonValue, where: str) -> JsonObject:
        """Return `value` if it is an object."""
        if not isinstance(value, dict):
            raise self.refusal(where, "an object")
        return value

    def a_list(
        self, value: JsonValue, where: str, most: int, each: Callable[[JsonValue, str], T]
    ) -> tuple[T, ...]:
        """Return what `each` makes of the entries of `value`, a list of at most `most`."""
        if not isinstance(value, list) or len(value) > most:
            raise self.refusal(where, f"a list of at most {most} entries")
        return tuple(each(entry, f"{where}[{number}]") for number, entry in enumerate(value))

    def a_name(self, value: JsonValue, where: str) -> str:
        """Return `value` if it is a printable text of 1 to `MAX_TEXT` characters."""
        text = self.a_text(value, where, MAX_TEXT)
        if not text or not text.isprintable():
            raise self.refusal(where, f"1 to {MAX_TEXT} printable characters")
        return text

    def a_text(self, value: JsonValue, where: str, most: int) -> str:
        """Return `value` if it is a text of at most `most` characters."""
        if not isinstance(value, str) or len(value) > most:
            raise self.refusal(where, f"a text of at most {most} characters")
        return value

    def a_number(
        self, value: JsonValue, where: str, least: int = 0, most: int = MAX_INTEGER
    ) -> int:
        """Return `value` if it is an integer (not a boolean) from `least` to `most`."""
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self.refusal(where, f"an integer from {least} to {most}")
        return value

    def a_flag(self, value: JsonValue, where: str) -> bool:
        """Return `value` if it is true or false."""
        if not isinstance(value, bool):
            raise self.refusal(where, "true or false")
        return value

    def a_date(self, value: JsonValue, where: str) -> datetime:
        """Return `value` as a moment in UTC."""
        if not isinstance(value, str) or not _DATE.fullmatch(value):
            raise self.refusal(where, "YYYY-MM-DDTHH:MM:SSZ")
        try:
            return datetime.strptime(value, _DATE_FORMAT).replace(tzinfo=UTC)
        except ValueError as error:
            raise self.refusal(where, "a day and time that exist") from error

    def some_bytes(self, value: JsonValue, where: str, size: int = DIGEST_BYTES) -> bytes:
        """Return `value` as `size` bytes, if it is their lower-case hexadecimal form."""
        if not isinstance(value, str) or len(value) != 2 * size or not _HEX.fullmatch(value):
            raise self.refusal(where, f"{2 * size} lower-case hexadecimal digits")
        return bytes.fromhex(value)

    def refusal(self, where: str, expected: str) -> Refused:
        """Return the refusal of a document that is not formed so at `where`."""
        return Refused(Malformed(code=self.code, where=where, expected=expected))


def written_date(moment: datetime) -> str:
    """Return a moment as documents write it; `Shape.a_date` reads it back."""
    # Not strftime: it writes years before 1000 with fewer than four digits on some platforms.
    return moment.astimezone(UTC).replace(tzinfo=None, microsecond=0).isoformat() + "Z"
