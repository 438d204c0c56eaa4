"""How often somebody may ask: a bucket of turns that fills again with time, one for each asker.

Whoever is in a certificate can be counted by name, so nobody else pays for a device that asks too
often. Who has no certificate yet is counted by the place that he calls from, with many more turns:
a factory enrols all its devices from one.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from ipaddress import IPv6Address, IPv6Network, ip_address

from firmhold.trust.errors import Code, Refused
from firmhold.trust.outer_faults import FleetFault

MOST_TURNS = 60
TURNS_A_SECOND = 1.0
MOST_TURNS_OF_A_PLACE = 600
TURNS_OF_A_PLACE_A_SECOND = 10.0
MOST_ASKERS = 65_536
"""How many are remembered; who has not asked for the longest is forgotten first."""

_SITE_BITS = 64


@dataclass(slots=True)
class Turns:
    """The turns that each asker has left."""

    most: int
    a_second: float
    _left: dict[Hashable, tuple[float, float]] = field(default_factory=dict)
    """Turns, and when they were counted; who asked last is the last."""

    def take(self, asker: Hashable, now: float) -> None:
        """Take a turn of an asker at `now` (seconds of any steady clock). Raises `Refused`."""
        left, since = self._left.pop(asker, (float(self.most), now))
        left = min(float(self.most), left + (now - since) * self.a_second)
        self._left[asker] = (max(left - 1.0, 0.0), now)
        if len(self._left) > MOST_ASKERS:
            del self._left[next(iter(self._left))]
        if left < 1.0:
            detail = f"more than {self.most} requests in a row"
            raise Refused(FleetFault(code=Code.GATEWAY_TOO_OFTEN, what=str(asker), detail=detail))


def of_devices() -> Turns:
    """Return the turns of devices, each named by its certificate."""
    return Turns(MOST_TURNS, TURNS_A_SECOND)


def of_places() -> Turns:
    """Return the turns of places, as `place_of` names them."""
    return Turns(MOST_TURNS_OF_A_PLACE, TURNS_OF_A_PLACE_A_SECOND)


def place_of(host: str) -> str:
    """Return the place that an address is at: an IPv4 address, or the /64 of an IPv6 one.

    An IPv4 address that came to a socket of IPv6 is one too; an interface is no part of it.
    """
    address = ip_address(host.partition("%")[0])
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((address, _SITE_BITS), strict=False))
