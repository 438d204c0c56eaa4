"""What must hold of a device in the small, whatever happens; each function is one sentence."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

from tests.update.abstraction import LIMITS, RELEASES, Hardware, World, booted

from firmhold.trust.uptane.version_manifest import Verdict
from firmhold.update.actions import CopyPieces, WriteExtent
from firmhold.update.journal import AFTER_CONFIRM, Phase
from firmhold.update.slots import BootState, Slot, may_boot

BEFORE_CONFIRM = (Phase.WRITING, Phase.CHECKING, Phase.SWITCHING, Phase.TRIAL, Phase.CONFIRMING)


def invariant_something_signed_boots(world: World) -> bool:
    """Were the power to fail now, a whole signed system would boot, or the recovery system."""
    return _something_signed_boots(world.hardware)


@cache
def _something_signed_boots(known: Hardware) -> bool:
    running = booted(known).running
    content = known.content(running) if running is not None else None
    return running is None or (content is not None and content.whole)


def invariant_what_may_boot_is_whole(world: World) -> bool:
    """A slot that the boot chain would take is never half a system."""
    return _what_may_boot_is_whole(world.hardware)


@cache
def _what_may_boot_is_whole(known: Hardware) -> bool:
    return all(
        (content := known.content(slot)) is not None and content.whole
        for slot in Slot
        if may_boot(known.record.of(slot), LIMITS)
    )


def invariant_booted_slot_is_never_written(world: World) -> bool:
    """No byte is ever written into the slot that runs, or into one that could be booted."""
    return not any(
        action.slot is world.running or may_boot(world.record.of(action.slot), LIMITS)
        for action in world.pending[:1]
        if isinstance(action, WriteExtent | CopyPieces)
    )


def invariant_never_below_floor(world: World) -> bool:
    """What runs, and what would boot next, has at least the security counter of the floor."""
    return _never_below_floor(world.hardware)


@cache
def _never_below_floor(known: Hardware) -> bool:
    slots = (known.running, booted(known).running)
    contents = [known.content(slot) for slot in slots if slot is not None]
    return all(
        content is not None and content.release.security_counter >= known.floor
        for content in contents
    )


def invariant_floor_only_after_confirm_and_resync(before: World, _: str, after: World) -> bool:
    """The floor rises only when both slots hold what it asks for, whole, and both are good."""
    if after.hardware.floor == before.hardware.floor:
        return True
    contents = [before.content(slot) for slot in Slot]
    return all(
        content is not None
        and content.whole
        and content.release.security_counter >= after.floor
        and before.record.of(slot).state is BootState.GOOD
        for slot, content in zip(Slot, contents, strict=True)
    )


def invariant_confirmed_slot_keeps_its_tries(before: World, name: str, after: World) -> bool:
    """However often the power fails: booting a good slot leaves the record as it was."""
    if name not in ("cut", "reboot") or after.running is None:
        return True
    return after.record.of(after.running).state is not BootState.GOOD or (
        after.record == replace(before.record, last=after.running)
    )


def invariant_no_success_before_confirmed_boot(before: World, _: str, after: World) -> bool:
    """*Installed* is said of what runs, whole, and what the boot chain has as good; only then."""
    said = after.said
    if said is None or said.verdict is not Verdict.INSTALLED or said == before.said:
        return True
    running = after.running
    content = after.content(running) if running is not None else None
    return (
        running is not None
        and content is not None
        and content.whole
        and content.release.digest == said.release
        and after.record.of(running).state is BootState.GOOD
    )


def invariant_tombstoned_release_is_not_retried(before: World, _: str, after: World) -> bool:
    """A release that failed is begun again by recovery only, and not more often than allowed."""
    if after.mind is before.mind:
        return True
    job, old = after.state.job, before.state.job
    if job is None or after.state.phase is not Phase.WRITING:
        return True
    if old is not None and old.accepted == job.accepted:
        return True
    most = 1 if after.running is not None else LIMITS.failures
    return after.state.failed(job.accepted.release) < most


def invariant_withdrawn_release_goes_no_further(before: World, name: str, after: World) -> bool:
    """What is withdrawn is ended, unless it was confirmed here before: then nothing changes."""
    withdrawn = _withdrawn(before, name) if "withdraw" in name else None
    if withdrawn is None:
        return True
    verb, confirmed = name.split(maxsplit=1)[0], before.state.confirmed
    if confirmed is not None and confirmed.release == withdrawn and verb == "withdraw":
        return after.state == before.state
    job = after.state.job
    known = confirmed is not None and confirmed.release == withdrawn
    under_way = job is not None and job.accepted.release == withdrawn
    return known or not under_way or after.state.phase not in BEFORE_CONFIRM


def _withdrawn(before: World, name: str) -> object:
    """The release that a move withdraws."""
    if name in ("start withdrawn", "restart withdrawn"):
        return before.state.job.accepted.release if before.state.job is not None else None
    verb, _, number = name.partition(" ")
    return RELEASES[int(number)] if verb == "withdraw" else None


def invariant_confirmed_work_is_of_the_confirmed(world: World) -> bool:
    """What is copied to the spare slot is what was confirmed, and the spare slot is not the one."""
    job = world.state.job
    if world.state.phase not in AFTER_CONFIRM or job is None:
        return True
    confirmed = world.state.confirmed
    return confirmed is not None and confirmed.release == job.accepted.release


def invariant_cuts_alone_never_need_recovery(world: World) -> bool:
    """Where nothing is broken but the power, a slot boots, and a trial has a way back."""
    if world.running is None:
        return False
    spare = world.record.of(world.running.other)
    trial = world.record.of(world.running).state is BootState.UNKNOWN
    return not trial or spare.state is BootState.GOOD


OF_WORLDS: tuple[Callable[[World], bool], ...] = (
    invariant_something_signed_boots,
    invariant_what_may_boot_is_whole,
    invariant_booted_slot_is_never_written,
    invariant_never_below_floor,
    invariant_confirmed_work_is_of_the_confirmed,
)
"""What holds of every world."""

OF_MOVES: tuple[Callable[[World, str, World], bool], ...] = (
    invariant_floor_only_after_confirm_and_resync,
    invariant_confirmed_slot_keeps_its_tries,
    invariant_no_success_before_confirmed_boot,
    invariant_tombstoned_release_is_not_retried,
    invariant_withdrawn_release_goes_no_further,
)
"""What holds of every move: the world before it, its name, and the world after it."""
