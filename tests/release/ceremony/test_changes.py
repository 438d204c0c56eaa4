"""What a ceremony changes, and what it cannot."""

from datetime import timedelta
from typing import Any

import pytest
from tests.release.ceremony.stage import AUTHORITY, FIRST, NOON, card, key_id, seats

from firmhold.release.ceremony.blank import blank_root, blank_targets
from firmhold.release.ceremony.changes import (
    Appoint,
    BeginEpoch,
    Change,
    Dismiss,
    Retire,
    Threshold,
    changed,
    read_change,
)
from firmhold.trust.encoding import JsonObject
from firmhold.trust.errors import Code, Refused
from firmhold.trust.tuf.dialect import HOLDERS_FIELD, RETIRES_FIELD
from firmhold.trust.tuf.root_fields import FRESHNESS_FIELD, Domain, FreshnessEpoch

YEAR = timedelta(days=365)
EVERY: list[Change] = [
    Appoint("root", card("alice")),
    Dismiss("root", key_id("alice")),
    Threshold("root", 3),
    Retire(key_id("alice"), NOON),
    BeginEpoch(FreshnessEpoch(2, NOON)),
]


def first_root() -> dict[str, Any]:
    """A root with all its seats."""
    blank = blank_root("image", Domain.STAGING, FreshnessEpoch(1, NOON))
    return changed(blank, FIRST, 1, NOON + YEAR)


def after(*changes: Change, of: JsonObject | None = None) -> dict[str, Any]:
    """A document after changes."""
    return changed(of or first_root(), changes, 2, NOON + YEAR)


@pytest.mark.parametrize("change", EVERY, ids=lambda change: type(change).__name__)
def test_a_change_is_read_back(change: Change) -> None:
    """What a plan bears is what was meant."""
    assert read_change(change.to_json(), "change") == change


@pytest.mark.parametrize("change", EVERY, ids=lambda change: type(change).__name__)
def test_a_change_has_its_members_and_no_others(change: Change) -> None:
    """One that says less or more is refused, whatever it is."""
    whole = change.to_json()
    for name in whole:
        with pytest.raises(Refused) as error:
            read_change({k: v for k, v in whole.items() if k != name}, "change")
        assert error.value.code is Code.CEREMONY_SHAPE
    with pytest.raises(Refused) as error:
        read_change({**whole, "more": 1}, "change")
    assert error.value.code is Code.CEREMONY_SHAPE


def test_an_appointed_key_has_a_seat_and_a_holder() -> None:
    """Key, holder and seat come together."""
    root = after(Appoint("root", card("alice")))
    alice = str(key_id("alice"))
    assert alice in root["keys"]
    assert root[HOLDERS_FIELD][alice] == "alice"
    assert root["roles"]["root"]["keyids"][-1] == alice
    assert root["version"] == 2


def test_a_dismissed_key_leaves_nothing_behind() -> None:
    """Neither key nor holder nor last day stays of one that sits nowhere."""
    retired = after(Retire(key_id("r1"), NOON))
    assert retired[RETIRES_FIELD] == {str(key_id("r1")): "2030-01-01T12:00:00Z"}
    root = after(Dismiss("root", key_id("r1")), of=retired)
    assert str(key_id("r1")) not in str(root)
    assert RETIRES_FIELD not in root


def test_a_key_that_sits_elsewhere_too_stays_known() -> None:
    """Who leaves one role keeps the other."""
    twice = after(Appoint("targets", card("r1")))
    root = after(Dismiss("root", key_id("r1")), of=twice)
    assert str(key_id("r1")) in root["keys"]


def test_thresholds_and_epochs_are_set() -> None:
    """Each where it stands."""
    root = after(Threshold("root", 3), BeginEpoch(FreshnessEpoch(2, NOON)))
    assert root["roles"]["root"]["threshold"] == 3
    assert root[FRESHNESS_FIELD] == {"epoch": 2, "not_before": "2030-01-01T12:00:00Z"}


def test_delegations_change_like_roots() -> None:
    """Authorities are named in a list, and each keeps its paths and that it ends the search."""
    targets: Any = changed(blank_targets(), seats(*AUTHORITY), 1, NOON + YEAR)
    again: Any = after(Dismiss("feature", key_id("f1")), of=targets)
    rules = {rule["name"]: rule for rule in again["delegations"]["roles"]}
    assert rules["feature"]["keyids"] == [str(key_id("f2")), str(key_id("f3"))]
    assert rules["feature"]["paths"] == ["feature/*/*"]
    assert rules["feature"]["terminating"] is True
    assert str(key_id("f1")) not in str(again)


def test_what_was_given_is_not_touched() -> None:
    """The version before stays what it is."""
    root = first_root()
    before = str(root)
    after(Dismiss("root", key_id("r1")), Appoint("root", card("alice")), of=root)
    assert str(root) == before


@pytest.mark.parametrize(
    "change",
    [
        Appoint("root", card("r1")),
        Appoint("root", card("mallory", key="t1")),
        Appoint("nobody", card("alice")),
        Dismiss("root", key_id("t1")),
        Dismiss("nobody", key_id("r1")),
        Threshold("nobody", 2),
        Retire(key_id("alice"), NOON),
    ],
    ids=[
        "a seat twice",
        "another's key",
        "a role that is not",
        "a key of another role",
        "a role that is not, dismissed",
        "a role that is not, counted",
        "a key that is not",
    ],
)
def test_what_cannot_be_changed_is_refused(change: Change) -> None:
    """A change that means nothing here is told, and nothing is made."""
    with pytest.raises(Refused) as error:
        after(change)
    assert error.value.code is Code.CEREMONY_CHANGE


def test_targets_begin_no_epoch() -> None:
    """The time belongs to roots."""
    targets = changed(blank_targets(), seats(*AUTHORITY), 1, NOON + YEAR)
    with pytest.raises(Refused) as error:
        after(BeginEpoch(FreshnessEpoch(2, NOON)), of=targets)
    assert error.value.code is Code.CEREMONY_CHANGE
