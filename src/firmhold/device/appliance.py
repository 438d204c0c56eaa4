"""A device put together from its state folder: its beliefs, memory, slots and boot record.

    STATE/device.json     what the device is
    STATE/built-in/       both first roots and the first settings
    STATE/seal.key        the key that seals what is remembered
    STATE/kept/           what is remembered and believed
    STATE/boot/           the boot record, where the boot chain reads files

One process at a time works on it; another is told to come back.
"""

import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from firmhold import __version__
from firmhold.device.accounts import Accounts
from firmhold.device.adapters.block import SlotFile
from firmhold.device.adapters.boot_file import FileBoot, FileFloor, boot
from firmhold.device.adapters.disk import own_disk, read_file
from firmhold.device.adapters.files import FileFolder, KeyFile
from firmhold.device.adapters.health import Checks
from firmhold.device.adapters.medium import Medium
from firmhold.device.case import Case
from firmhold.device.config import MAX_BYTES, Config, parse_config
from firmhold.device.confirm import confirm
from firmhold.device.extents import Base, ExtentSource, Payloads
from firmhold.device.install import Installer
from firmhold.device.learn import learn_offline
from firmhold.device.manifests import Manifests
from firmhold.device.memory import Memory
from firmhold.device.ports import Machine
from firmhold.device.trust_store import BuiltIn, TrustStore
from firmhold.device.verify import verify
from firmhold.device.warrant import StoredWarrant
from firmhold.trust.errors import Code, Damaged, Fault, Misuse, Refused, Unavailable
from firmhold.trust.freshness.time_floor import Uptime
from firmhold.trust.outer_faults import PlaceFault
from firmhold.trust.uptane.offline import Addressee
from firmhold.update.compatibility import Device, Part
from firmhold.update.journal import Accepted
from firmhold.update.slots import BootState, Slot
from firmhold.update.version import (
    NO_RELEASE,
    AgentVersion,
    ReleaseCounter,
    SecurityCounter,
    read_agent_version,
)

NO_MEDIUM = "no-medium"
CONFIG, BUILT_IN, SEAL, KEPT, BOOT = "device.json", "built-in", "seal.key", "kept", "boot"
BUILT_IN_FILES = ("image.root.json", "director.root.json", "settings.json")
MOST_BUILT_IN = 600_000

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Appliance:
    """One device of this machine."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.config = read_config(state)
        files, seal = FileFolder(state / KEPT), KeyFile(state / SEAL)
        self.memory = Memory(files, seal)
        self.store = TrustStore(files, seal, _built_in(state / BUILT_IN))
        self.manifests = Manifests(files, seal)
        self.accounts = Accounts(files, seal)
        self.boot = FileBoot(state / BOOT)
        self.floor = FileFloor(state / BOOT)
        self.reboot_wanted = False

    @property
    def damage(self) -> tuple[Fault, ...]:
        """What was not as it was left, of all that was read until now."""
        return (*self.memory.damage, *self.store.damage)

    def start(self) -> tuple[str, ...]:
        """Go on after a boot, judge what runs if it waits for that; return the failed checks."""
        installer = self.installer(Medium(self.state / NO_MEDIUM, self.manifests))
        with suppress(Unavailable):  # what is under way goes on when its payloads are to be had
            installer.start()
        return confirm(installer, Checks(self.manifests.checks))

    def install(self, folder: Path) -> bool:
        """Install what a medium brings, if it may be; tell whether it brings something."""
        medium = Medium(folder, self.manifests)
        installer = self.installer(medium)
        installer.start()
        if self.reboot_wanted or installer.awaits is not None:
            return True
        case = Case(self.store, medium, uptime())
        addressee = Addressee(self.config.device, frozenset(self.config.groups))
        learnt = learn_offline(case, addressee, medium.order())
        admission = verify(case, learnt, self.device())
        if admission is None:
            return False
        runs = self.runs()
        for release in admission.value.releases.values():
            self.manifests.keep(release, None if runs is None else runs.release.digest)
        installer.begin(admission)
        return True

    def enter(self) -> Slot | None:
        """Play the boot chain: choose what runs, and write it down."""
        record, state = self.boot.read(), self.memory.state
        counters: dict[Slot, int | None] = {}
        for slot in Slot:
            held, good = state.holds(slot), record.of(slot).state is BootState.GOOD
            counters[slot] = 0 if held is None and good else None
            if held is not None:
                counters[slot] = held.release.security_counter
        return boot(self.state / BOOT, counters)

    def reboot(self) -> None:
        """Ask for a reboot; whoever runs this process sees to it."""
        self.reboot_wanted = True

    @property
    def slots(self) -> dict[Slot, SlotFile]:
        """The media of the slots; that of the one that runs is for reading only."""
        running = self.boot.running()
        return {
            slot: SlotFile(path, running=slot is running)
            for slot, path in self.config.slots.items()
        }

    def runs(self) -> Accepted | None:
        """Return what runs, if it was installed here."""
        running = self.boot.running()
        return None if running is None else self.memory.state.holds(running)

    def device(self) -> Device:
        """Return what decides whether a release fits this device."""
        runs, config = self.runs(), self.config
        counter = NO_RELEASE if runs is None else ReleaseCounter(runs.release.counter)
        return Device(
            device=config.device,
            product=config.product,
            agent=_agent(),
            floor=SecurityCounter(self.floor.read()),
            parts={config.component: Part(config.model, config.revision, counter)},
            manifests=frozenset() if runs is None else frozenset({runs.release.digest}),
        )

    def installer(self, payloads: Payloads) -> Installer:
        """Return the installer on this device's ports, with a place to take payloads from."""
        running, slots = self.boot.running(), self.slots

        def base() -> Base | None:
            runs = self.runs()
            return None if runs is None or running is None else (runs.release.image, slots[running])

        source = ExtentSource(payloads, base)
        warrant = StoredWarrant(self.store)
        return Installer(Machine(self.boot, slots, self.floor, self, source, warrant), self.memory)


@contextmanager
def locked(state: Path) -> Iterator[None]:
    """Keep others out while a command works on a device's state."""
    with own_disk(state):
        descriptor = os.open(state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            detail = "another command is working on this device"
            fault = PlaceFault(code=Code.DEVICE_BUSY, path=str(state), detail=detail)
            raise Misuse(fault) from error
        yield
    finally:
        os.close(descriptor)


def uptime() -> Uptime:
    """Return how long this machine is up, sleep included, in which boot."""
    with own_disk(_BOOT_ID):
        boot_id = _BOOT_ID.read_text().strip()
    return Uptime(boot_id, int(time.clock_gettime(time.CLOCK_BOOTTIME)))


def _agent() -> AgentVersion:
    return read_agent_version(__version__) or AgentVersion(0, 0, 0)


def read_config(state: Path) -> Config:
    """Return what the device in a folder is. Raises `Damaged`."""
    with own_disk(state / CONFIG):
        data = read_file(state / CONFIG, MAX_BYTES)
    try:
        return parse_config(data)
    except Refused as error:
        raise Damaged(error.fault) from error


def _built_in(folder: Path) -> BuiltIn:
    return BuiltIn(*_files(folder, BUILT_IN_FILES))


def _files(folder: Path, names: Sequence[str]) -> Iterator[bytes]:
    for name in names:
        with own_disk(folder / name):
            yield read_file(folder / name, MOST_BUILT_IN)
