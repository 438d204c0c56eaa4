"""A vendor's desk, media with two releases, and a device of files, all in one folder.

The keys are made from names, so nothing of this is slow; everything else is what people use.
"""

from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from firmhold.device.adapters.disk import write_new
from firmhold.device.appliance import Appliance
from firmhold.device.cli import main
from firmhold.release.adapters.folder import FolderDesk, FolderSite
from firmhold.release.build import build_release
from firmhold.release.bundle import Order, bundle
from firmhold.release.description import read_description
from firmhold.release.domain import OFFLINE
from firmhold.sim.signer import sim_signer
from firmhold.sim.vendor import SimVendor

DEVICE = "camera-7"
ONE = Random(1).randbytes(200_000)
TWO = ONE[:70_000] + b"second" + ONE[70_000:]
IMAGES = {1: ONE, 2: TWO}
SLOT_BYTES = 1 << 18
TEXT = """
product = "camera"
class = "feature"
version = "{version}.0"
{more}
[[components]]
id = "main"
type = "system"
image = "{version}.img"
hardware = [{{ model = "camera-1", first = 1, last = 4 }}]
"""


def without_wall() -> None:
    """The wall of a process that goes on to other tests: none, for it could not be torn down."""


@dataclass
class Offline:
    """Everything below `folder`: the desk, `medium-1`, `medium-2`, the slots and the state."""

    folder: Path
    more: dict[int, str] = field(default_factory=dict)
    """What else the description of a release says."""
    vendor: SimVendor = field(init=False)

    def __post_init__(self) -> None:
        """Make the domain, publish two releases, lay both out on media, make the device."""
        self.vendor = SimVendor(FolderDesk(self.folder / "desk"), FolderSite(self.folder / "site"))
        made = self.vendor.equip("camera")
        write_new(self.folder / "director.root.json", made.director_root)
        write_new(self.folder / "settings.json", made.settings)
        for number in IMAGES:
            self.release(number)
            self.medium(number)
        self.init()

    @property
    def state(self) -> Path:
        """The device's own folder."""
        return self.folder / "state"

    def release(self, number: int) -> None:
        """Build, sign and publish a release."""
        write_new(self.folder / f"{number}.img", IMAGES[number])
        text = TEXT.format(version=number, more=self.more.get(number, ""))
        description = read_description(text.encode(), self.folder)
        build_release(self.vendor.desk, description, self.vendor.clock.now())
        self._publish("feature")

    def medium(self, number: int, *devices: str) -> Path:
        """Lay a release out on its medium, for this device unless others are named."""
        medium = self.folder / f"medium-{number}"
        order = Order(f"feature/camera/{number}.json", devices or (DEVICE,), 7)
        signers = [sim_signer(name) for name in OFFLINE[:2]]
        bundle(self.vendor.desk, FolderSite(medium), order, signers, self.vendor.clock.now())
        return medium

    def init(self, *more: str) -> int:
        """Make the device, with two empty slots."""
        for slot in "ab":
            path = self.folder / f"slot-{slot}"
            if not path.exists():
                write_new(path, bytes(SLOT_BYTES))
        words = ["--state", str(self.state), "init", "--device", DEVICE, "--product", "camera"]
        words += ["--component", "main", "--model", "camera-1", "--revision", "2"]
        words += ["--slot-a", str(self.folder / "slot-a"), "--slot-b", str(self.folder / "slot-b")]
        words += ["--image-root", str(self.folder / "desk" / "metadata" / "1.root.json")]
        words += ["--director-root", str(self.folder / "director.root.json")]
        words += ["--settings", str(self.folder / "settings.json"), *more]
        return main(words, without_wall)

    def run(self, *words: str) -> int:
        """Run a command of the device's."""
        return main(["--state", str(self.state), *words], without_wall)

    def install(self, number: int) -> int:
        """Put a medium in."""
        return self.run("install", "--from", str(self.folder / f"medium-{number}"))

    def finish(self) -> None:
        """Boot and start until the device rests."""
        for _ in range(20):
            appliance = self.appliance()
            appliance.enter()
            appliance.start()
            if not appliance.reboot_wanted:
                return
        raise AssertionError(self.appliance().memory.state)

    def appliance(self) -> Appliance:
        """The device, read anew."""
        return Appliance(self.state)

    def runs(self, number: int) -> bool:
        """Tell whether a release runs, byte by byte."""
        running = self.appliance().boot.running()
        data, image = (self.folder / f"slot-{running}").read_bytes(), IMAGES[number]
        return data[: len(image)] == image

    def _publish(self, *roles: str) -> None:
        for role in roles:
            self.vendor.sign(role, f"{role}-1", f"{role}-2")
        self.vendor.publish()
