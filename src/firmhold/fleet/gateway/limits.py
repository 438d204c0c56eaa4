"""How often a device may ask: a bucket of turns that fills again with time, one for each device.

Whoever is in a certificate can be counted, so nobody else pays for a device that asks too often.
"""

from dataclasses import dataclass, field

from firmhold.trust.device_id import DeviceId
from firmhold.trust.errors import Code, Refused
from firmhold.trust.outer_faults import FleetFault

MOST_TURNS = 60
TURNS_A_SECOND = 1.0


@dataclass(slots=True)
class Turns:
    """The turns that each device has left."""

    _left: dict[DeviceId, tuple[float, float]] = field(default_factory=dict)
    """Turns, and when they were counted."""

    def take(self, device: DeviceId, now: float) -> None:
        """Take a turn of a device at `now` (seconds of any steady clock). Raises `Refused`."""
        left, since = self._left.get(device, (float(MOST_TURNS), now))
        left = min(float(MOST_TURNS), left + (now - since) * TURNS_A_SECOND)
        self._left[device] = (max(left - 1.0, 0.0), now)
        if left < 1.0:
            detail = f"more than {MOST_TURNS} requests in a row"
            raise Refused(FleetFault(code=Code.GATEWAY_TOO_OFTEN, what=device, detail=detail))
