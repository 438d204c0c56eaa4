"""One simulated device of a simulated vendor, with the device's own code on it, life after life.

    rehearsal = Rehearsal(folder)
    rehearsal.offer(image, counter=1)          # the vendor publishes, the Director assigns
    rehearsal.check_in()                       # None, or the code of the refusal
    rehearsal.live()                           # install, reboot, confirm, copy, until it rests
    rehearsal.cut(17, Fate.TORN)               # update; the power fails in the 17th operation

Everything that outlasts a cut is on the machine's media; a boot begins from there.
"""

import hashlib
from collections.abc import Callable, Hashable, Mapping
from copy import copy
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from firmhold.device.case import Case
from firmhold.device.confirm import confirm
from firmhold.device.extents import Base, ExtentSource
from firmhold.device.install import Installer
from firmhold.device.learn import Answer, learn, learn_offline
from firmhold.device.memory import Memory
from firmhold.device.ports import Machine
from firmhold.device.trust_store import BuiltIn, TrustStore
from firmhold.device.verify import verify
from firmhold.device.warrant import StoredWarrant
from firmhold.sim.brought import Brought
from firmhold.sim.desk import PowerCut
from firmhold.sim.domain import SimDomain
from firmhold.sim.flash import Fate, Medium
from firmhold.sim.machine import Durables, SimMachine, new_device, sim_image
from firmhold.sim.releases import MAIN, MODEL, PRODUCT
from firmhold.trust.device_id import DeviceId
from firmhold.trust.errors import Code, FirmholdError
from firmhold.trust.freshness.time_floor import Uptime
from firmhold.trust.uptane.component import ComponentId
from firmhold.trust.uptane.offline import Addressee
from firmhold.trust.verified import Verified
from firmhold.update.admission import Admission
from firmhold.update.compatibility import Device, Part
from firmhold.update.journal import Accepted
from firmhold.update.release import Release
from firmhold.update.version import NO_RELEASE, AgentVersion, ReleaseCounter, SecurityCounter

DEVICE = DeviceId("device-1")
REVISION = 2
MOST_BOOTS = 60
FACTORY = sim_image("factory", 0, 2)


