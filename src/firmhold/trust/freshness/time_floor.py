"""The time floor: the device's own lower bound of what time it is, and how far others may raise it.

Laws:

* Within a freshness epoch the floor never goes back. A root with a later epoch resets it, back too:
  that ends a theft of the freshness key.
* A clock on the wall is never asked. *Now* is the floor and what a monotonic clock counted since,
  less its own error: at most the true time, if what was signed is true. A clock that runs fast may
  not make honest statements look old.
* A signed time beyond what was counted is a *jump*: time that the device was off, or a lie. All
  jumps of a boot together are bounded, and all jumps until a second signed time confirms them are
  bounded, so that neither many small ones nor many reboots add up to a large one.
* A jump beyond the bounds moves nothing. The device *doubts*: it goes on as recovery class, also
  after a reboot, until a root of the same epoch or a witness confirms the doubted time, or a new
  epoch ends it.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from firmhold.trust.encoding import JsonValue, parse_json, pretty_json
from firmhold.trust.errors import Code, Damaged, Refused
from firmhold.trust.faults import Absent, VersionMismatch
from firmhold.trust.freshness.statement import FRESHNESS, SignedTime
from firmhold.trust.settings.trust_settings import PermittedJump
from firmhold.trust.shape import Shape, written_date
from firmhold.trust.tuf.roles import Root
from firmhold.trust.tuf.root_fields import FRESHNESS_FIELD, FreshnessEpoch
from firmhold.trust.verified import Verified

FORMAT = 1
CLOCK_ERROR = 1000
"""One second in so many may be the monotonic clock's own: quartz, temperature, slewing."""

MAX_BYTES = 4096

_SHAPE = Shape(Code.FRESHNESS_FLOOR_SHAPE)
_LATEST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
_MEMBERS = ("format", "epoch", "floor", "boot", "at", "jumped", "jumped_in_all", "doubted")


@dataclass(frozen=True, slots=True)
class Uptime:
    """Whole seconds since the boot with this id, sleep included; the id is new with every boot."""

    boot: str
    seconds: int


@dataclass(frozen=True, slots=True)
class WitnessedTime:
    """A time that a witness signed: the second word beside that of a freshness key."""

    witness: str
    at: datetime


