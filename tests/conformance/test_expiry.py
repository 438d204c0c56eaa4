"""Dates, judged by the clock of the machine, which the program `faketime` sets."""

from datetime import timedelta

import pytest

from firmhold.sim.suite import SimSuite

DAY = timedelta(days=1)
ROLES = ("root", "timestamp", "snapshot", "targets")


def live(suite: SimSuite, role: str, days: int) -> None:
    """Let the next version of a role be good for so many days, perhaps fewer than none."""
    suite.repository.roles[role].expires = suite.clock.now() + days * DAY


def with_delegated_role(suite: SimSuite, days: int) -> None:
    """Publish a delegated role, good for some days, with two files."""
    suite.repository.delegate("delegated", paths=["d/*"])
    live(suite, "delegated", days)
    suite.repository.add_target("delegated", "d/first", b"first")
    suite.repository.add_target("delegated", "d/second", b"second")
    suite.repository.release("delegated", "targets")


@pytest.mark.parametrize("role", ROLES)
def test_new_metadata_that_have_expired_are_not_taken(suite: SimSuite, role: str) -> None:
    """The repository publishes something expired: all but a root is refused and not stored."""
    assert suite.client.refresh() == 0
    before = suite.client.trusted()

    live(suite, role, -5)
    suite.repository.publish("root", "targets", "snapshot", "timestamp")

    assert suite.client.refresh() == 1
    published = suite.repository.published
    kept = ROLES[: max(ROLES.index(role), 1)]
    assert suite.client.trusted() == {
        **before,
        **{f"{name}.json": published[name] for name in kept},
    }


@pytest.mark.parametrize("role", ROLES)
def test_stored_metadata_expire_with_the_clock(suite: SimSuite, role: str) -> None:
    """What was good yesterday is refused after its date, by the machine's clock, and is kept."""
    for name in ROLES:
        live(suite, name, 7 if name == role else 60)
    suite.repository.publish("root", "targets", "snapshot", "timestamp")
    assert suite.client.refresh() == 0
    before = suite.client.trusted()

    assert suite.client.refresh(at=suite.clock.now() + 6 * DAY) == 0
    assert suite.client.refresh(at=suite.clock.now() + 8 * DAY) == 1
    assert suite.client.trusted() == before


@pytest.mark.parametrize("role", ["timestamp", "snapshot"])
def test_expired_stored_metadata_lead_to_newer_ones(suite: SimSuite, role: str) -> None:
    """A client that slept past a date takes the newer metadata that are in date."""
    live(suite, role, 7)
    suite.repository.release("targets")
    assert suite.client.refresh() == 0

    live(suite, role, 21)
    suite.repository.release("targets")

    assert suite.client.refresh(at=suite.clock.now() + 18 * DAY) == 0
    assert suite.client.trusted()[f"{role}.json"] == suite.repository.published[role]


def test_expired_stored_metadata_still_forbid_going_back(suite: SimSuite) -> None:
    """A client that slept past all dates refuses an older timestamp whose date is far off."""
    live(suite, "timestamp", 25)
    suite.repository.publish("timestamp")
    old = suite.repository.published["timestamp"]
    live(suite, "timestamp", 7)
    suite.repository.publish("timestamp")
    assert suite.client.refresh() == 0
    before = suite.client.trusted()

    suite.repository.lie("timestamp", old)

    assert suite.client.refresh(at=suite.clock.now() + 18 * DAY) == 1
    assert suite.client.trusted() == before


def test_an_expired_final_root_ends_the_refresh_and_stays(suite: SimSuite) -> None:
    """The newest root is stored although it has expired, and nothing below it is asked for."""
    assert suite.client.refresh() == 0
    suite.repository.publish("root")
    live(suite, "root", -1)
    suite.repository.publish("root")
    suite.repository.release("targets")
    before = suite.client.trusted()
    suite.network.requests.clear()

    assert suite.client.refresh() == 1

    root = {"root.json": suite.repository.published["root"]}
    assert suite.client.trusted() == {**before, **root}
    assert suite.network.requests == [f"/metadata/{version}.root.json" for version in (2, 3, 4)]


def test_a_delegated_role_that_has_expired_is_not_taken(suite: SimSuite) -> None:
    """The role that alone describes a file is expired when first seen: no file, no role."""
    with_delegated_role(suite, -1)
    assert suite.client.refresh() == 0

    assert suite.client.download("d/first") == 1

    assert suite.client.downloaded() == {}
    assert "delegated.json" not in suite.client.trusted()


def test_a_stored_delegated_role_expires_with_the_clock(suite: SimSuite) -> None:
    """A delegated role that was good is not used after its date, for no file of it."""
    with_delegated_role(suite, 7)
    assert suite.client.download("d/first") == 0

    late = suite.clock.now() + 18 * DAY
    assert suite.client.download("d/second", at=late) == 1
    assert suite.client.download("d/first", at=late) == 1
    assert list(suite.client.downloaded().values()) == [b"first"]


def test_an_expired_stored_delegated_role_leads_to_a_newer_one(suite: SimSuite) -> None:
    """The repository renewed the delegated role: a client that slept past the old one takes it."""
    with_delegated_role(suite, 7)
    assert suite.client.download("d/first") == 0
    live(suite, "delegated", 21)
    suite.repository.release("delegated")

    assert suite.client.download("d/second", at=suite.clock.now() + 18 * DAY) == 0

    assert list(suite.client.downloaded().values()) == [b"first", b"second"]
    assert suite.client.trusted()["delegated.json"] == suite.repository.published["delegated"]


def test_the_clock_is_looked_at_once(suite: SimSuite) -> None:
    """A clock years back sees nothing expired: the very same files are good then (5.1)."""
    assert suite.client.refresh(at=suite.clock.now() - 3650 * DAY) == 0
    assert suite.client.refresh(at=suite.clock.now() + 3650 * DAY) == 1