@dataclass(slots=True)
class Rehearsal:
    """A vendor, and a device that believes its roots."""

    folder: Path
    blocks: int = 8
    """Pieces that a slot can hold."""
    domain: SimDomain = field(init=False)
    machine: SimMachine = field(init=False)
    built_in: BuiltIn = field(init=False)
    others: Mapping[ComponentId, Part] = field(default_factory=dict)
    """Parts of the device that do not live in these slots."""
    boots: int = 0
    seconds: int = 0
    asked: int = 0
    failure: FirmholdError | None = None
    """Why the last check-in, medium or installation ended early."""

    def __post_init__(self) -> None:
        """Make the vendor and a device with its factory image."""
        self.domain = SimDomain(self.folder)
        settings = self.domain.image.targets().targets["trust/settings.json"]
        prefixed = settings.get_prefixed_paths()[0]
        built_in_settings = self.domain.image.target_place(prefixed).read_bytes()
        self.built_in = BuiltIn(*self.domain.roots, built_in_settings)
        self.put(new_device(FACTORY, self.blocks))
        self.domain.assign(DEVICE)

    def put(self, durables: Durables) -> None:
        """Have a machine with that on its media, and boot it."""
        self.machine = SimMachine(durables)
        self.boot()

    def offer(self, image: bytes, counter: int, *, security: int = 0) -> Release:
        """Publish a release, and have it assigned to this device."""
        release = self.domain.release(image, counter, security=security)
        self.domain.assign(DEVICE, self.domain.path(counter))
        return release

    def boot(self, *, bitten: bool = False) -> Installer:
        """Start the device and its agent; what the agent begins with may wait for a payload."""
        self.boots, self.seconds = self.boots + 1, 0
        self.machine.boot(bitten=bitten)
        installer = self.installer()
        self._attempt(installer.start)
        while installer.awaits is not None:
            confirm(installer, self.machine.health)
        return installer

    def live(self) -> None:
        """Reboot as often as the device wants it, until it rests."""
        for _ in range(MOST_BOOTS):
            self.boot()
            if not self.machine.reboot_wanted:
                return
        raise AssertionError(self.memory().state)

    def check_in(self, brought: Brought | None = None) -> Code | None:
        """Ask, judge what is brought, install what is admitted; return the code if refused."""
        case, answered = self._case(brought)
        answer = Answer(answered.statement, answered.proof, answered.nonce)

        def act() -> None:
            learnt = learn(case, DEVICE, answer)
            self._install(verify(case, learnt, self.device()))

        return self._attempt(act)

    def insert(self, order: bytes, brought: Brought | None = None) -> Code | None:
        """Judge what lies on a medium, install what is admitted; return the code if refused."""
        case, _ = self._case(brought)

        def act() -> None:
            learnt = learn_offline(case, Addressee(DEVICE, frozenset()), order)
            self._install(verify(case, learnt, self.device()))

        return self._attempt(act)

    def ask(self) -> Brought:
        """Return what an honest server brings to this device, asked with a new nonce."""
        self.asked += 1
        return self.domain.check_in(DEVICE, hashlib.sha256(b"nonce %d" % self.asked).digest())

    def wait(self, seconds: int) -> None:
        """Let the same time go by for the device and for the world."""
        self.seconds += seconds
        self.domain.clock.advance(timedelta(seconds=seconds))

    def update(self) -> Code | None:
        """Check in, and live until it rests."""
        refused = self.check_in()
        if refused is None:
            self.live()
        return refused

    def cut(self, operation: int, fate: Fate) -> bool:
        """Update with the power failing in that durable operation; tell whether it did."""
        self.machine.supply.cut_at(operation, fate)
        try:
            self.update()
        except PowerCut:
            self.machine.supply.restore()
            self.put(self.machine.after_cut(Fate.KEPT))
            return True
        self.machine.supply.restore()
        return False

    def lefts(self) -> tuple[int, dict[Durables, str]]:
        """Update, and return what every power cut in it would have left, with where it fell.

        The number is that of the cuts: each durable operation, with what was not synced kept, lost
        and torn. Several cuts may leave the same.
        """
        machine, left, cuts = self.machine, dict[Durables, str](), 0
        first = machine.supply.operations

        def watch(medium: Medium, operation: Hashable) -> None:
            nonlocal cuts
            for fate in Fate:
                cuts += 1
                where = f"operation {machine.supply.operations - first}, {fate}"
                left.setdefault(machine.after_cut(fate, medium, operation), where)

        machine.supply.watch = watch
        self.update()
        machine.supply.watch = None
        return cuts, left

    def durables(self) -> Durables:
        """Return all that the machine holds without power."""
        return self.machine.after_cut(Fate.KEPT)

    def flash(self) -> tuple[object, ...]:
        """Return what an attack must not change: slots, boot record, floor, what is remembered."""
        held = self.durables()
        return held.a, held.b, held.record, held.floor, self.memory().state

    def revived(self, durables: Durables) -> "Rehearsal":
        """Return the same device in the same world, after a cut that left `durables`."""
        other = copy(self)
        other.put(durables)
        return other

    def device(self) -> Device:
        """What the device says of itself, from what it remembers."""
        runs = self._runs()
        counter = NO_RELEASE if runs is None else ReleaseCounter(runs.release.counter)
        return Device(
            device=DEVICE,
            product=PRODUCT,
            agent=AgentVersion(1, 2, 0),
            floor=SecurityCounter(self.machine.floor.read()),
            parts={MAIN: Part(MODEL, REVISION, counter), **self.others},
            manifests=frozenset() if runs is None else frozenset({runs.release.digest}),
        )

    def store(self) -> TrustStore:
        """What the device believes, read anew."""
        return TrustStore(self.machine.disk, self.machine.seal, self.built_in)

    def memory(self) -> Memory:
        """What the device remembers of its installations, read anew."""
        return Memory(self.machine.disk, self.machine.seal)

    def installer(self) -> Installer:
        """The device's own installer on this machine's ports."""
        ports, memory = self.machine.ports(), self.memory()

        def base() -> Base | None:
            running = self.machine.record.booted
            held = None if running is None else memory.state.holds(running)
            if running is None or held is None:
                return None
            return held.release.image, ports.slots[running]

        return Installer(
            Machine(
                ports.boot,
                ports.slots,
                ports.floor,
                ports.power,
                ExtentSource(self.domain.payloads, base),
                StoredWarrant(self.store()),
            ),
            memory,
        )

    def _runs(self) -> Accepted | None:
        running = self.machine.record.booted
        return None if running is None else self.memory().state.holds(running)

    def _case(self, brought: Brought | None) -> tuple[Case, Brought]:
        answered = brought or self.ask()
        uptime = Uptime(f"boot {self.boots}", self.seconds)
        return Case(self.store(), answered, uptime), answered

    def _install(self, admission: Verified[Admission] | None) -> None:
        if admission is not None:
            installer = self.installer()
            installer.start()
            installer.begin(admission)

    def _attempt(self, act: Callable[[], None]) -> Code | None:
        try:
            act()
        except FirmholdError as error:
            self.failure = error
            return error.code
        self.failure = None
        return None
