"""Who may install a release when: signed by the authority, obeyed by the device.

Each device stands in one of 10,000 buckets of a release, by a hash that nobody chooses: another one
for the next release, so that it is not always the same devices that go first. A *wave* opens the
buckets below its bound some time after the earliest start; the last wave opens all. A Director can
send a release later than that, never earlier: a stolen one cannot skip the waves.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from firmhold.trust.device_id import DeviceId
from firmhold.trust.encoding import JsonObject, JsonValue
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import TooEarly
from firmhold.trust.shape import Shape, written_date

BUCKETS = 10_000
MAX_WAVES = 64
MAX_WAVE_SECONDS = 366 * 86_400
"""No release is spread over more than a year."""

LATEST_START = datetime(9000, 1, 1, tzinfo=UTC)
"""Later than anybody means, and early enough to count a year from."""

_TAG = b"firmhold schedule 1\x00"


@dataclass(frozen=True, slots=True)
class Wave:
    """From `after_seconds` behind the earliest start, buckets below `buckets` are open."""

    after_seconds: int
    buckets: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """Waves in the order of time, each opening more buckets than the one before, the last all."""

    earliest_start: datetime
    waves: tuple[Wave, ...]

    def to_json(self) -> JsonObject:
        """Return the form in which a release manifest bears the schedule."""
        return {
            "earliest_start": written_date(self.earliest_start),
            "waves": [
                {"after_seconds": wave.after_seconds, "buckets": wave.buckets}
                for wave in self.waves
            ],
        }


def bucket_of(device: DeviceId, release: bytes) -> int:
    """Return the bucket of a device for the release whose manifest has the digest `release`."""
    digest = hashlib.sha256(_TAG + release + device.encode()).digest()
    return int.from_bytes(digest[:8], "big") % BUCKETS


def starts_at(schedule: Schedule, device: DeviceId, release: bytes) -> datetime:
    """Return when the wave of a device begins."""
    bucket = bucket_of(device, release)
    wave = next(wave for wave in schedule.waves if bucket < wave.buckets)
    return schedule.earliest_start + timedelta(seconds=wave.after_seconds)


def due(schedule: Schedule, device: DeviceId, release: bytes, now: datetime) -> bool:
    """Tell whether a device may install by now; once it may, it always may."""
    return starts_at(schedule, device, release) <= now


def require_due(schedule: Schedule, device: DeviceId, release: bytes, now: datetime) -> None:
    """Pass if a device may install by now, else raise `Refused`."""
    begins = starts_at(schedule, device, release)
    if now < begins:
        code, what = Code.UPDATE_NOT_DUE, f"release {release.hex()}"
        raise Refused(TooEarly(code=code, what=what, begins=begins, now=now))


def read_schedule(shape: Shape, value: JsonValue, where: str) -> Schedule:
    """Read the schedule of a release manifest. Raises `Refused`."""
    members = shape.members(value, where, ("earliest_start", "waves"))
    start = shape.a_date(members["earliest_start"], f"{where}.earliest_start")
    if start > LATEST_START:
        raise shape.refusal(f"{where}.earliest_start", f"at most {written_date(LATEST_START)}")

    def wave(entry: JsonValue, place: str) -> Wave:
        found = shape.members(entry, place, ("after_seconds", "buckets"))
        return Wave(
            shape.a_number(found["after_seconds"], f"{place}.after_seconds", 0, MAX_WAVE_SECONDS),
            shape.a_number(found["buckets"], f"{place}.buckets", 1, BUCKETS),
        )

    waves = shape.a_list(members["waves"], f"{where}.waves", MAX_WAVES, wave)
    times = [wave.after_seconds for wave in waves]
    bounds = [wave.buckets for wave in waves]
    if _rising(times) != times or _rising(bounds) != bounds:
        raise shape.refusal(f"{where}.waves", "each later and larger than the one before")
    if bounds[-1:] != [BUCKETS]:
        raise shape.refusal(f"{where}.waves", f"a last one that opens all {BUCKETS} buckets")
    return Schedule(start, waves)


def _rising(numbers: list[int]) -> list[int]:
    """The numbers in order, each once."""
    return sorted(set(numbers))