@dataclass(frozen=True, slots=True)
class TimeFloor:
    """What the device remembers of time; every step returns a new one, to be stored at once."""

    epoch: int
    floor: datetime
    boot: str
    at: int
    """Seconds of uptime, in the boot `boot`, at which `floor` was now."""
    jumped: int = 0
    """Seconds of jumps believed within `boot`."""
    jumped_in_all: int = 0
    """Seconds of jumps believed since a second signed time confirmed any."""
    doubted: datetime | None = None
    """The latest signed time that was too far ahead to be believed."""

    @property
    def recovery(self) -> bool:
        """Whether the device is of the recovery class: nothing but what mends it is accepted."""
        return self.doubted is not None

    @classmethod
    def begin(cls, root: Verified[Root], uptime: Uptime) -> "TimeFloor":
        """Return the floor of a device that knows its root and nothing else."""
        freshness = root.value.fields.freshness
        if freshness is None:
            code = Code.FRESHNESS_NO_FLOOR
            raise Refused(Absent(code=code, name=FRESHNESS_FIELD, listed_in="root"))
        return _reset(freshness, uptime)

    @classmethod
    def parse(cls, data: bytes) -> "TimeFloor":
        """Return the stored floor. Raises `Damaged`: it is this machine's own state."""
        try:
            return _read(parse_json(data, max_bytes=MAX_BYTES))
        except Refused as refused:
            raise Damaged(refused.fault) from refused

    def to_bytes(self) -> bytes:
        """Return the floor as it is stored; `parse` reads it back."""
        return pretty_json(
            {
                "format": FORMAT,
                "epoch": self.epoch,
                "floor": written_date(self.floor),
                "boot": self.boot,
                "at": self.at,
                "jumped": self.jumped,
                "jumped_in_all": self.jumped_in_all,
                "doubted": None if self.doubted is None else written_date(self.doubted),
            }
        )

    def now(self, uptime: Uptime) -> datetime:
        """Return what time it is at least: the floor, and what was counted since."""
        since = self._counted(uptime)
        return _later(self.floor, since - -(-since // CLOCK_ERROR))

    def advanced(self, uptime: Uptime) -> "TimeFloor":
        """Return the floor raised to now; stored now and then, a boot loses little."""
        same = uptime.boot == self.boot
        at = max(uptime.seconds, self.at) if same else uptime.seconds
        jumped = self.jumped if same else 0
        return replace(self, floor=self.now(uptime), boot=uptime.boot, at=at, jumped=jumped)

    def under(self, root: Verified[Root], uptime: Uptime, permitted: PermittedJump) -> "TimeFloor":
        """Return the floor under the newest root, before any date is judged by it.

        A later epoch resets it. In the same epoch the root is a second signed time.
        """
        freshness = root.value.fields.freshness
        if freshness is None:
            return self
        if freshness.epoch < self.epoch:
            code, least = Code.FRESHNESS_ROOT_EPOCH, self.epoch
            found = freshness.epoch
            raise Refused(VersionMismatch(code=code, role="root", expected=least, found=found))
        if freshness.epoch > self.epoch:
            return _reset(freshness, uptime)
        return self._confirmed(freshness.not_before, uptime, permitted)

    def heard(
        self, signed: Verified[SignedTime], uptime: Uptime, permitted: PermittedJump
    ) -> "TimeFloor":
        """Return the floor after a signed time: raised by it, or in doubt about it."""
        if signed.value.epoch != self.epoch:
            code, found = Code.FRESHNESS_FLOOR_EPOCH, signed.value.epoch
            expected = self.epoch
            fault = VersionMismatch(code=code, role=FRESHNESS, expected=expected, found=found)
            raise Refused(fault)
        here, said = self.advanced(uptime), signed.value.issued_at
        if said <= here.floor:
            return here
        # Against all that was counted, error and all: what a slow clock missed is no jump.
        accounted = _later(self.floor, self._counted(uptime))
        jump = max(int((said - accounted).total_seconds()), 0)
        jumped, in_all = here.jumped + jump, here.jumped_in_all + jump
        if jumped > permitted.per_boot or in_all > permitted.total:
            return replace(here, doubted=max(said, here.doubted or said))
        return replace(here, floor=said, jumped=jumped, jumped_in_all=in_all)

    def confirmed(
        self, second: Verified[WitnessedTime], uptime: Uptime, permitted: PermittedJump
    ) -> "TimeFloor":
        """Return the floor after a witness spoke about the doubted time; else it says nothing.

        The earlier of both words is believed: neither the freshness key alone nor a witness alone
        moves the time far.
        """
        if self.doubted is None:
            return self
        return self._confirmed(min(self.doubted, second.value.at), uptime, permitted)

    def _counted(self, uptime: Uptime) -> int:
        """Seconds that the monotonic clock counted since the floor was now."""
        return max(uptime.seconds - (self.at if uptime.boot == self.boot else 0), 0)

    def _confirmed(self, moment: datetime, uptime: Uptime, permitted: PermittedJump) -> "TimeFloor":
        """Return the floor with `moment` behind it: what lies beyond it is all that was jumped."""
        here = self.advanced(uptime)
        floor, doubted = max(here.floor, moment), here.doubted
        beyond = int((floor - moment).total_seconds())
        # News only from a moment that the device had not reached: an old root confirms nothing.
        news = moment > here.floor
        if doubted is not None and (
            doubted <= moment
            or (news and doubted - moment <= timedelta(seconds=permitted.per_boot))
        ):
            doubted = None
        jumped, in_all = min(here.jumped, beyond), min(here.jumped_in_all, beyond)
        if not news and (in_all, doubted) == (self.jumped_in_all, self.doubted):
            # The same root is judged in every cycle; to store the floor each time would add up the
            # error of the clock.
            return self
        return replace(here, floor=floor, jumped=jumped, jumped_in_all=in_all, doubted=doubted)


def _later(moment: datetime, seconds: int) -> datetime:
    """A later moment, or the last one of the calendar."""
    room = int((_LATEST - moment).total_seconds())
    return moment + timedelta(seconds=min(seconds, room))


def _reset(freshness: FreshnessEpoch, uptime: Uptime) -> TimeFloor:
    return TimeFloor(freshness.epoch, freshness.not_before, uptime.boot, uptime.seconds)


def _read(value: JsonValue) -> TimeFloor:
    members = _SHAPE.members(value, "floor", _MEMBERS)
    _SHAPE.a_number(members["format"], "floor.format", FORMAT, FORMAT)
    doubted = members["doubted"]
    return TimeFloor(
        epoch=_SHAPE.a_number(members["epoch"], "floor.epoch", 1),
        floor=_SHAPE.a_date(members["floor"], "floor.floor"),
        boot=_SHAPE.a_name(members["boot"], "floor.boot"),
        at=_SHAPE.a_number(members["at"], "floor.at"),
        jumped=_SHAPE.a_number(members["jumped"], "floor.jumped"),
        jumped_in_all=_SHAPE.a_number(members["jumped_in_all"], "floor.jumped_in_all"),
        doubted=None if doubted is None else _SHAPE.a_date(doubted, "floor.doubted"),
    )
