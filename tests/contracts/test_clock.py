"""What every `Clock` promises."""

from datetime import UTC, timedelta

import pytest

from firmhold.interop.adapters.system import SystemClock
from firmhold.interop.ports import Clock
from firmhold.sim.clock import BEGIN, SimClock


class ClockContract:
    """A subclass gives `clock`."""

    @pytest.fixture
    def clock(self) -> Clock:
        """The adapter under test."""
        raise NotImplementedError

    def test_time_is_told_in_utc(self, clock: Clock) -> None:
        """A moment without a zone could be compared with nothing."""
        assert clock.now().tzinfo is UTC

    def test_time_does_not_go_back_by_itself(self, clock: Clock) -> None:
        """Of two looks at the clock the second one is not the earlier."""
        first = clock.now()
        assert clock.now() >= first


class TestSystemClock(ClockContract):
    """The machine's own."""

    @pytest.fixture
    def clock(self) -> SystemClock:
        """The clock of this machine."""
        return SystemClock()


class TestSimClock(ClockContract):
    """The clock of a simulated world."""

    @pytest.fixture
    def clock(self) -> SimClock:
        """A clock that stands still."""
        return SimClock()

    @pytest.mark.parametrize("hours", [-5, 0, 5])
    def test_it_moves_as_it_is_told(self, clock: SimClock, hours: int) -> None:
        """Forward and back, by exactly what is asked for."""
        clock.advance(timedelta(hours=hours))
        assert clock.now() - BEGIN == timedelta(hours=hours)
