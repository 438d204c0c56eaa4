"""What every target may say: that a promise is broken, and by what it knows the honest bytes."""

import json
from pathlib import Path

SEEDS = Path(__file__).parent / "seeds"


class BrokenPromise(Exception):
    """What must hold for any bytes did not; the first argument names the promise."""


def require_same_payload(genuine_data: bytes, data: bytes) -> None:
    """The signed parts of two documents are equal, type by type, to a reader of no relation."""
    ours, theirs = (json.loads(each.decode())["signed"] for each in (genuine_data, data))
    if json.dumps(ours, sort_keys=True) != json.dumps(theirs, sort_keys=True):
        raise BrokenPromise("nothing_signed_was_changed")
