"""What a device says while it runs: one JSON object a line, each event by a name of this list.

The names are a promise: whoever watches devices can rely on them. Nothing secret is ever a field.
"""

import json
import sys
import time
from enum import StrEnum, unique


@unique
class Event(StrEnum):
    """All there are."""

    STARTED = "started"
    """The agent has begun."""
    FETCH_STARTED = "fetch-started"
    """The process with the network listens."""
    FETCH_ENDED = "fetch-ended"
    """It has ended, and is started again."""
    JUDGED = "judged"
    """What runs was looked at after the boot, and confirmed or given up where that was due."""
    CHECKED = "checked"
    """A cycle with the server has ended well."""
    CHECK_FAILED = "check-failed"
    """A cycle was refused or could not be had; it is tried again."""
    REBOOTING = "rebooting"
    """A reboot is asked for."""
    ENDED = "ended"
    """The agent ends."""


def tell(event: Event, **fields: str | float | bool | None) -> None:
    """Write one line to standard error, where the system's journal takes it up."""
    line: dict[str, object] = {"at": round(time.time(), 3), "event": event.value}  # noqa: TID251 - for people
    print(json.dumps({**line, **fields}), file=sys.stderr, flush=True)
