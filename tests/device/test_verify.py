"""From the Director's word to what this device installs now: each rule, broken once."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.device.conftest import ONE, TWO

from firmhold.drill.rehearsal import DEVICE, Rehearsal
from firmhold.sim.releases import MAIN, PRODUCT
from firmhold.trust.errors import Code
from firmhold.trust.uptane.component import ComponentId
from firmhold.trust.uptane.version_manifest import Verdict
from firmhold.update.release import HardwareRange, Release, ReleaseClass
from firmhold.update.schedule import BUCKETS, Schedule, Wave
from firmhold.update.security import Revert
from firmhold.update.version import AgentVersion, ReleaseCounter, SecurityCounter

HINT = f"security/{PRODUCT}/leave.json"


def second(device: Rehearsal, **changes: object) -> Release:
    """Release 2 with something else in its manifest; not named by anybody yet."""
    made = device.domain.made(TWO, 2, security=1)
    return replace(made, **changes)  # type: ignore[arg-type]


def offer(
    device: Rehearsal, release: Release, authority: str = "feature", *, patched: str | None = None
) -> None:
    """Have an authority name a manifest, and the Director assign it."""
    path = device.domain.path(release.counter, authority)
    hints = {} if patched is None else {"patched": patched}
    device.domain.name(release, authority)
    device.domain.publish("feature", "security")
    device.domain.assign(DEVICE, path, hints=hints)


def made_for_other_revisions(release: Release) -> Release:
    """The same for revisions that are still to be built."""
    part = release.components[0]
    later = tuple(replace(each, first=7, last=9) for each in part.hardware)
    return replace(release, components=(replace(part, hardware=later),))


def made_for_another_model(release: Release) -> Release:
    """The same for another model."""
    part = release.components[0]
    other = (HardwareRange(type(part.hardware[0].model)("other-1"), 1, 4),)
    return replace(release, components=(replace(part, hardware=other),))


def due_tomorrow(release: Release) -> Release:
    """The same, from tomorrow on."""
    start = release.schedule.earliest_start + timedelta(days=1)
    return replace(release, schedule=Schedule(start, (Wave(0, BUCKETS),)))


def needing_more(**changes: object) -> Callable[[Release], Release]:
    """The same with other needs."""
    return lambda release: replace(release, **changes)  # type: ignore[arg-type]


UNFIT: Mapping[str, tuple[Callable[[Release], Release], Code]] = {
    "revision": (made_for_other_revisions, Code.UPDATE_HARDWARE_REVISION),
    "model": (made_for_another_model, Code.UPTANE_IMAGE_HARDWARE),
    "wave": (due_tomorrow, Code.UPDATE_NOT_DUE),
    "agent": (needing_more(agent=AgentVersion(9, 0, 0)), Code.UPDATE_AGENT),
    "required": (
        needing_more(counter=ReleaseCounter(3), required_counter=ReleaseCounter(2)),
        Code.UPDATE_REQUIRED_RELEASE,
    ),
    "counter": (needing_more(security_counter=SecurityCounter(7)), Code.UPDATE_SECURITY_COUNTER),
    "trust by one": (
        needing_more(release_class=ReleaseClass.TRUST),
        Code.TUF_NO_SUCH_TARGET,
    ),
}


@pytest.mark.parametrize(("change", "code"), UNFIT.values(), ids=UNFIT)
def test_a_genuine_release_that_is_not_for_this_device_now_is_refused(
    device: Rehearsal, change: Callable[[Release], Release], code: Code
) -> None:
    """Signed by its authority and assigned by the Director, and still not to be installed."""
    before = device.flash()
    offer(device, change(second(device)))
    assert device.check_in() is code, device.failure
    device.live()
    assert device.flash() == before


def test_a_component_that_the_device_does_not_have_is_refused(device: Rehearsal) -> None:
    """The Director cannot order something for a part that is not there."""
    device.domain.assign(DEVICE, device.domain.path(1), component=ComponentId("radio"))
    assert device.check_in() is Code.UPDATE_UNKNOWN_COMPONENT


def test_nothing_assigned_is_nothing_to_do(device: Rehearsal) -> None:
    """A device that is to stay as it is stays as it is."""
    device.domain.assign(DEVICE)
    assert device.check_in() is None
    assert device.memory().state.job is None


def test_what_runs_already_is_not_installed_again(device: Rehearsal) -> None:
    """The Director goes on naming the release that a device has."""
    before = device.flash()
    assert device.check_in() is None
    assert device.flash() == before


def test_trust_stands_under_both_authorities(device: Rehearsal) -> None:
    """What changes the device's trust is installed when both name the same bytes."""
    release = second(device, release_class=ReleaseClass.TRUST)
    device.domain.name(release, "security")
    offer(device, release)
    assert device.update() is None, device.failure
    assert device.memory().state.confirmed is not None


