"""A machine for the units that we ship: a real systemd is its process 1, and boots, and ends.

It is a set of namespaces. Of the host's disk it has what it is given and the system's programs;
what it writes elsewhere is gone when it ends. Its network is the host's: servers are reached.
"""

import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

DEPLOYED = Path(__file__).parents[2] / "deploy" / "systemd"
SOURCE = Path(__file__).parents[2] / "src"
PYTHON = (
    f"/mnt/python/{Path(sys.executable).resolve().relative_to(Path(sys.base_prefix).resolve())}"
)
ENVIRONMENT = {
    "PYTHONHOME": "/mnt/python",
    "PYTHONPATH": "/mnt/src:/mnt/site",
    "LD_LIBRARY_PATH": "/mnt/python/lib",
    "PYTHONDONTWRITEBYTECODE": "1",
}
SPACES = ("--fork", "--pid", "--mount", "--cgroup", "--uts", "--ipc", "--mount-proc")
NEEDED = (
    "basic",
    "final",
    "multi-user",
    "network-online",
    "reboot",
    "shutdown",
    "sysinit",
    "umount",
)
"""Targets of the system's own that our units and a reboot name; no other unit is there."""
OWN = ("/run", "/tmp", "/var/tmp", "/var/lib", "/srv")  # noqa: S108 - mounted over, not used
TOLD = "/run/told"
GROUP = "firmhold-test-"


@dataclass
class Machine:
    """A machine that is off."""

    units: Sequence[str]
    """What is started at boot."""
    given: Mapping[str, Path]
    """Folders of the host, by the place at which the machine has them."""
    before: Sequence[str]
    """Commands before systemd starts, as a loader and an installer would run them."""
    told: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="firmhold-")))
    """Where the output of each unit is, in a file of its name."""

    def __enter__(self) -> Self:
        """Have it, and throw it away afterwards."""
        return self

    def __exit__(self, *_: object) -> None:
        """Say what its units said, for who looks into a failure."""
        for path in sorted(self.told.iterdir()):
            sys.stdout.write(f"{path.name}\n{path.read_text()}\n")
        shutil.rmtree(self.told)

    @contextmanager
    def on(self) -> Iterator["Running"]:
        """Switch it on; at the end of the block its plug is pulled."""
        process = _in_a_mount_namespace(*self._outside())
        try:
            yield Running(process)
        finally:
            process.kill()
            process.wait()
            group = f"/mnt/{GROUP}{process.pid}"
            _in_a_mount_namespace(
                "mount -t cgroup2 none /mnt",
                f"until find {group} -depth -type d -exec rmdir {{}} + 2>/dev/null; do",
                "sleep 0.1; done",
            ).wait(10)

    def _outside(self) -> Iterator[str]:
        """Enter a group of processes of its own, and the namespaces."""
        yield "mount -t cgroup2 none /mnt"
        yield f"mkdir /mnt/{GROUP}$$ && echo $$ >/mnt/{GROUP}$$/cgroup.procs"
        yield "umount /mnt"
        inside = shlex.quote("\n".join(self._inside()))
        yield f"exec unshare {' '.join(SPACES)} --kill-child sh -ec {inside}"

    def _inside(self) -> Iterator[str]:
        yield from self._brought()
        yield from self._users()
        yield from self._installed()
        yield from (f"export {name}={value}" for name, value in ENVIRONMENT.items())
        yield from self.before
        yield f"unset {' '.join(ENVIRONMENT)}"
        yield "umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup"
        yield "mount --make-rshared /"  # credentials reach a service by that
        yield "export container=other SYSTEMD_UNIT_PATH=/mnt/units"
        yield "exec /lib/systemd/systemd --system --unit=machine.target --log-target=null"

    def _brought(self) -> Iterator[str]:
        """Have all that is given in place, and nothing else where it might be written."""
        given = {**self.given, TOLD: self.told}
        made_of = {
            "python": Path(sys.base_prefix).resolve(),
            "site": Path(sysconfig.get_paths()["purelib"]),
            "src": SOURCE,
            "deployed": DEPLOYED,
        }
        kept = {f"given-{number}": path for number, path in enumerate(given.values())}
        yield "mount --make-rprivate / && mount -t tmpfs machine /mnt"
        for name, path in {**made_of, **kept}.items():
            yield f"mkdir /mnt/{name} && mount --rbind {shlex.quote(str(path))} /mnt/{name}"
        yield from (f"mount -t tmpfs machine {place}" for place in OWN)
        for name, place in zip(kept, given, strict=True):
            yield f"mkdir -p {place} && mount --bind /mnt/{name} {place}"

    def _users(self) -> Iterator[str]:
        """Have the users that we ask for, in an /etc of its own."""
        yield "mkdir /mnt/etc && cp -a /etc/. /mnt/etc/"
        yield "systemd-sysusers --root=/mnt /mnt/deployed/firmhold.conf 2>/dev/null"
        yield "mount --bind /mnt/etc /etc"

    def _installed(self) -> Iterator[str]:
        """Have the units as they are, but for where the interpreter is and the output goes."""
        yield "mkdir /mnt/units"
        for name in NEEDED:
            yield f"cp /lib/systemd/system/{name}.target /mnt/units/"
        yield "cp /lib/systemd/system/systemd-reboot.service /mnt/units/"
        for unit in DEPLOYED.glob("*.service"):
            placed = f"sed s:/usr/bin/python3:{PYTHON}: /mnt/deployed/{unit.name}"
            yield f"{placed} >/mnt/units/{unit.name}"
            yield f"mkdir /mnt/units/{unit.name}.d"
            lines = ["[Service]", *(f"Environment={n}={v}" for n, v in ENVIRONMENT.items())]
            lines += [f"Standard{kind}=append:{TOLD}/%N" for kind in ("Output", "Error")]
            said = " ".join(shlex.quote(line) for line in lines)
            yield f"printf '%s\\n' {said} >/mnt/units/{unit.name}.d/here.conf"
        wants = f"[Unit]\\nWants={' '.join(self.units)}\\n"
        yield f"printf {shlex.quote(wants)} >/mnt/units/machine.target"


def _in_a_mount_namespace(*lines: str) -> subprocess.Popen[bytes]:
    words = ["unshare", "--mount", "sh", "-ec", "\n".join(lines)]
    return subprocess.Popen(words, stdin=subprocess.DEVNULL)  # noqa: S603 - own words


@dataclass
class Running:
    """A machine that is on."""

    process: subprocess.Popen[bytes]

    @property
    def ended(self) -> bool:
        """Whether it has switched itself off, or reboots."""
        return self.process.poll() is not None

    def asked(self, *words: str) -> str:
        """What a command says in the machine."""
        line = ["pgrep", "--parent", str(self.process.pid)]
        first = subprocess.run(line, capture_output=True, text=True, check=True).stdout.split()[0]  # noqa: S603
        inside = ["nsenter", "--target", first, "--mount", "--pid", "--cgroup", "--uts", *words]
        return subprocess.run(inside, capture_output=True, text=True, check=False).stdout  # noqa: S603
