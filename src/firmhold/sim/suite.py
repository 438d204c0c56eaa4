r"""An outside suite in small: it drives any client by its command line and looks at what it leaves.

The contract is the one by which TUF clients are commonly compared::

    CLIENT --metadata-dir D init TRUSTED_ROOT
    CLIENT --metadata-dir D --metadata-url U refresh
    CLIENT --metadata-dir D --metadata-url U --target-name N --target-base-url T --target-dir F \
        download

The client is a program of its own with the machine's clock, and the repository lives by that clock.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Self

from firmhold.interop.adapters.system import SystemClock
from firmhold.sim.clock import SimClock
from firmhold.sim.network import SimNetwork
from firmhold.sim.repository import SimRepository

FIRMHOLD = (sys.executable, "-m", "firmhold", "tuf-client")
"""The command of this very product, on this very interpreter."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended and what it said."""

    status: int
    output: str
    errors: str


@dataclass(slots=True)
class SimCommand:
    """A client as a command, with a folder for metadata and one for targets."""

    program: Sequence[str]
    folder: Path
    network: SimNetwork
    environment: Mapping[str, str] = field(default_factory=dict)
    slash: str = "/"
    """What stands at the end of both URLs."""
    last: Ran | None = None
    """The last command that was run."""

    @property
    def metadata(self) -> Path:
        """Where the client keeps metadata."""
        return self.folder / "metadata"

    @property
    def targets(self) -> Path:
        """Where the client keeps targets."""
        return self.folder / "targets"

    def init(self, root: bytes) -> int:
        """Give the client a trusted root; return the exit status."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / "trusted-root"
        file.write_bytes(root)
        return self.run("--metadata-dir", str(self.metadata), "init", str(file)).status

    def refresh(self, *, at: datetime | None = None) -> int:
        """Let the client bring its metadata up to date; `at` sets its clock."""
        return self.run(*self.refreshing(), at=at).status

    def download(self, *names: str, at: datetime | None = None) -> int:
        """Let the client fetch targets; `at` sets its clock."""
        return self.run(*self.downloading(*names), at=at).status

    def refreshing(self) -> list[str]:
        """The arguments of a refresh."""
        return [*self._metadata_flags(), "refresh"]

    def downloading(self, *names: str) -> list[str]:
        """The arguments of a download."""
        flags = [flag for name in names for flag in ("--target-name", name)]
        base = ["--target-base-url", f"{self.network.url}/targets{self.slash}"]
        folder = ["--target-dir", str(self.targets)]
        return [*self._metadata_flags(), *flags, *base, *folder, "download"]

    def run(self, *arguments: str, at: datetime | None = None) -> Ran:
        """Run the client with any arguments."""
        clock = [] if at is None else ["faketime", "-f", f"@{at:%Y-%m-%d %H:%M:%S}"]
        ended = subprocess.run(  # noqa: S603 - the caller says which program is under test
            [*clock, *self.program, *arguments],
            env=self.everything_set(),
            capture_output=True,
            check=False,
        )
        output, errors = ended.stdout.decode(errors="replace"), ended.stderr.decode()
        self.last = Ran(ended.returncode, output, errors)
        return self.last

    def everything_set(self) -> dict[str, str]:
        """The environment of the client's process; only its wall clock is ever faked."""
        own = {"TZ": "UTC", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "PYTHONUNBUFFERED": ""}
        return {**os.environ, **own, **self.environment}

    def trusted(self) -> dict[str, bytes]:
        """Every file in the folder of metadata, by name."""
        return {file.name: file.read_bytes() for file in sorted(self.metadata.iterdir())}

    def downloaded(self) -> dict[str, bytes]:
        """Every file in the folder of targets, by name."""
        files = sorted(self.targets.iterdir()) if self.targets.exists() else []
        return {file.name: file.read_bytes() for file in files}

    def _metadata_flags(self) -> list[str]:
        url = f"{self.network.url}/metadata{self.slash}"
        return ["--metadata-dir", str(self.metadata), "--metadata-url", url]


class SimSuite:
    """A repository of today, a wire, and a command to be tested."""

    def __init__(self, folder: Path, program: Sequence[str] = FIRMHOLD) -> None:
        self.clock = SimClock(SystemClock().now().replace(microsecond=0))
        self.repository = SimRepository(folder / "repository", self.clock)
        self.network = SimNetwork(self.repository.folder)
        source = str(Path(__file__).parents[2])
        self.client = SimCommand(
            program, folder / "client", self.network, environment={"PYTHONPATH": source}
        )

    def __enter__(self) -> Self:
        self.network.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.network.__exit__()
