"""Which devices a rollout is open for now: a pure function of its acts and of what is known.

A device stands in one bucket of a release, by the same hash as in the release's own schedule, so a
wave here and a wave there hold the same devices. The first wave is open from the act that started
the rollout; the next one opens when the wave before it has soaked, enough of its devices have
confirmed the release, and not too many have failed. Too many failures halt the rollout by
themselves; only an operator's act lets it go on, and forgives the failures that he knew of: new
ones halt it again.

What counts as confirmed is the caller's to say (`Standing`): today a device's report; an appraised
boot takes that place without a change here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum, unique

from firmhold.trust.device_id import DeviceId
from firmhold.trust.governance.rollout_act import Action, RolloutAct, Wave
from firmhold.trust.verified import Verified
from firmhold.update.schedule import bucket_of

PERCENT = 100


@unique
class Standing(StrEnum):
    """Where a device stands towards a release."""

    WAITING = "waiting"
    CONFIRMED = "confirmed"
    FAILED = "failed"


@unique
class Halt(StrEnum):
    """Why nothing further goes out."""

    BY_OPERATOR = "by_operator"
    BY_FAILURES = "by_failures"
    BY_DATE = "by_date"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a rollout does now."""

    open_waves: int
    """Waves that are open, from the first on."""
    devices: frozenset[DeviceId]
    """Devices that the release is meant for: the open waves', and all that have it."""
    halted: Halt | None
    opened: tuple[datetime, ...]
    """When each open wave was opened: to be kept, and given to the next `plan`."""


def plan(
    acts: Sequence[Verified[RolloutAct]],
    fleet: Mapping[DeviceId, Standing],
    opened: Sequence[datetime],
    now: datetime,
    forgiven: frozenset[DeviceId] = frozenset(),
) -> Plan:
    """Plan a rollout from its acts in the order of their sequence; the last `start` gives waves.

    `opened` is what the last plan said; a plan opens one wave more than it at most. `forgiven` are
    the devices that had failed when an operator resumed the rollout.
    """
    start = next(act.value for act in reversed(acts) if act.value.action is Action.START)
    waves = [_members(wave, start.sha256, fleet) for wave in start.waves]
    known = tuple(opened[: len(waves)]) or (now,)
    halted = _halted(acts, start.waves[len(known) - 1], waves[len(known) - 1], forgiven)
    halted = Halt.BY_DATE if halted is None and start.expires <= now else halted
    if halted is None and _next_opens(start.waves, waves, known, now):
        known = (*known, now)
    return Plan(len(known), _meant(waves, len(known), fleet, halted), halted, known)


def _members(
    wave: Wave, release: bytes, fleet: Mapping[DeviceId, Standing]
) -> dict[DeviceId, Standing]:
    """The devices of a wave, those of the waves before it included."""
    return {
        device: standing
        for device, standing in fleet.items()
        if bucket_of(device, release) < wave.buckets
    }


def _halted(
    acts: Sequence[Verified[RolloutAct]],
    wave: Wave,
    devices: Mapping[DeviceId, Standing],
    forgiven: frozenset[DeviceId],
) -> Halt | None:
    """An operator's halt stands until he resumes; failures that nobody has forgiven halt."""
    if acts[-1].value.action is Action.HALT:
        return Halt.BY_OPERATOR
    counted = [standing for device, standing in devices.items() if device not in forgiven]
    failed = sum(standing is Standing.FAILED for standing in counted)
    answered = sum(standing is not Standing.WAITING for standing in counted)
    return Halt.BY_FAILURES if failed * PERCENT > wave.failed_percent * answered else None


def _next_opens(
    waves: Sequence[Wave],
    members: Sequence[Mapping[DeviceId, Standing]],
    opened: Sequence[datetime],
    now: datetime,
) -> bool:
    if len(opened) == len(waves):
        return False
    wave, devices = waves[len(opened) - 1], members[len(opened) - 1]
    soaked = opened[-1] + timedelta(seconds=wave.soak_seconds) <= now
    confirmed = sum(standing is Standing.CONFIRMED for standing in devices.values())
    return soaked and confirmed * PERCENT >= wave.confirmed_percent * len(devices)


def _meant(
    members: Sequence[Mapping[DeviceId, Standing]],
    open_waves: int,
    fleet: Mapping[DeviceId, Standing],
    halted: Halt | None,
) -> frozenset[DeviceId]:
    """A halt takes the release from those who wait; who has it keeps it."""
    has = {device for device, standing in fleet.items() if standing is Standing.CONFIRMED}
    waiting = {
        device
        for device, standing in members[open_waves - 1].items()
        if standing is Standing.WAITING and halted is None
    }
    return frozenset(has | waiting)
