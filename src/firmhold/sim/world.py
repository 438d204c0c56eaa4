"""A vendor, a wire and a device in one process, with one clock.

The whole of it::

    with World(folder) as world:
        world.device.update("a.bin")       # None, or the code of the refusal
        world.device.state()               # every byte that the device keeps
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from firmhold.interop.adapters.folder import MetadataFolder, TargetFolder
from firmhold.interop.adapters.http import HttpFetcher
from firmhold.interop.client import Client, pin
from firmhold.sim.attacker import Attacker
from firmhold.sim.clock import SimClock
from firmhold.sim.network import SimNetwork
from firmhold.sim.repository import SimRepository
from firmhold.trust.errors import Fault, FirmholdError
from firmhold.trust.tuf.dialect import PLAIN_TUF, Dialect
from firmhold.wire.sockets import Patience

IMPATIENT = Patience(grace_seconds=0.5, minimum_bytes_per_second=4096)
"""For a device that is to be kept waiting, so that tests of patience do not need any."""


@dataclass(slots=True)
class SimDevice:
    """A plain TUF client with a folder for metadata and one for targets; forgets all else."""

    folder: Path
    url: str
    clock: SimClock
    dialect: Dialect = PLAIN_TUF
    patience: Patience = field(default_factory=Patience)
    failure: FirmholdError | None = None
    """Why the last update ended early."""

    @property
    def metadata(self) -> Path:
        """Where its verified metadata stand."""
        return self.folder / "metadata"

    @property
    def targets(self) -> Path:
        """Where its verified target files stand."""
        return self.folder / "targets"

    @property
    def fault(self) -> Fault | None:
        """What was compared when the last update was refused; None if it was not."""
        return self.failure.fault if self.failure is not None else None

    def pin(self, root: bytes) -> None:
        """Begin with a trusted root."""
        pin(MetadataFolder(self.metadata), root, self.dialect)

    def update(self, *paths: str) -> str | None:
        """Refresh and fetch target paths as a newly started program; return the code if refused."""
        self.failure = None
        try:
            self._update(paths)
        except FirmholdError as error:
            self.failure = error
            return str(error.code)
        return None

    def state(self) -> dict[str, bytes]:
        """Every file that the device keeps, by its path, with its bytes."""
        return {
            str(file.relative_to(self.folder)): file.read_bytes()
            for file in sorted(self.folder.rglob("*"))
            if file.is_file()
        }

    def _update(self, paths: tuple[str, ...]) -> None:
        client = Client(
            HttpFetcher(self.patience),
            MetadataFolder(self.metadata),
            f"{self.url}/metadata",
            self.clock.now(),
            self.dialect,
        )
        trusted = client.refresh()
        for path in paths:
            trusted, target = client.find(trusted, path)
            client.download(trusted, target, f"{self.url}/targets", TargetFolder(self.targets))


class World:
    """One of each; `thresholds` keys for every top-level role."""

    def __init__(self, folder: Path, *, thresholds: int = 1) -> None:
        self.folder = folder
        self.clock = SimClock()
        self.repository = SimRepository(folder / "repository", self.clock, thresholds=thresholds)
        self.network = SimNetwork(self.repository.folder)
        self.attacker = Attacker(self.repository)
        self.device = SimDevice(folder / "device", self.network.url, self.clock)
        self.device.pin(self.repository.published["root"])

    def __enter__(self) -> Self:
        self.network.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.network.__exit__()
