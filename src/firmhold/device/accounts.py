"""What a device remembers about its reports: how many it made, what it refused since the last one.

The counter is durable before a report leaves, so no two reports have one number, whatever is cut.
A device that lost its account goes on above what it had given out: its first number is a moment.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from firmhold.device.ports import Durable, Seal
from firmhold.device.twofold import Form, Twofold
from firmhold.trust.encoding import JsonValue, canonical_json, parse_json
from firmhold.trust.errors import Code
from firmhold.trust.shape import Shape
from firmhold.trust.uptane.version_manifest import MOST_REFUSALS

MAX_BYTES = 65_536

_SHAPE = Shape(Code.MEMORY_SHAPE)


@dataclass(frozen=True, slots=True)
class Account:
    """One device's account of its reports."""

    counter: int = 0
    """Of the last report that was made."""
    told: bytes | None = None
    """Digest of what the last report that arrived said; None: none did."""
    told_at: int = 0
    """Seconds since 1970, by the device's own time."""
    refusals: tuple[str, ...] = ()
    """Codes of what was refused and not yet reported."""

    def next_number(self, now: datetime) -> int:
        """Return the number of the next report; the first one is the signed time, in seconds.

        Devices make fewer than one report a second, so a moment is above all numbers before it.
        """
        return self.counter + 1 if self.counter else int(now.timestamp())

    def refused(self, code: str) -> "Account":
        """The same after something was refused; each code is told once a report."""
        others = [each for each in self.refusals if each != code]
        return replace(self, refusals=(*others, code)[-MOST_REFUSALS:])

    def to_bytes(self) -> bytes:
        """Return the form in which it is stored."""
        refusals: list[JsonValue] = [*self.refusals]
        return canonical_json(
            {
                "counter": self.counter,
                "told": None if self.told is None else self.told.hex(),
                "told_at": self.told_at,
                "refusals": refusals,
            }
        )


class Accounts:
    """The account, as it was found and as it is kept."""

    def __init__(self, durable: Durable, seal: Seal) -> None:
        self._place = Twofold(durable, seal, Form("reports", _parse, MAX_BYTES))

    @property
    def now(self) -> Account:
        """What is remembered."""
        return self._place.value or Account()

    def keep(self, account: Account) -> None:
        """Remember it, durably, where it differs."""
        if account != self.now:
            self._place.keep(account, account.to_bytes())


def _parse(data: bytes) -> Account:
    names = ("counter", "told", "told_at", "refusals")
    members = _SHAPE.members(parse_json(data, max_bytes=MAX_BYTES), "reports", names)
    told = members["told"]
    return Account(
        counter=_SHAPE.a_number(members["counter"], "reports.counter"),
        told=None if told is None else _SHAPE.some_bytes(told, "reports.told"),
        told_at=_SHAPE.a_number(members["told_at"], "reports.told_at"),
        refusals=_SHAPE.a_list(
            members["refusals"], "reports.refusals", MOST_REFUSALS, _SHAPE.a_name
        ),
    )
