"""The last word before an installation: the whole set, on this device, now."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.update.test_compatibility import DEVICE, DEVICE_ID, NEW, chosen

from firmhold.sim.releases import MAIN, PRODUCT, RADIO, START
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Mismatch
from firmhold.trust.verified import seal
from firmhold.update.admission import Admission, Moment, admit
from firmhold.update.compatibility import Leave
from firmhold.update.release import ReleaseClass
from firmhold.update.schedule import BUCKETS, Schedule, Wave
from firmhold.update.security import Revert
from firmhold.update.version import ReleaseCounter

NOW = START + timedelta(days=2)
"""All waves of `NEW` have begun."""


def test_what_is_admitted_is_the_set_and_the_moment() -> None:
    """An installation is finished under the moment at which it was admitted."""
    admission = admit(chosen(main=NEW, radio=NEW), DEVICE, Moment(NOW))
    assert admission.value == Admission({MAIN: NEW, RADIO: NEW}, NOW)


def test_a_set_that_does_not_fit_is_not_admitted() -> None:
    """Half a release is refused here too."""
    with pytest.raises(Refused) as error:
        admit(chosen(main=NEW), DEVICE, Moment(NOW))
    assert error.value.code is Code.UPDATE_SET_PARTIAL


def test_a_device_that_doubts_the_time_takes_no_feature() -> None:
    """Who cannot tell the time is not given what only the right time would permit."""
    with pytest.raises(Refused) as error:
        admit(chosen(main=NEW, radio=NEW), DEVICE, Moment(NOW, recovery=True))
    assert error.value.fault == Mismatch(
        code=Code.UPDATE_RECOVERY_CLASS,
        what="class",
        expected="security or trust",
        found="feature",
    )


@pytest.mark.parametrize("mending", [ReleaseClass.SECURITY, ReleaseClass.TRUST])
def test_a_device_that_doubts_the_time_is_mended(mending: ReleaseClass) -> None:
    """What mends a device is never kept from it by its doubt."""
    release = replace(NEW, release_class=mending)
    admission = admit(chosen(main=release, radio=release), DEVICE, Moment(NOW, recovery=True))
    assert set(admission.value.releases.values()) == {release}


def test_no_release_of_a_set_is_admitted_before_its_wave() -> None:
    """The device waits for the moment that the authority signed, whoever else is in a hurry."""
    late = replace(NEW, schedule=Schedule(NOW, (Wave(1, BUCKETS),)))
    with pytest.raises(Refused) as error:
        admit(chosen(main=late, radio=late), DEVICE, Moment(NOW))
    assert error.value.code is Code.UPDATE_NOT_DUE
    later = Moment(NOW + timedelta(seconds=1))
    assert admit(chosen(main=late, radio=late), DEVICE, later).value.at == later.now


def test_leave_of_the_security_authority_is_heard() -> None:
    """An older set is admitted by leave, and not without."""
    older = replace(NEW, counter=ReleaseCounter(5), dependencies=())
    back = chosen(main=older, radio=older)
    with pytest.raises(Refused) as error:
        admit(back, DEVICE, Moment(NOW))
    assert error.value.code is Code.UPDATE_DOWNGRADE
    revert = Revert(
        product=PRODUCT,
        devices=(DEVICE_ID,),
        from_counter=ReleaseCounter(6),
        to_counter=ReleaseCounter(5),
        expires=NOW + timedelta(days=1),
    )
    leave = Leave(seal(revert), NOW)
    assert admit(back, DEVICE, Moment(NOW), leave).value.at == NOW
