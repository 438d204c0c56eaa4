"""What is remembered stands in two sealed copies, written in turn, so that one is always whole.

Laws of this module:

* A write goes to the older copy: into a new file, synced, renamed, the folder synced. Until the
  last of these the newer copy is untouched, so any cut leaves at least what was remembered before.
* A copy is a head (name, place, number), what is remembered, and a seal over both. What is torn,
  empty, altered, or standing under another name than its own is not read; the other copy serves.
* What is not as it was left is told in `damage`; an empty or torn copy can be a power cut's doing.
  An older copy that was put back is told by its number.
* Where nothing can be read, nothing is remembered: `value` is None.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from firmhold.device.ports import Durable, Seal
from firmhold.trust.errors import Code, Fault, Refused
from firmhold.trust.outer_faults import PlaceFault

PLACES = 2
SEAL_BYTES = 32

_HEAD = re.compile(rb"firmhold ([!-~]{1,255}) 1 ([01]) ([1-9][0-9]{0,17})")
_MAX_HEAD_BYTES = 320

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Form(Generic[T]):
    """What is remembered under a name: how it is read back (raises `Refused`), and its bound."""

    name: str
    parse: Callable[[bytes], T]
    max_bytes: int

    def copy(self, place: int) -> str:
        """Return the file name of a copy."""
        return f"{self.name}.{place}"

    @property
    def new(self) -> str:
        """The file that is being written; nobody reads it."""
        return f"{self.name}.new"


@dataclass(frozen=True, slots=True)
class _Copy(Generic[T]):
    number: int
    value: T


class Twofold(Generic[T]):
    """One thing that is remembered, as it was found and as it is kept."""

    def __init__(self, durable: Durable, seal: Seal, form: Form[T]) -> None:
        self._durable = durable
        self._seal = seal
        self._form = form
        self.damage: tuple[Fault, ...] = ()
        """What was not as it was left, when it was read."""
        whole = [copy for place in range(PLACES) if (copy := self._read(place)) is not None]
        newest = max(whole, key=lambda copy: copy.number, default=None)
        self._number = 0 if newest is None else newest.number
        self.value: T | None = None if newest is None else newest.value
        """What was remembered last."""
        self._compare(whole)

    def keep(self, value: T, data: bytes) -> None:
        """Remember `value`, which `data` is the form of, instead; durably."""
        number = self._number + 1
        place = number % PLACES
        body = b"firmhold %s 1 %d %d\n%s" % (self._form.name.encode(), place, number, data)
        self._durable.write(self._form.new, body + self._seal.tag(body))
        self._durable.sync(self._form.new)
        self._durable.rename(self._form.new, self._form.copy(place))
        self._durable.sync_folder()
        self._number, self.value = number, value

    def _read(self, place: int) -> _Copy[T] | None:
        most = self._form.max_bytes + _MAX_HEAD_BYTES + SEAL_BYTES
        data = self._durable.read(self._form.copy(place), most)
        if data is None:
            return None
        try:
            return self._parsed(data, place, most)
        except Refused as error:
            self.damage = (*self.damage, error.fault)
            return None

    def _parsed(self, data: bytes, place: int, most: int) -> _Copy[T]:
        body, seal = data[:-SEAL_BYTES], data[-SEAL_BYTES:]
        head, _, text = body.partition(b"\n")
        if len(data) > most or self._seal.tag(body) != seal:
            raise self._refusal(Code.MEMORY_DAMAGED, place, f"{len(data)} bytes, not as written")
        known = _HEAD.fullmatch(head)
        if known is None:
            raise self._refusal(Code.MEMORY_DAMAGED, place, "another format")
        if (known[1], int(known[2])) != (self._form.name.encode(), place):
            found = f"copy {int(known[2])} of {known[1].decode()}"
            raise self._refusal(Code.MEMORY_MISPLACED, place, found)
        try:
            return _Copy(int(known[3]), self._form.parse(text))
        except Refused as error:
            raise self._refusal(Code.MEMORY_DAMAGED, place, str(error.fault)) from error

    def _compare(self, whole: list[_Copy[T]]) -> None:
        """Tell of a copy that is gone, or older than a cut can have left it."""
        told = {fault.path for fault in self.damage if isinstance(fault, PlaceFault)}
        faults: list[Fault] = []
        for place in range(PLACES):
            expected = self._number - (self._number - place) % PLACES
            found = [copy.number for copy in whole if copy.number % PLACES == place]
            if found and found != [expected]:
                faults.append(self._fault(Code.MEMORY_STALE, place, f"{found[0]} for {expected}"))
            elif not found and expected > 0 and self._form.copy(place) not in told:
                faults.append(self._fault(Code.MEMORY_LOST, place, f"number {expected}"))
        self.damage = (*self.damage, *faults)

    def _refusal(self, code: Code, place: int, detail: str) -> Refused:
        return Refused(self._fault(code, place, detail))

    def _fault(self, code: Code, place: int, detail: str) -> PlaceFault:
        return PlaceFault(code=code, path=self._form.copy(place), detail=detail)
