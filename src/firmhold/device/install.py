"""Step 11, install: performs what the installation machine asks, and has no rules of its own.

The order is the machine's: its next state is durable before the first of its actions, and an
action is durable before the next. Whatever is cut off or fails is taken up by the next `start`.
"""

from firmhold.device.measure import has
from firmhold.device.memory import Memory
from firmhold.device.ports import Machine
from firmhold.trust.errors import Code, Misuse, Refused, UsageFault
from firmhold.trust.faults import InstallFault
from firmhold.trust.outer_faults import PlaceFault
from firmhold.trust.uptane.component import ComponentId
from firmhold.trust.verified import Verified
from firmhold.update.actions import (
    Action,
    Actions,
    CheckHealth,
    CopyPieces,
    Mark,
    Prefer,
    RaiseFloor,
    ReadBack,
    WriteExtent,
)
from firmhold.update.admission import Admission
from firmhold.update.events import (
    Begin,
    Done,
    Event,
    Judged,
    Measured,
    Started,
    Withdrawn,
    Written,
)
from firmhold.update.installation import step
from firmhold.update.journal import Accepted, Candidate, State
from firmhold.update.pieces import PIECE_BYTES
from firmhold.update.release import Release

COPIED_PIECES = 4
"""Pieces that are copied at a time: 256 KiB."""


def candidate(release: Release, component: ComponentId) -> Candidate:
    """Return as much of a release as installing the image of `component` needs."""
    part = release.component(component)
    if part is None:
        raise Misuse(UsageFault(code=Code.MISUSE, what=f"a release without {component}"))
    return Candidate(
        digest=release.digest,
        counter=release.counter,
        security_counter=release.security_counter,
        trial_boots=release.rollback.trial_boots,
        image=part.image,
    )


def _only(admission: Admission) -> tuple[ComponentId, Release]:
    """The one component of a set: this agent makes no switch of several at one stroke."""
    (component, release), *others = admission.releases.items()
    if others:
        raise Refused(
            InstallFault(
                code=Code.INSTALL_SEVERAL,
                release=release.digest.hex(),
                expected="one component",
                found=str(len(admission.releases)),
            )
        )
    return component, release


class Installer:
    """The hands of one installation machine."""

    def __init__(self, machine: Machine, memory: Memory) -> None:
        self._machine = machine
        self._memory = memory
        self._started = False
        self.awaits: CheckHealth | None = None
        """The judgement that is waited for; `judge` gives it."""

    @property
    def state(self) -> State:
        """What is remembered; `outcome` in it is what a device reports."""
        return self._memory.state

    def start(self) -> None:
        """Find out where the device stands, and go on from there. Raises what its ports raise."""
        floor = self._machine.floor.read()
        if self.state.predates(floor):
            fault = PlaceFault(code=Code.MEMORY_STALE, path="memory", detail=f"floor is {floor}")
            self._memory.forget(fault)
        job = self.state.job
        withdrawn = job is not None and self._machine.warrant.withdrawn(job.accepted)
        boot = self._machine.boot
        self._started = True
        self._tell(Started(boot.running(), boot.read(), floor, withdrawn))

    def begin(self, admission: Verified[Admission]) -> None:
        """Install what was admitted. Raises `Refused` if it may not, and what the ports raise."""
        self._require_started()
        component, release = _only(admission.value)
        self._require_room(release, component)
        self._tell(Begin(Accepted(candidate(release, component), admission.value.at)))

    def _require_started(self) -> None:
        """Which slot runs is known from `start` on; what is remembered of it may be old."""
        if not self._started:
            raise Misuse(UsageFault(code=Code.MISUSE, what="an installer that was not started"))

    def _require_room(self, release: Release, component: ComponentId) -> None:
        """Refuse what no slot could hold whole, before the spare one is given up for it."""
        length = candidate(release, component).image.length
        room = min(slot.size for slot in self._machine.slots.values())
        if length > room:
            raise Refused(
                InstallFault(
                    code=Code.INSTALL_TOO_LARGE,
                    release=release.digest.hex(),
                    expected=f"at most {room} bytes",
                    found=str(length),
                )
            )

    def withdraw(self, release: bytes) -> None:
        """Hear that newer root or targets do not authorise a release, by digest, any more."""
        self._require_started()
        before = self.state
        self._tell(Withdrawn(release))
        if self.state != before:
            self.awaits = None  # nobody asks any more how the system is that is given up

    def judge(self, *, healthy: bool) -> None:
        """Hear how the system that runs was judged."""
        self.awaits = None
        self._tell(Judged(healthy))

    def _tell(self, event: Event) -> None:
        said: Event | None = event
        while said is not None:
            state, actions = step(self.state, said)
            if state != self.state:
                self._memory.keep(state)
            said = self._perform(actions)

    def _perform(self, actions: Actions) -> Event | None:
        """Perform actions in order; return the answer of the last, None if it is to be waited."""
        answer: Event | None = Done() if actions else None
        for action in actions:
            answer = self._performed(action)
        return answer

    def _performed(self, action: Action) -> Event | None:
        machine = self._machine
        answer: Event | None = Done()
        match action:
            case Mark(slot, record):
                machine.boot.mark(slot, record)
            case Prefer(slot):
                machine.boot.prefer(slot)
            case RaiseFloor(to):
                machine.floor.raise_to(to)
            case WriteExtent():
                answer = self._write(action)
            case CopyPieces():
                answer = self._copy(action)
            case ReadBack():
                image = action.release.image
                answer = Measured(has(machine.slots[action.slot], image))
            case CheckHealth():
                self.awaits, answer = action, None
            case _:  # Reboot
                machine.power.reboot()
                answer = None
        return answer

    def _write(self, action: WriteExtent) -> Written:
        first, data = self._machine.source.extent(action.release, action.first)
        return self._put(action, first, data)

    def _copy(self, action: CopyPieces) -> Written:
        image, running = action.release.image, self._machine.slots[action.slot.other]
        pieces = min(COPIED_PIECES, image.pieces - action.first)
        return self._put(action, action.first, running.read(*image.span(action.first, pieces)))

    def _put(self, action: WriteExtent | CopyPieces, first: int, data: bytes) -> Written:
        slot = self._machine.slots[action.slot]
        slot.write(first * PIECE_BYTES, data)
        slot.flush()
        return Written(first - -len(data) // PIECE_BYTES)
