"""A device of a simulated fleet: real slots, state and TLS; its process with the network a thread.

Between two of its methods the device is off: each begins with what lies on the disk, as a process
does. No walls are put up, for they would stand around everything else in this process too.
"""

import shutil
import socket
import tempfile
import threading
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from firmhold.device.appliance import Appliance
from firmhold.device.check import Ended
from firmhold.device.enrol import Body, enrol
from firmhold.device.fetch.config import CONFIG, SPOOL
from firmhold.device.fetch.serve import Fetcher, serve
from firmhold.device.online import FETCH, Online
from firmhold.protocol.invitation import Invitation
from firmhold.update.slots import Slot
from firmhold.wire.sockets import Patience

MOST_BOOTS = 8


@dataclass
class FleetDevice:
    """Everything below `folder`."""

    folder: Path
    slot_bytes: int
    patience: Patience = field(default_factory=lambda: Patience(grace_seconds=5.0))
    tpm: str | None = None
    """How its TPM is reached; None: it has none."""
    fetch_socket: Path = field(init=False)
    """Of its process with the network."""
    _listener: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        """Make two empty slots, and start the half with the network."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for slot in Slot:
            if not self.slot(slot).exists():
                self.slot(slot).write_bytes(bytes(self.slot_bytes))
        self.fetch_socket = Path(tempfile.mkdtemp(prefix="firmhold-")) / "fetch.sock"
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self.fetch_socket))
        self._listener.listen(1)
        threading.Thread(target=self._fetch, daemon=True).start()

    @property
    def state(self) -> Path:
        """The device's own folder."""
        return self.folder / "state"

    def slot(self, slot: Slot) -> Path:
        """The file of a slot."""
        return self.folder / f"slot-{slot}"

    def enrol(self, invited: Invitation) -> None:
        """Enrol by an invitation."""
        body = Body({slot: self.slot(slot) for slot in Slot}, tpm=self.tpm)
        enrol(self.state, invited, body, self.fetch_socket)

    @property
    def spool(self) -> Path:
        """What its process with the network has brought."""
        return self.state / FETCH / SPOOL

    def check(self) -> tuple[Ended, bool]:
        """Go through one cycle; return how it ended, and whether a reboot is wanted."""
        with closing(Online(self.state, self.fetch_socket)) as online:
            ended, _ = online.check()
            return ended, online.appliance.reboot_wanted

    def boot(self) -> bool:
        """Boot, and judge what runs; tell whether that wants another boot."""
        appliance = self.appliance()
        appliance.enter()
        appliance = self.appliance()
        appliance.start()
        return appliance.reboot_wanted

    def rest(self) -> None:
        """Boot until no further boot is wanted."""
        for _ in range(MOST_BOOTS):
            if not self.boot():
                return
        raise AssertionError(self.appliance().memory.state)

    def live(self) -> Ended:
        """Check in; if that wants it, boot, and check in once more; return how the first ended."""
        ended, reboot = self.check()
        if reboot:
            self.rest()
            self.check()
        return ended

    def appliance(self) -> Appliance:
        """The device as it lies on the disk."""
        return Appliance(self.state)

    def runs(self, image: bytes) -> bool:
        """Tell whether the slot that runs has an image, byte by byte."""
        running = self.appliance().boot.running()
        return running is not None and self.slot(running).read_bytes()[: len(image)] == image

    def everything(self) -> dict[str, bytes]:
        """All that the device has, but for its spool: name and bytes of each file."""
        kept = (place for place in self.folder.rglob("*") if place.is_file())
        return {
            str(place.relative_to(self.folder)): place.read_bytes()
            for place in kept
            if "spool" not in place.parts
        }

    def close(self) -> None:
        """Switch it off for good."""
        self._listener.close()
        shutil.rmtree(self.fetch_socket.parent, ignore_errors=True)

    def _fetch(self) -> None:
        with suppress(OSError):  # closed: the world is over
            serve(self._listener, Fetcher(self.state / FETCH / CONFIG, self.patience))
