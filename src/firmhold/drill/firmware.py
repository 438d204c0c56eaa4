"""Real firmware to play with: two releases of a USB test instrument, as its makers published them.

The wheels of `cynthion` carry the gateware for twelve hardware revisions and the firmware of the
board's microcontroller (BSD-3-Clause). They are fetched once with pip, checked against the digests
below, and kept in a cache; nothing of them is executed.
"""

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from firmhold.trust.errors import Code, Misuse, Refused, Unavailable
from firmhold.trust.faults import Absent, DigestMismatch
from firmhold.trust.outer_faults import FetchFault

PACKAGE = "cynthion"
WHEELS = {
    "0.2.4": "be16564d22684fa75afdfd2fc2b7fb14e449c7821f4ce0716303c61b44f858b5",
    "0.2.5": "fd18aa736bb0201d04366319f65ef9142c574322ff5c5def473421b1642665bb",
}
"""Releases, oldest first, with the SHA-256 of their wheels."""

_GATEWARE = re.compile(r"cynthion/assets/CynthionPlatform(Rev[0-9]D[0-9])/facedancer\.bit")
_MICROCONTROLLER = "cynthion/assets/moondancer.bin"


@dataclass(frozen=True, slots=True)
class Firmware:
    """One release: its version for people, and its files by name."""

    product: str
    version: str
    files: Mapping[str, bytes]


def gateware_for(revision: str) -> str:
    """Return the file name of the gateware for a hardware revision, such as `rev1d4`."""
    return f"facedancer-{revision}.bit"


def real_firmware() -> list[Firmware]:
    """Return the pinned releases, oldest first; they are fetched if they are not in the cache."""
    return [_unpacked(version, _wheel(version, digest)) for version, digest in WHEELS.items()]


def own_firmware(old: Path, new: Path) -> list[Firmware]:
    """Return two files of the caller's as two releases of one image."""
    return [
        Firmware("own", version, {OWN_IMAGE: _read(path)})
        for version, path in (("1", old), ("2", new))
    ]


OWN_IMAGE = "firmware.img"


def _wheel(version: str, sha256: str) -> bytes:
    name = f"{PACKAGE}-{version}-py3-none-any.whl"
    cached = _cache() / name
    if not cached.is_file():
        _fetch(version, sha256, cached)
    data = cached.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        cached.unlink()
        raise Refused(
            DigestMismatch(
                code=Code.DRILL_FIRMWARE_DIGEST,
                what=name,
                algorithm="sha256",
                expected=sha256,
                found=found,
            )
        )
    return data


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "firmhold" / "firmware"


def _fetch(version: str, sha256: str, cached: Path) -> None:
    """Have pip bring one wheel and nothing that it depends on."""
    cached.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cached.parent) as folder:
        wanted = Path(folder) / "wanted.txt"
        wanted.write_text(f"{PACKAGE}=={version} --hash=sha256:{sha256}\n")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--disable-pip-version-check", "--only-binary", ":all:", "--require-hashes"]
        command += ["--dest", folder, "--requirement", str(wanted)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words only
        brought = Path(folder) / cached.name
        if done.returncode or not brought.is_file():
            detail = done.stderr.strip().splitlines()[-1:] or ["pip brought nothing"]
            fault = FetchFault(
                code=Code.FETCH_UNREACHABLE, url=f"{PACKAGE}=={version}", detail=detail[0]
            )
            raise Unavailable(fault)
        brought.replace(cached)


def _unpacked(version: str, wheel: bytes) -> Firmware:
    files: dict[str, bytes] = {}
    with tempfile.TemporaryFile() as file:
        file.write(wheel)
        with zipfile.ZipFile(file) as archive:
            for name in archive.namelist():
                if found := _GATEWARE.fullmatch(name):
                    files[gateware_for(found[1].lower())] = archive.read(name)
            files["moondancer.bin"] = archive.read(_MICROCONTROLLER)
    return Firmware(PACKAGE, version, files)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        fault = Absent(code=Code.RELEASE_NO_SUCH_FILE, name=str(path), listed_in="arguments")
        raise Misuse(fault) from error
