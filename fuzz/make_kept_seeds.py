"""Makes the seeds of `fuzz.kept_words` anew: the same in every run.

python fuzz/make_kept_seeds.py
"""

import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from firmhold.device.config import Config
from firmhold.trust.device_id import DeviceId
from firmhold.trust.uptane.component import ComponentId, HardwareId
from firmhold.update.journal import Accepted, Candidate, Failure, Job, Phase, State
from firmhold.update.pieces import Image
from firmhold.update.slots import Slot
from fuzz.planting import plant

_ACCEPTED = Accepted(
    Candidate(bytes(32), 2, 1, 3, Image(70_000, bytes(32))), datetime(2030, 1, 1, tzinfo=UTC)
)
_RELEASE = b"""product = "camera"
class = "feature"
version = "1.0"
[[components]]
id = "main"
type = "system"
image = "a.img"
hardware = [{ model = "camera-1", first = 1, last = 4 }]
"""


def main() -> None:
    """Replace the seeds of every target of `fuzz.kept_words`."""
    plant("memory", _states())
    plant("device_files", _files())
    plant("description", _descriptions())


def _states() -> dict[str, bytes]:
    job = Job(_ACCEPTED, Slot.B, 1, 1)
    seeds = {"new": State().to_bytes(), "cut": State().to_bytes()[:40]}
    for phase in Phase:
        idle = phase is Phase.IDLE
        state = State(phase, Slot.A, 1, None if idle else job, confirmed=_ACCEPTED)
        seeds[phase.value] = state.to_bytes()
    failed = replace(State(), failures=(Failure(bytes(32), 3),))
    return {**seeds, "failed": failed.to_bytes()}


def _files() -> dict[str, bytes]:
    slots = {Slot.A: Path("/slot-a"), Slot.B: Path("/slot-b")}
    device, model = DeviceId("camera-7"), HardwareId("camera-1")
    config = Config(device, "camera", ComponentId("main"), model, 2, ("line-9",), slots)
    return {
        "config": config.to_bytes(),
        "good": b'{"bites":0,"state":"good","tries_left":0}',
        "unknown": b'{"bites":0,"state":"unknown","tries_left":3}',
        "slot": b'"a"',
        "nobody": b"null",
        "empty": b"",
    }


def _descriptions() -> dict[str, bytes]:
    return {
        "honest": _RELEASE,
        "waves": b"[schedule]\nearliest_start = 2031-01-01T00:00:00Z\nwaves = []\n" + _RELEASE,
        "misspelt": _RELEASE.replace(b"version", b"verison"),
        "deep": b"a = " + b"[" * 50 + b"]" * 50,
        "empty": b"",
    }


if __name__ == "__main__":
    main()
