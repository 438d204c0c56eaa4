"""The last word before an installation: this set, on this device, now.

A release is verified by itself (`rules.verify_release`); whether this device may take it now is a
question about the whole set of components that change at one stroke. In order:

1. the set fits the device, wholly (`compatibility`);
2. a device that doubts the time takes nothing but what mends it: releases of class *security* and
   *trust* (design: the recovery class);
3. the wave of this device has begun for every release of the set (`schedule`).

An installation begins with an `Admission` and with nothing less.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Mismatch
from firmhold.trust.uptane.component import ComponentId
from firmhold.trust.verified import Verified, seal
from firmhold.update.compatibility import Device, Leave, Set, require_compatible
from firmhold.update.release import Release, ReleaseClass
from firmhold.update.schedule import require_due


@dataclass(frozen=True, slots=True)
class Moment:
    """When a device judges, by its time floor, and whether it doubts that time."""

    now: datetime
    recovery: bool = False


@dataclass(frozen=True, slots=True)
class Admission:
    """What a device may install, and when that was judged: it is finished under that moment."""

    releases: Mapping[ComponentId, Release]
    at: datetime


def admit(
    chosen: Set, device: Device, moment: Moment, leave: Leave | None = None
) -> Verified[Admission]:
    """Return the set as one that `device` may install now. Raises `Refused`."""
    # 1. fits, wholly
    require_compatible(chosen, device, leave)
    releases = {name: release.value for name, release in chosen.items()}
    for release in releases.values():
        # 2. nothing but what mends a device in doubt
        if moment.recovery and release.release_class is ReleaseClass.FEATURE:
            code, found = Code.UPDATE_RECOVERY_CLASS, release.release_class.value
            expected = f"{ReleaseClass.SECURITY} or {ReleaseClass.TRUST}"
            raise Refused(Mismatch(code=code, what="class", expected=expected, found=found))
        # 3. in its wave
        require_due(release.schedule, device.device, release.digest, moment.now)
    return seal(Admission(releases, moment.now))
