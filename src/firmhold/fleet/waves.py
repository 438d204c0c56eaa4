"""The waves of a rollout as an operator writes them: `1,10,100` percent of the devices."""

import itertools
from datetime import datetime, timedelta

from firmhold.trust.device_id import DeviceId
from firmhold.trust.errors import Code, Misuse, UsageFault
from firmhold.trust.governance.rollout_act import MOST_BUCKETS, Wave
from firmhold.update.schedule import bucket_of

HUNDRED = 100


def read_waves(text: str, soak_seconds: int, confirmed: int, failed: int) -> tuple[Wave, ...]:
    """Return waves from shares of all devices, in percent, each larger than the one before."""
    try:
        shares = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise _misuse(text) from error
    buckets = [round(share * MOST_BUCKETS / HUNDRED) for share in shares]
    if sorted(set(buckets)) != buckets or buckets[0] < 1 or buckets[-1] != MOST_BUCKETS:
        raise _misuse(text)
    return tuple(Wave(bound, soak_seconds, confirmed, failed) for bound in buckets)


def devices_by_wave(
    waves: tuple[Wave, ...], devices: list[DeviceId], release: bytes
) -> list[list[DeviceId]]:
    """Return which devices each wave adds."""
    bounds = [0, *(wave.buckets for wave in waves)]
    buckets = {device: bucket_of(device, release) for device in devices}
    return [
        [device for device, bucket in buckets.items() if low <= bucket < high]
        for low, high in itertools.pairwise(bounds)
    ]


def expiry(now: datetime, days: int) -> datetime:
    """Return when an act that is signed now counts no more."""
    return now.replace(microsecond=0) + timedelta(days=days)


def _misuse(text: str) -> Misuse:
    what = f"waves are rising percentages that end with 100, as 1,10,100; not {text}"
    return Misuse(UsageFault(code=Code.MISUSE, what=what))
