r"""JSON is read strictly, once, and written in one canonical form.

The reader's laws, in the order in which they are applied:

1. size cap before anything looks at the bytes;
2. UTF-8 without exceptions, one JSON value, nothing behind it;
3. no key twice in an object, no NaN, no float, no integer beyond 64 bits;
4. bounded depth and a bounded number of values;
5. no lone surrogates: every text can be written back as UTF-8.

What passes has exactly one canonical form (the OLPC dialect that TUF 4.2 names: sorted keys, no
white space, only `"` and `\` escaped), so the bytes that were signed can be made again.
"""

import json
from typing import NoReturn, TypeAlias

from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Malformed, OverLimit

JsonValue: TypeAlias = "bool | int | str | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = dict[str, JsonValue]

MAX_DEPTH = 32
"""Levels of nesting; TUF needs seven."""

MAX_VALUES = 500_000
"""Values in one document, each container and each leaf counted once."""

MAX_INTEGER = 2**63 - 1
"""What every JSON library in the field can hold without loss or wrapping."""

_MAX_INTEGER_DIGITS = 20


def parse_json(data: bytes, *, max_bytes: int) -> JsonValue:
    """One JSON value, read under the module's laws. Raises `Refused` with an `encoding.*` code."""
    if len(data) > max_bytes:
        raise Refused(OverLimit(code=Code.ENCODING_TOO_LARGE, what="document", limit=max_bytes))
    value = _decode(_text(data))
    _check_bounds(value)
    return value


def canonical_json(value: JsonValue) -> bytes:
    """The canonical form of `value`: two equal values give the same bytes, always."""
    parts: list[str] = []
    _write(value, parts)
    return "".join(parts).encode()


def pretty_json(value: JsonValue) -> bytes:
    """A readable form for files that people open: sorted, indented by one, newline at the end."""
    return (json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def is_text(text: str) -> bool:
    """Tell whether `text` can be written as UTF-8: whether it has no lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        fault = Malformed(
            code=Code.ENCODING_NOT_UTF8, where=f"byte {error.start}", expected="UTF-8"
        )
        raise Refused(fault) from error


def _decode(text: str) -> JsonValue:
    try:
        decoded: JsonValue = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_not_a_number,
            parse_constant=_not_a_number,
        )
    except json.JSONDecodeError as error:
        fault = Malformed(
            code=Code.ENCODING_NOT_JSON, where=f"character {error.pos}", expected="one JSON value"
        )
        raise Refused(fault) from error
    except RecursionError as error:
        # The C scanner guards its own stack; beyond that guard the document is too deep anyway.
        fault_deep = OverLimit(code=Code.ENCODING_TOO_DEEP, what="document", limit=MAX_DEPTH)
        raise Refused(fault_deep) from error
    return decoded


def _object(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    result: JsonObject = {}
    for key, value in pairs:
        if key in result:
            raise Refused(
                Malformed(
                    code=Code.ENCODING_DUPLICATE_KEY, where=_shown(key), expected="each key once"
                )
            )
        result[key] = value
    return result


def _integer(text: str) -> int:
    # Length first: int() of a million digits is itself an attack. "-0" has a second spelling, "0".
    if len(text) > _MAX_INTEGER_DIGITS or text == "-0" or abs(int(text)) > MAX_INTEGER:
        _not_a_number(text)
    return int(text)


def _not_a_number(text: str) -> NoReturn:
    raise Refused(
        Malformed(
            code=Code.ENCODING_NUMBER, where=_shown(text), expected="an integer of 63 bits and sign"
        )
    )


def _check_bounds(document: JsonValue) -> None:
    """Walk level by level, without recursion, so that depth costs no stack."""
    level: list[JsonValue] = [document]
    seen = 0
    for _ in range(MAX_DEPTH):
        seen += len(level)
        if seen > MAX_VALUES:
            raise Refused(OverLimit(code=Code.ENCODING_TOO_MANY, what="document", limit=MAX_VALUES))
        level = [child for value in level for child in _children(value)]
        if not level:
            return
    raise Refused(OverLimit(code=Code.ENCODING_TOO_DEEP, what="document", limit=MAX_DEPTH))


def _children(value: JsonValue) -> list[JsonValue]:
    if isinstance(value, dict):
        for key in value:
            _check_text(key)
        return list(value.values())
    if isinstance(value, str):
        _check_text(value)
    return value if isinstance(value, list) else []


def _check_text(text: str) -> None:
    if not is_text(text):
        fault = Malformed(
            code=Code.ENCODING_SURROGATE, where=_shown(text), expected="no lone surrogate"
        )
        raise Refused(fault)


def _shown(text: str) -> str:
    """A short, printable form of hostile text."""
    return ascii(text[:40])


def _write(value: JsonValue, parts: list[str]) -> None:
    if isinstance(value, str):
        parts.append('"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"')
    elif isinstance(value, bool):
        parts.append("true" if value else "false")
    elif isinstance(value, int):
        parts.append(str(value))
    elif value is None:
        parts.append("null")
    elif isinstance(value, list):
        _write_list(value, parts)
    else:
        _write_object(value, parts)


def _write_list(values: list[JsonValue], parts: list[str]) -> None:
    opening = "["
    for value in values:
        parts.append(opening)
        _write(value, parts)
        opening = ","
    parts.append("]" if values else "[]")


def _write_object(members: JsonObject, parts: list[str]) -> None:
    opening = "{"
    for key in sorted(members):
        parts.append(opening)
        _write(key, parts)
        parts.append(":")
        _write(members[key], parts)
        opening = ","
    parts.append("}" if members else "{}")