def patching(device: Rehearsal) -> Release:
    """A security release that patches what the device runs."""
    return second(
        device,
        release_class=ReleaseClass.SECURITY,
        security_counter=SecurityCounter(2),
        patches=device.domain.releases[1].digest,
    )


def test_a_security_release_patches_what_runs(device: Rehearsal) -> None:
    """With the patched manifest pointed out, the security authority alone mends the device."""
    patched = device.domain.path(1)
    offer(device, patching(device), "security", patched=patched)
    assert device.update() is None, device.failure
    assert device.machine.floor.counter == 2


def test_a_device_in_doubt_is_still_patched(device: Rehearsal) -> None:
    """Who lies about the time keeps no security release from a device."""
    offer(device, patching(device), "security", patched=device.domain.path(1))
    far = device.domain.clock.now() + timedelta(days=4000)
    assert device.check_in(device.domain.check_in(DEVICE, device.ask().nonce, far)) is None
    device.live()
    assert device.machine.floor.counter == 2


@pytest.mark.parametrize(
    ("hint", "code"),
    [
        (None, Code.UPDATE_PATCHED_ABSENT),
        ("feature/thing/2.json", Code.UPDATE_PATCHED_DIGEST),
        ("feature/thing/77.json", Code.TUF_NO_SUCH_TARGET),
        ("security/counters/thing.json", Code.UPDATE_MANIFEST_FORMAT),
    ],
)
def test_a_wrong_hint_about_what_is_patched_leads_nowhere(
    device: Rehearsal, hint: str | None, code: Code
) -> None:
    """What the Director points to speaks for itself, or for nothing."""
    device.domain.name(device.domain.made(TWO, 2, security=1))
    patch = replace(patching(device), counter=ReleaseCounter(3))
    offer(device, patch, "security", patched=hint)
    assert device.check_in() is code, device.failure


def test_a_patch_for_another_release_is_not_installed(device: Rehearsal) -> None:
    """A patch of release 2 is none for a device with release 1."""
    device.domain.name(device.domain.made(TWO, 2, security=1))
    digest = device.domain.releases[2].digest
    patch = replace(patching(device), counter=ReleaseCounter(3), patches=digest)
    offer(device, patch, "security", patched=device.domain.path(2))
    assert device.check_in() is Code.UPDATE_PATCHES_OTHER


def with_release_two(device: Rehearsal) -> None:
    """Bring the device to release 2, of the same security counter."""
    device.offer(TWO, 2, security=1)
    assert device.update() is None
    device.wait(60)


def give_leave(device: Rehearsal, *devices: str, days: int = 1, back_to: int = 1) -> None:
    """Have the security authority let devices go back from release 2."""
    leave = Revert(
        product=PRODUCT,
        devices=tuple(type(DEVICE)(each) for each in devices),
        from_counter=ReleaseCounter(2),
        to_counter=ReleaseCounter(back_to),
        expires=device.domain.clock.now() + timedelta(days=days),
    )
    device.domain.image.add_target("security", HINT, leave.to_bytes())
    device.domain.publish("security")


