"""Changes to bytes that keep enough of their structure to get past the first check.

Half of them cut, copy and flip bytes; half of them read the input as JSON and bend one value of it,
which is how a field comes to be missing, doubled, of another type or out of range. All randomness
comes from the argument, so a change can be made again.
"""

import json
from collections.abc import Iterator
from random import Random
from typing import Any

Node = Any
"""A value of a JSON document, of whatever type."""

STRANGE_VALUES: tuple[Node, ...] = (
    None, True, False, 0, 1, -1, 2, 2**31, 2**53, 2**63 - 1, 2**63, -(2**63), 10**30, 7.0, 1e3,
    "", ".", "..", "/", "../x", "root", "targets", "snapshot.json", "%2e%2e", "NaN",
    "ed25519", "rsassa-pss-sha256", "1.0.31", "1.", "2.0.0", "0" * 64, "f" * 128,
    "2030-01-31T00:00:00Z", "2030-02-30T00:00:00Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:60Z",
    "\u00e9", "\U0001f512", "\ud800", "\x00", "\n", "[", "[!", "*" * 50, [], {}, [[]], {"": {}},
)  # fmt: skip
"""Values that were trouble to some reader, somewhere."""

STRANGE_BYTES: tuple[bytes, ...] = (
    b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xc0\xaf", b"\\ud800", b"\\u0000", b"NaN",
    b"-0", b"1e5", b"1.0", b"0x1", b"9" * 30, b"[" * 60, b'{"a":' * 40, b'"a":1,"a":2', b"//",
    b"%2f", b"..", b"/", b"\r\n", b",", b":", b"{}", b"[]", b'""', b"Infinity",
)  # fmt: skip
"""The same as bytes."""


def mutate(data: bytes, max_size: int, chance: Random) -> bytes:
    """Return `data` with one to four changes, at most `max_size` bytes of it."""
    for _ in range(chance.randint(1, 4)):
        data = chance.choice((_bend_bytes, _bend_json))(data, chance)
    return data[:max_size]


def _bend_bytes(data: bytes, chance: Random) -> bytes:
    start = chance.randint(0, len(data))
    end = min(start + chance.randint(0, 16), len(data))
    before, between, after = data[:start], data[start:end], data[end:]
    flipped = bytes(byte ^ 1 << chance.randrange(8) for byte in between)
    return chance.choice(
        (
            before,
            before + after,
            before + between * 2 + after,
            before + flipped + after,
            before + chance.choice(STRANGE_BYTES) + after,
        )
    )


def _bend_json(data: bytes, chance: Random) -> bytes:
    try:
        document: Node = json.loads(data)
    except (ValueError, RecursionError):
        return _bend_bytes(data, chance)
    places = list(_places(document))
    if not places:
        return json.dumps(chance.choice(STRANGE_VALUES)).encode()
    container, key = chance.choice(places)
    chance.choice((_replace, _remove, _rename, _exchange))(container, key, places, chance)
    return json.dumps(document, ensure_ascii=chance.random() < _ESCAPED).encode(errors="replace")


_ESCAPED = 0.5
"""How often non-ASCII text is written as escapes."""

_Places = list[tuple[Node, Node]]


def _places(node: Node) -> Iterator[tuple[Node, Node]]:
    """Every container of a document with every key or index in it."""
    if isinstance(node, dict | list):
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            yield node, key
            yield from _places(node[key])


def _replace(container: Node, key: Node, _places: _Places, chance: Random) -> None:
    container[key] = chance.choice(STRANGE_VALUES)


def _remove(container: Node, key: Node, _places: _Places, _chance: Random) -> None:
    del container[key]


def _rename(container: Node, key: Node, places: _Places, chance: Random) -> None:
    """Put the value under another name, or once more into the list."""
    if isinstance(container, list):
        container.append(container[key])
        return
    names = [name for holder, name in places if isinstance(holder, dict)]
    name = chance.choice([*names, "", "..", "\u00e9", "x"])
    container[name] = container[key]


def _exchange(container: Node, key: Node, places: _Places, chance: Random) -> None:
    """Put a copy of another value of the document here."""
    other, name = chance.choice(places)
    container[key] = json.loads(json.dumps(other[name]))
