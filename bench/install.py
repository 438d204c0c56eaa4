"""A verified install beside what the same machine needs to hash, to unpack and to write the image.

    python bench/install.py                    a made image of 64 MiB
    python bench/install.py --image FILE       any image
    python bench/install.py --runs 5

Every line is the median of some runs, all of one session, taken in turn: user and system time, wall
time and peak memory of the whole process (or of the processes of a pipe), and the ratio of its user
and system time to that of `sha256sum`. The install is `firmhold device install` from a medium:
checks, extents, the spare slot, read back past the cache.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from firmhold.device.cli import main as device
from firmhold.release.adapters.folder import FolderDesk, FolderSite
from firmhold.release.build import build_document, build_release
from firmhold.release.bundle import Order, bundle
from firmhold.release.description import read_description
from firmhold.release.domain import OFFLINE, make_domain
from firmhold.release.entries import counter_path
from firmhold.release.keys import default_holders
from firmhold.sim.signer import sim_signer
from firmhold.sim.vendor import SimVendor
from firmhold.trust.settings.trust_settings import SETTINGS_PATH
from firmhold.update.security import ProductCounter
from firmhold.update.version import SecurityCounter

MEBIBYTE = 1 << 20
DESCRIPTION = """
product = "bench"
class = "feature"
version = "1.0"
[[components]]
id = "main"
type = "system"
image = "image"
hardware = [{ model = "bench", first = 1, last = 1 }]
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What some processes cost together, in seconds and MiB."""

    user: float
    system: float
    wall: float
    memory: float


def main(arguments: Sequence[str]) -> int:
    """Measure and print; the exit status is 0 if everything ran."""
    parser = argparse.ArgumentParser(prog="bench/install.py", description=__doc__)
    parser.add_argument("--image", type=Path, help="any file; a made one of 64 MiB if not given")
    parser.add_argument("--mebibytes", type=int, default=64, help="size of the made one")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="firmhold-bench-", dir=Path.cwd()) as folder:
        place = Path(folder)
        image = place / "image"
        if options.image is None:
            image.write_bytes(made_image(options.mebibytes * MEBIBYTE))
        else:
            shutil.copyfile(options.image, image)
        prepare(place, image)
        report(image, measure(place, image, options.runs))
    return 0


def made_image(length: int) -> bytes:
    """Bytes of which zstd makes about half: pages of noise and pages of words, in turn."""
    chance, parts, done = Random(1), [], 0
    words = [chance.randbytes(chance.randrange(3, 12)).hex().encode() for _ in range(4000)]
    while done < length:
        noise = chance.randbytes(4096)
        text = b" ".join(chance.choice(words) for _ in range(700))
        parts += [noise, text]
        done += len(noise) + len(text)
    return b"".join(parts)[:length]


def prepare(place: Path, image: Path) -> None:
    """A domain, the release, a medium, a device; and the image as zstd packs it."""
    vendor = SimVendor(FolderDesk(place / "desk"), FolderSite(place / "site"))
    desk, now = vendor.desk, vendor.clock.now()
    made = make_domain({n: sim_signer(n) for n in default_holders("root")}, sim_signer, now)
    (place / "director.root.json").write_bytes(made.director_root)
    (place / "settings.json").write_bytes(made.settings)
    build_document(desk, SETTINGS_PATH, made.settings, now)
    counter = ProductCounter("bench", SecurityCounter(0)).to_bytes()
    build_document(desk, counter_path("bench"), counter, now)
    published(vendor, "targets", "security")
    build_release(desk, read_description(DESCRIPTION.encode(), place), now)
    published(vendor, "feature")
    order = Order("feature/bench/1.json", ("bench-1",), 7)
    bundle(desk, FolderSite(place / "medium"), order, [sim_signer(n) for n in OFFLINE[:2]], now)
    for slot in "ab":
        with (place / f"slot-{slot}").open("wb") as file:
            file.truncate(image.stat().st_size)
    subprocess.run(["zstd", "-q", "-12", "-k", str(image)], check=True)


def published(vendor: SimVendor, *roles: str) -> None:
    """Have the drafts of roles signed, and publish."""
    for role in roles:
        vendor.sign(role, f"{role}-1", f"{role}-2")
    vendor.publish()


def fresh_device(place: Path) -> None:
    """A device that has installed nothing."""
    shutil.rmtree(place / "state", ignore_errors=True)
    words = ["--state", str(place / "state"), "init", "--device", "bench-1", "--product", "bench"]
    words += ["--component", "main", "--model", "bench", "--revision", "1"]
    words += ["--slot-a", str(place / "slot-a"), "--slot-b", str(place / "slot-b")]
    words += ["--image-root", str(place / "desk" / "metadata" / "1.root.json")]
    words += ["--director-root", str(place / "director.root.json")]
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - a device, not a path
        standard, sys.stdout = sys.stdout, nowhere
        try:
            status = device([*words, "--settings", str(place / "settings.json")])
        finally:
            sys.stdout = standard
    if status:
        raise SystemExit(status)


def measure(place: Path, image: Path, runs: int) -> dict[str, list[Cost]]:
    """Run everything in turn, so that what else the machine does falls on all alike."""
    packed, spare = f"{image}.zst", place / "slot-written"
    install = [sys.executable, "-m", "firmhold", "device", "--state", str(place / "state")]
    shell = ["/bin/sh", "-c"]
    works: dict[str, tuple[Callable[[], None], list[str]]] = {
        "sha256sum": (lambda: None, ["sha256sum", str(image)]),
        "zstd -dc": (lambda: None, [*shell, f"zstd -q -dc {packed} >/dev/null"]),
        "zstd -dc | dd conv=fsync": (
            lambda: None,
            [*shell, f"zstd -q -dc {packed} | dd of={spare} bs=1M conv=fsync status=none"],
        ),
        "firmhold device status": (lambda: fresh_device(place), [*install, "status"]),
        "firmhold device install": (
            lambda: fresh_device(place),
            [*install, "install", "--from", str(place / "medium")],
        ),
    }
    costs: dict[str, list[Cost]] = {name: [] for name in works}
    for _ in range(runs):
        for name, (before, words) in works.items():
            before()
            costs[name].append(cost(words))
    return costs


METER = """
import json, os, sys, time
begin = time.monotonic()
quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
_, status, used = os.wait4(child, 0)
wall = time.monotonic() - begin
print(json.dumps([status, used.ru_utime, used.ru_stime, wall, used.ru_maxrss / 1024]))
"""
"""Runs a command from a small process: a large one would be counted into the command's memory."""


