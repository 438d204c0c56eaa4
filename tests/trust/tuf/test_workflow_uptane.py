"""The workflow for repositories that may say a version again: the last word stands."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from firmhold.sim.attacker import Edit
from firmhold.sim.repository import SimRepository
from firmhold.trust.errors import Code, Refused
from firmhold.trust.tuf.dialect import UPTANE
from firmhold.trust.tuf.workflow import Keep

if TYPE_CHECKING:
    from tests.trust.tuf.conftest import Device

Forge = Callable[[str, Edit], bytes]


def test_a_timestamp_of_the_same_version_replaces_the_stored_one(
    device: "Device", repository: SimRepository, forge: Forge
) -> None:
    """What is signed now is trusted and kept, though its version was said before."""
    device.refresh(UPTANE)
    again = forge("timestamp", lambda signed: signed.update({"x-said": "again"}))
    repository.lie("timestamp", again)
    device.refresh(UPTANE)
    assert Keep("timestamp", again) in device.written
    assert device.stored["timestamp"] == again


def test_an_older_timestamp_is_refused_all_the_same(
    device: "Device", repository: SimRepository, forge: Forge
) -> None:
    """A version may be said again, and never goes back."""
    device.refresh(UPTANE)
    repository.lie("timestamp", forge("timestamp", lambda signed: signed.update(version=1)))
    with pytest.raises(Refused) as error:
        device.refresh(UPTANE)
    assert error.value.code is Code.TUF_ROLLBACK_TIMESTAMP


def test_stored_metadata_that_no_digest_names_are_fetched_again(
    device: "Device", repository: SimRepository, forge: Forge
) -> None:
    """Where a version does not say which bytes, stored ones are not taken for it."""
    device.refresh(UPTANE)
    again = forge("targets", lambda signed: signed.update({"x-said": "again"}))
    repository.lie("targets", again)
    device.refresh(UPTANE)
    assert "2.targets.json" in device.asked
    assert device.stored["targets"] == again


def test_stored_metadata_that_a_digest_names_are_not_fetched_again(
    strict_device: "Device",
) -> None:
    """Where a digest says which bytes, stored ones that have it are the named ones."""
    strict_device.refresh(UPTANE)
    strict_device.refresh(UPTANE)
    assert strict_device.asked == ["2.root.json", "timestamp.json"]
