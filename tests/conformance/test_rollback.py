"""Nothing goes back, and what was pushed too far comes back by new keys."""

import pytest

from firmhold.sim.suite import SimSuite


def versions(suite: SimSuite, **numbers: int) -> None:
    """Set the versions from which the next publication counts on."""
    for role, number in numbers.items():
        suite.repository.roles[role].version = number


def last_request(suite: SimSuite) -> str:
    """The last path that was asked for."""
    return suite.network.requests[-1]


def test_a_timestamp_does_not_go_back(suite: SimSuite) -> None:
    """A timestamp older than the stored one is refused, and nothing is asked for behind it."""
    versions(suite, timestamp=4)
    suite.repository.publish("timestamp")
    assert suite.client.refresh() == 0
    before = suite.client.trusted()

    versions(suite, timestamp=3)
    suite.repository.write("timestamp")

    assert suite.client.refresh() == 1
    assert suite.client.trusted() == before
    assert last_request(suite) == "/metadata/timestamp.json"


@pytest.mark.parametrize("names", ["digests", "versions"])
def test_a_snapshot_does_not_go_back(suite: SimSuite, names: str) -> None:
    """A newer timestamp that names an older snapshot is refused and not stored."""
    suite.repository.names_digests = names == "digests"
    versions(suite, snapshot=4)
    suite.repository.release("targets")
    assert suite.client.refresh() == 0
    before = suite.client.trusted()

    versions(suite, snapshot=2)
    suite.repository.release()

    assert suite.client.refresh() == 1
    assert suite.client.trusted() == before
    assert last_request(suite) == "/metadata/timestamp.json"


@pytest.mark.parametrize("names", ["digests", "versions"])
def test_targets_do_not_go_back(suite: SimSuite, names: str) -> None:
    """A newer snapshot that names older targets is refused and not stored."""
    suite.repository.names_digests = names == "digests"
    versions(suite, targets=4)
    suite.repository.release("targets")
    assert suite.client.refresh() == 0
    before = suite.client.trusted()

    versions(suite, targets=2)
    suite.repository.release("targets")

    assert suite.client.refresh() == 1
    timestamp = {"timestamp.json": suite.repository.published["timestamp"]}
    assert suite.client.trusted() == {**before, **timestamp}


def test_what_the_timestamp_names_again_is_not_asked_for_again(suite: SimSuite) -> None:
    """A snapshot that changes behind an unchanged timestamp is never seen."""
    suite.repository.release("targets")
    assert suite.client.refresh() == 0
    before = suite.client.trusted()

    suite.repository.lie("snapshot", b"something else")

    assert suite.client.refresh() == 0
    assert suite.client.trusted() == before
    assert last_request(suite) == "/metadata/timestamp.json"


def test_a_snapshot_of_another_version_than_named_is_not_taken(suite: SimSuite) -> None:
    """The file under the named version says another one: the timestamp stays, the snapshot not."""
    suite.repository.names_digests = False
    suite.repository.publish("timestamp")
    newer = suite.repository.snapshot
    newer.version += 1
    data = suite.repository.sign(newer, suite.repository.signers["snapshot"])
    newer.version -= 1
    suite.repository.lie("snapshot", data)
    versions(suite, timestamp=3)
    suite.repository.timestamp.snapshot_meta.hashes = None
    suite.repository.timestamp.snapshot_meta.length = None
    suite.repository.write("timestamp")

    assert suite.client.refresh() == 1

    assert set(suite.client.trusted()) == {"root.json", "timestamp.json"}
    assert last_request(suite) == "/metadata/1.snapshot.json"


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
def test_a_version_that_ran_away_comes_back_by_new_keys(suite: SimSuite, role: str) -> None:
    """After a fast-forward, a root with new timestamp and snapshot keys makes room again."""
    versions(suite, **{role: 99_998})
    suite.repository.release("targets")
    assert suite.client.refresh() == 0

    versions(suite, **{role: 1})
    suite.repository.release("targets")
    assert suite.client.refresh() == 1

    suite.repository.rotate("timestamp" if role == "timestamp" else "snapshot")
    suite.repository.publish("root")
    suite.repository.release("targets")
    assert suite.client.refresh() == 0
    assert suite.client.trusted()[f"{role}.json"] == suite.repository.published[role]


def test_a_role_that_the_snapshot_drops_ends_the_refresh(suite: SimSuite) -> None:
    """A snapshot that no longer names a role that it named is refused and not stored."""
    suite.repository.delegate("delegated", paths=["d.bin"])
    suite.repository.release("delegated", "targets")
    assert suite.client.refresh() == 0
    before = suite.client.trusted()

    del suite.repository.snapshot.meta["delegated.json"]
    suite.repository.release()

    assert suite.client.refresh() == 1
    assert suite.client.trusted()["snapshot.json"] == before["snapshot.json"]
