"""Row 11, for a device of ours: its time is what was signed, so nobody sets it back."""

from datetime import timedelta
from pathlib import Path

import pytest
from tests.attacks.timed_device import TimedDevice, TimedVendor

from firmhold.sim.clock import BEGIN
from firmhold.trust.errors import Code
from firmhold.trust.faults import Expired, Mismatch


@pytest.fixture(name="device")
def _device(tmp_path: Path) -> TimedDevice:
    """A device that has heard the time of the vendor's first day."""
    device = TimedDevice(TimedVendor(tmp_path))
    device.wait(3600)
    assert device.check_in() is None
    return device


def test_time_never_falls_below_the_newest_signed_time(device: TimedDevice) -> None:
    """A reboot without network and without a clock begins where the last signed time was."""
    heard = device.vendor.clock.now()
    device.boot()
    assert device.now == heard
    device.wait(1000)
    assert heard < device.now <= device.vendor.clock.now()


def test_an_old_answer_replayed_is_no_answer(device: TimedDevice) -> None:
    """Whoever recorded an answer sets no clock back with it: it answers another nonce."""
    question = device.question()
    recorded, proofs = device.vendor.server().answer(device.vendor.clock.now(), question)
    assert device.hear(question, recorded, proofs[0]) is None
    kept = dict(device.flash)

    assert device.hear(device.question(), recorded, proofs[0]) is Code.FRESHNESS_OTHER_QUESTION
    assert device.failure is not None
    assert isinstance(device.failure.fault, Mismatch)

    device.boot()
    assert {**device.flash, "floor": b""} == {**kept, "floor": b""}
    assert device.now == device.vendor.clock.now()


def test_an_answer_that_is_held_back_grows_old(device: TimedDevice) -> None:
    """The device counts while it waits: an answer of an hour ago is over when it comes."""
    question = device.question()
    asked = device.vendor.clock.now()
    held, proofs = device.vendor.server().answer(asked, question)
    device.wait(3600)

    assert device.hear(question, held, proofs[0]) is Code.FRESHNESS_OVER
    assert device.failure is not None
    assert isinstance(device.failure.fault, Expired)
    assert device.now > asked


def test_expired_metadata_are_a_freeze_though_no_clock_says_so(device: TimedDevice) -> None:
    """A mirror that stands still for a month is told by the signed time, after a reboot too."""
    for _ in range(31):
        device.boot()
        device.vendor.clock.advance(timedelta(days=1))
        device.wait(60)
        device.check_in()
    assert device.check_in() is Code.TUF_FREEZE_TIMESTAMP
    assert device.now > BEGIN + timedelta(days=30)


def test_a_mirror_that_withholds_the_newest_is_told_at_once(device: TimedDevice) -> None:
    """The statement names the newest timestamp: an older one is refused before it expires."""
    old = device.vendor.repository.published["timestamp"]
    device.vendor.release()
    device.vendor.repository.lie("timestamp", old)
    assert device.check_in() is Code.FRESHNESS_OLD_TIMESTAMP
