"""Row 29: a genuine word of the Director from another day, or for another device, is replayed."""

from dataclasses import replace

import pytest
from tests.attacks.flashed import TWO, assert_held

from firmhold.device.ports import Repository
from firmhold.drill.rehearsal import DEVICE, Rehearsal
from firmhold.sim.brought import Brought
from firmhold.trust.errors import Code


def with_director_of(today: Brought, other: Brought) -> Brought:
    """What an honest server brings today, with the Director's files of another answer."""
    kept = {key: data for key, data in today.repositories.items() if key[0] is Repository.IMAGE}
    director = {
        key: data for key, data in other.repositories.items() if key[0] is Repository.DIRECTOR
    }
    return replace(today, repositories={**kept, **director})


def test_an_old_word_of_the_director_does_not_fit_todays_answer(device: Rehearsal) -> None:
    """The answer about the time names the Director's newest word; an older one is another."""
    yesterday = device.ask()
    device.offer(TWO, 2, security=2)
    before = device.flash()

    assert device.check_in(with_director_of(device.ask(), yesterday)) is (
        Code.FRESHNESS_OTHER_QUESTION
    )

    assert_held(device, before)


def test_an_old_word_with_its_old_answer_is_no_answer(device: Rehearsal) -> None:
    """The whole of yesterday, replayed, answers yesterday's nonce."""
    yesterday = device.ask()
    device.offer(TWO, 2, security=2)
    before, nonce = device.flash(), device.ask().nonce

    assert device.check_in(replace(yesterday, nonce=nonce)) is Code.FRESHNESS_OTHER_QUESTION

    assert_held(device, before)


def test_a_thief_of_the_freshness_key_cannot_bring_the_old_word_back(device: Rehearsal) -> None:
    """Whoever can also make an answer for the old word meets the version that the device knows."""
    old = dict(device.domain.director.published)
    version = device.domain.director.timestamp.version
    yesterday = device.ask()
    device.domain.direct()
    assert device.check_in() is None
    before = device.flash()

    new = dict(device.domain.director.published)
    newest = device.domain.director.timestamp.version
    device.domain.director.published |= old
    device.domain.director.timestamp.version = version
    forged = with_director_of(device.ask(), yesterday)
    assert device.check_in(forged) is Code.TUF_ROLLBACK_TIMESTAMP

    device.domain.director.published |= new
    device.domain.director.timestamp.version = newest
    assert_held(device, before)


@pytest.mark.parametrize("release", [1, 2])
def test_another_devices_word_is_not_ours(device: Rehearsal, release: int) -> None:
    """Signed by the right keys, for the neighbour: neither an update nor a downgrade."""
    device.domain.release(TWO, 2, security=2)
    before = device.flash()

    device.domain.assign("device-2", device.domain.path(release))
    assert device.check_in() is Code.UPTANE_OTHER_DEVICE

    device.domain.assign(DEVICE)
    assert_held(device, before)
