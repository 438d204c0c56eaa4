"""Documents with one thing wrong, and the place at which the refusal must point."""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

from firmhold.trust.errors import Refused
from firmhold.trust.faults import Malformed


def misplaced(
    document: object, read: Callable[[bytes], object], root: str
) -> tuple[dict[str, str], set[str]]:
    """Where a refusal points that should point elsewhere, and what is not refused at all.

    Each value in the document in turn becomes one of another type, and a dictionary or a list. The
    places are written as refusals write them; `root` is that of the document itself.
    """
    wrong, taken = {}, set()
    for place, spoilt in _spoilt(deepcopy(document), root):
        data = json.dumps(spoilt, sort_keys=True, separators=(",", ":")).encode()
        try:
            read(data)
        except Refused as refused:
            fault = refused.fault
            where = fault.where if isinstance(fault, Malformed) else type(fault).__name__
            if where != place:
                wrong[place] = where
        else:
            taken.add(place)
    return wrong, taken


def _spoilt(whole: object, root: str) -> Iterator[tuple[str, object]]:
    """Each place in a document, with the whole document in which its value has another type."""
    holder: dict[str, object] = {root: whole}
    waiting: list[tuple[Any, Any, str]] = [(holder, root, root)]
    while waiting:
        part, step, place = waiting.pop()
        kept = part[step]
        part[step] = [[]] if isinstance(kept, dict) else {}
        yield place, deepcopy(holder[root])
        part[step] = kept
        if isinstance(kept, dict):
            waiting += [(kept, name, f"{place}.{name}".lstrip(".")) for name in kept]
        elif isinstance(kept, list):
            waiting += [(kept, number, f"{place}[{number}]") for number in range(len(kept))]
