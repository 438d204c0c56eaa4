"""The system's own clock."""

from datetime import UTC, datetime


class SystemClock:
    """The clock of this machine, as it is set."""

    def now(self) -> datetime:
        """The present moment, in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - this is the adapter that reads the clock
