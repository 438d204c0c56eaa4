"""A clock that stands still until it is told to move."""

from datetime import UTC, datetime, timedelta

BEGIN = datetime(2030, 1, 1, tzinfo=UTC)
"""When a simulated world begins: far from today, so that a stray system clock is seen."""


class SimClock:
    """The time of a simulated world, in UTC."""

    def __init__(self, begin: datetime = BEGIN) -> None:
        self._now = begin

    def now(self) -> datetime:
        """The present moment."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Move on, or back: a device's clock may be wrong."""
        self._now += by