def test_a_device_goes_back_by_leave_of_the_security_authority(device: Rehearsal) -> None:
    """With leave for this device and this step, an older release is installed again."""
    with_release_two(device)
    give_leave(device, DEVICE)
    device.domain.assign(DEVICE, device.domain.path(1), hints={"revert": HINT})
    assert device.update() is None, device.failure
    outcome = device.memory().state.outcome
    assert outcome is not None
    assert (outcome.release, outcome.verdict) == (
        device.domain.releases[1].digest,
        Verdict.INSTALLED,
    )


def test_leave_for_another_device_is_none(device: Rehearsal) -> None:
    """Devices are named, each by its name."""
    with_release_two(device)
    give_leave(device, "device-2")
    device.domain.assign(DEVICE, device.domain.path(1), hints={"revert": HINT})
    assert device.check_in() is Code.UPDATE_REVERT_DEVICE


def test_leave_ends(device: Rehearsal) -> None:
    """Leave is given for a time."""
    with_release_two(device)
    give_leave(device, DEVICE)
    device.domain.assign(DEVICE, device.domain.path(1), hints={"revert": HINT})
    device.wait(2 * 86_400)
    assert device.check_in() is Code.UPDATE_REVERT_EXPIRED


def test_leave_by_the_feature_authority_is_none(device: Rehearsal) -> None:
    """Only the security authority lets a device go back."""
    with_release_two(device)
    give_leave(device, DEVICE)
    place = f"feature/{PRODUCT}/leave.json"
    data = (device.domain.folder / "image" / "targets").glob(f"**/{PRODUCT}/*leave.json")
    device.domain.image.add_target("feature", place, next(iter(data)).read_bytes())
    device.domain.publish("feature")
    device.domain.assign(DEVICE, device.domain.path(1), hints={"revert": place})
    assert device.check_in() is Code.UPDATE_NOT_SECURITY


def test_without_the_hint_there_is_no_way_back(device: Rehearsal) -> None:
    """A Director that does not point to leave sends a downgrade."""
    with_release_two(device)
    give_leave(device, DEVICE)
    device.domain.assign(DEVICE, device.domain.path(1))
    assert device.check_in() is Code.UPTANE_RELEASE_COUNTER


def test_leave_opens_no_other_step(device: Rehearsal) -> None:
    """Leave to go from 2 to 1 lets nobody install what is older still."""
    old = device.domain.made(ONE, 1, security=1)
    device.domain.name(replace(old, counter=ReleaseCounter(1)))
    with_release_two(device)
    give_leave(device, DEVICE)
    third = device.domain.made(ONE, 3, security=1)
    device.domain.name(third)
    device.domain.publish("feature")
    device.domain.assign(DEVICE, device.domain.path(3))
    assert device.update() is None
    device.domain.assign(DEVICE, device.domain.path(1), hints={"revert": HINT})
    assert device.check_in() is Code.UPDATE_REVERT_STEP


def test_a_release_that_is_taken_back_is_not_finished(device: Rehearsal) -> None:
    """What the newest word does not name any more ends at the next start, and the old one runs."""
    device.offer(TWO, 2, security=1)
    payloads = dict(device.domain.payloads.files)
    device.domain.payloads.files.clear()
    assert device.check_in() is Code.FETCH_NOT_FOUND
    assert device.memory().state.job is not None

    device.domain.payloads.files |= payloads
    del device.domain.image.targets("feature").targets[device.domain.path(2)]
    device.domain.publish("feature")
    device.domain.assign(DEVICE, device.domain.path(1))
    device.check_in()
    device.live()
    outcome = device.memory().state.outcome
    assert outcome is not None
    assert outcome.verdict is Verdict.WITHDRAWN
    assert MAIN in device.device().parts
    assert device.device().parts[MAIN].counter == 1