def cost(words: Sequence[str]) -> Cost:
    """Run a command; return what it and its children cost."""
    meter = [sys.executable, "-I", "-S", "-c", METER, *words]
    told = subprocess.run(meter, check=True, capture_output=True, text=True)
    status, user, system, wall, memory = json.loads(told.stdout)
    if status:
        failed = f"{' '.join(words)}: status {status}\n{told.stderr}"
        raise SystemExit(failed)
    return Cost(user, system, wall, memory)


def report(image: Path, costs: dict[str, list[Cost]]) -> None:
    """Print the table."""
    size = image.stat().st_size / MEBIBYTE
    packed = Path(f"{image}.zst").stat().st_size / MEBIBYTE
    print(
        f"image {size:.1f} MiB, packed {packed:.1f} MiB; medians of {len(costs['sha256sum'])} runs"
    )
    print("| | user s | system s | wall s | peak MiB | CPU ratio to sha256sum |")
    print("|---|---|---|---|---|---|")
    whole = median(costs["sha256sum"])
    for name, runs in costs.items():
        each = median(runs)
        ratio = (each.user + each.system) / (whole.user + whole.system)
        print(
            f"| `{name}` | {each.user:.2f} | {each.system:.2f} | {each.wall:.2f} "
            f"| {each.memory:.0f} | {ratio:.1f} |"
        )


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each figure."""
    return Cost(
        *(statistics.median(getattr(each, name) for each in costs) for name in Cost.__slots__)
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
