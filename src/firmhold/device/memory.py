"""What the device remembers of its installations: the state of the machine, in two sealed copies.

Older copies that were put back are told by their number (`twofold`) or, if both were put back, by
the security floor of the hardware (`State.predates`), which they do not know. If nothing can be
read, the device remembers nothing. It still boots, and can still be updated.
"""

from firmhold.device.ports import Durable, Seal
from firmhold.device.twofold import PLACES, SEAL_BYTES, Form, Twofold
from firmhold.trust.errors import Fault
from firmhold.update.journal import MAX_BYTES, State, parse_state

FORM = Form("memory", parse_state, MAX_BYTES)
COPIES = tuple(FORM.copy(place) for place in range(PLACES))
NEW = FORM.new

__all__ = ["COPIES", "FORM", "NEW", "SEAL_BYTES", "Memory"]


class Memory:
    """The device's memory, as it was found and as it is kept."""

    def __init__(self, durable: Durable, seal: Seal) -> None:
        self._copies = Twofold(durable, seal, FORM)
        self._told: tuple[Fault, ...] = ()

    @property
    def state(self) -> State:
        """What was remembered last."""
        return self._copies.value or State()

    @property
    def damage(self) -> tuple[Fault, ...]:
        """What was not as it was left."""
        return (*self._copies.damage, *self._told)

    def keep(self, state: State) -> None:
        """Remember `state` instead, durably."""
        self._copies.keep(state, state.to_bytes())

    def forget(self, fault: Fault) -> None:
        """Remember nothing any more, because what is remembered is not what was."""
        self._told = (*self._told, fault)
        self.keep(State())
