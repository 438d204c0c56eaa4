"""Any value in any place of a document: refused, or a document that says just that."""

import json
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmhold.sim.releases import MAIN, RADIO, START, sim_release
from firmhold.trust.device_id import DeviceId
from firmhold.trust.encoding import JsonValue, canonical_json
from firmhold.trust.errors import Refused
from firmhold.update.index import (
    Extent,
    Index,
    Operation,
    Payload,
    Range,
    Recipe,
    parse_index,
)
from firmhold.update.pieces import PIECE_BYTES, Image, Meter
from firmhold.update.release import parse_release
from firmhold.update.security import ProductCounter, Revert, parse_counter, parse_revert
from firmhold.update.version import ReleaseCounter, SecurityCounter

IMAGE = b"a piece" * PIECE_BYTES


class Document(Protocol):
    """What is read, and can be written."""

    def to_bytes(self) -> bytes:
        """Return its one form."""
        ...


def index() -> Index:
    """An index with one extent of each operation."""
    meter = Meter()
    meter.update(IMAGE)
    payload = Payload(100, "ab" * 32)
    full = Recipe(None, (Extent(0, 6, Operation.FULL, payload), Extent(6, 1, Operation.ZERO)))
    delta = (
        Extent(0, 2, Operation.COPY, base=Range(9, 2 * PIECE_BYTES)),
        Extent(2, 5, Operation.PATCH, payload, Range(0, 1000)),
    )
    base = Recipe(Image(1 << 20, bytes(32)), delta)
    return Index(meter.finish(), (full, base))


@dataclass(frozen=True)
class Kind:
    """A kind of document: an honest one, and its reader."""

    honest: Document
    parse: Callable[[bytes], Document]


INDEX = index()
KINDS = {
    "release": Kind(sim_release(), parse_release),
    "index": Kind(INDEX, lambda data: parse_index(data, INDEX.image)),
    "counter": Kind(ProductCounter("thing", SecurityCounter(3)), parse_counter),
    "revert": Kind(
        Revert("thing", (DeviceId("a"),), ReleaseCounter(8), ReleaseCounter(7), START),
        parse_revert,
    ),
}

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.sampled_from([0, 1, 6, 7, 16, 2**34, "", "a", MAIN, RADIO, "ab" * 32, "AA=="])
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)


def places(value: JsonValue, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place in a document, as the way to it."""
    if path:
        yield path
    inside: Iterable[tuple[str | int, JsonValue]] = ()
    if isinstance(value, dict):
        inside = value.items()
    elif isinstance(value, list):
        inside = enumerate(value)
    for step, each in inside:
        yield from places(each, (*path, step))


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@given(data=st.data())
def test_any_value_in_any_place_is_refused_or_meant(kind: Kind, data: st.DataObject) -> None:
    """No value of any type or size does anything but be refused, or be read as it was written."""
    value = json.loads(kind.honest.to_bytes())
    bent: Any = deepcopy(value)
    place: Any = bent
    path = data.draw(st.sampled_from(list(places(value))))
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = data.draw(VALUES)
    written = canonical_json(bent)
    try:
        found = kind.parse(written)
    except Refused:
        return
    assert found.to_bytes() == written
    assert (found == kind.honest) is (bent == value)
