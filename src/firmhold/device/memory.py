"""What the device remembers stands in two copies, written in turn, so that one is always whole.

Laws of this module:

* A write goes to the older copy: into a new file, synced, renamed, the folder synced. Until the
  last of these the newer copy is untouched, so any cut leaves at least what was remembered before.
* A copy is a number, the state and a seal over both and over the copy's own name. What is torn,
  empty, altered, or standing under the other copy's name is not read; the other copy serves.
* What is not as it was left is told in `damage`; an empty or torn copy can be a power cut's doing.
  An older copy that was put back is told by its number or, if both were put back, by the security
  floor of the hardware (`State.predates`), which it does not know.
* If nothing can be read, the device remembers nothing. It still boots, and can still be updated.
"""

import re
from dataclasses import dataclass

from firmhold.device.ports import Durable, Seal
from firmhold.trust.errors import Code, Fault, Refused
from firmhold.trust.faults import PlaceFault
from firmhold.update.journal import MAX_BYTES, State, parse_state

COPIES = ("memory.0", "memory.1")
NEW = "memory.new"
"""The file that is being written; nobody reads it."""

_HEAD = re.compile(rb"firmhold memory 1 ([01]) ([1-9][0-9]{0,17})")
SEAL_BYTES = 32
_MAX_COPY_BYTES = MAX_BYTES + 256


@dataclass(frozen=True, slots=True)
class _Copy:
    number: int
    state: State


class Memory:
    """The device's memory, as it was found and as it is kept."""

    def __init__(self, durable: Durable, seal: Seal) -> None:
        self._durable = durable
        self._seal = seal
        self.damage: tuple[Fault, ...] = ()
        """What was not as it was left, when it was read."""
        copies = [self._read(place) for place in range(len(COPIES))]
        whole = [copy for copy in copies if copy is not None]
        newest = max(whole, key=lambda copy: copy.number, default=_Copy(0, State()))
        self._number = newest.number
        self.state = newest.state
        """What was remembered last."""
        self._compare(whole)

    def keep(self, state: State) -> None:
        """Remember `state` instead, durably."""
        number = self._number + 1
        place = number % len(COPIES)
        body = b"firmhold memory 1 %d %d\n%s" % (place, number, state.to_bytes())
        self._durable.write(NEW, body + self._seal.tag(body))
        self._durable.sync(NEW)
        self._durable.rename(NEW, COPIES[place])
        self._durable.sync_folder()
        self._number, self.state = number, state

    def forget(self, fault: Fault) -> None:
        """Remember nothing any more, because what is remembered is not what was."""
        self.damage = (*self.damage, fault)
        self.keep(State())

    def _read(self, place: int) -> _Copy | None:
        data = self._durable.read(COPIES[place], _MAX_COPY_BYTES)
        if data is None:
            return None
        try:
            return self._parsed(data, place)
        except Refused as error:
            self.damage = (*self.damage, error.fault)
            return None

    def _parsed(self, data: bytes, place: int) -> _Copy:
        body, seal = data[:-SEAL_BYTES], data[-SEAL_BYTES:]
        head, _, text = body.partition(b"\n")
        if len(data) > _MAX_COPY_BYTES or self._seal.tag(body) != seal:
            raise Refused(_fault(Code.MEMORY_DAMAGED, place, f"{len(data)} bytes, not as written"))
        known = _HEAD.fullmatch(head)
        if known is None:
            raise Refused(_fault(Code.MEMORY_DAMAGED, place, "another format"))
        if int(known[1]) != place:
            raise Refused(_fault(Code.MEMORY_MISPLACED, place, f"copy {int(known[1])}"))
        try:
            return _Copy(int(known[2]), parse_state(text))
        except Refused as error:
            fault = _fault(Code.MEMORY_DAMAGED, place, str(error.fault))
            raise Refused(fault) from error

    def _compare(self, whole: list[_Copy]) -> None:
        """Tell of a copy that is gone, or older than a cut can have left it."""
        told = {fault.path for fault in self.damage if isinstance(fault, PlaceFault)}
        faults: list[Fault] = []
        for place, name in enumerate(COPIES):
            expected = self._number - (self._number - place) % len(COPIES)
            found = [copy.number for copy in whole if copy.number % len(COPIES) == place]
            if found and found != [expected]:
                faults.append(_fault(Code.MEMORY_STALE, place, f"{found[0]} for {expected}"))
            elif not found and expected > 0 and name not in told:
                faults.append(_fault(Code.MEMORY_LOST, place, f"number {expected}"))
        self.damage = (*self.damage, *faults)


def _fault(code: Code, place: int, detail: str) -> PlaceFault:
    return PlaceFault(code=code, path=COPIES[place], detail=detail)
