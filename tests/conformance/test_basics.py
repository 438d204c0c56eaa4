"""What any client does before anything goes wrong."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from firmhold.sim.attacker import Attacker
from firmhold.sim.suite import SimSuite

TOP_LEVEL = ("root", "snapshot", "targets", "timestamp")
FIRST = [
    "/metadata/2.root.json",
    "/metadata/timestamp.json",
    "/metadata/1.snapshot.json",
    "/metadata/1.targets.json",
]


def test_init_asks_the_network_for_nothing(tmp_path: Path) -> None:
    """A client that was given a root has written it down and spoken to nobody."""
    with SimSuite(tmp_path) as suite:
        assert suite.client.init(suite.repository.published["root"]) == 0

        assert suite.client.trusted() == {"root.json": suite.repository.published["root"]}
        assert suite.network.requests == []


def test_the_first_refresh_asks_in_the_order_of_the_specification(suite: SimSuite) -> None:
    """Root, timestamp, snapshot, targets: each once, and stored as it was served."""
    assert suite.client.refresh() == 0

    assert suite.network.requests == FIRST
    published = suite.repository.published
    assert suite.client.trusted() == {f"{role}.json": published[role] for role in TOP_LEVEL}


def test_a_refresh_without_news_asks_for_root_and_timestamp(suite: SimSuite) -> None:
    """A second refresh finds everything as it was, and changes nothing."""
    assert suite.client.refresh() == 0
    before = suite.client.trusted()
    suite.network.requests.clear()

    assert suite.client.refresh() == 0

    assert suite.network.requests == FIRST[:2]
    assert suite.client.trusted() == before


def test_a_download_refreshes_first(suite: SimSuite) -> None:
    """A download right after init brings the metadata up to date, target or no target."""
    assert suite.client.download("no such target") == 1

    assert suite.network.requests == FIRST
    assert len(suite.client.trusted()) == len(TOP_LEVEL)
    assert suite.client.downloaded() == {}


@pytest.mark.parametrize("slash", ["/", "", "//"], ids=["slash", "none", "two"])
def test_a_slash_at_the_end_of_a_url_makes_no_difference(suite: SimSuite, slash: str) -> None:
    """Both URLs may end with a slash or without one."""
    suite.repository.add_target("targets", "a.bin", b"data")
    suite.repository.release("targets")
    suite.client.slash = slash

    assert suite.client.download("a.bin") == 0

    assert all("//" not in path for path in suite.network.requests)


def test_without_consistent_snapshots_names_bear_no_version(suite: SimSuite) -> None:
    """A repository that does not use consistent snapshots is asked for plain names (5.3.12)."""
    suite.repository.root.consistent_snapshot = False
    suite.repository.publish("root")
    suite.repository.add_target("targets", "folder/a.bin", b"data")
    suite.repository.target_place("folder/a.bin").parent.mkdir(parents=True, exist_ok=True)
    suite.repository.target_place("folder/a.bin").write_bytes(b"data")
    suite.repository.release("targets")

    assert suite.client.download("folder/a.bin") == 0

    assert suite.network.requests == [
        "/metadata/2.root.json",
        "/metadata/3.root.json",
        "/metadata/timestamp.json",
        "/metadata/snapshot.json",
        "/metadata/targets.json",
        "/targets/folder/a.bin",
    ]
    assert list(suite.client.downloaded().values()) == [b"data"]


def test_the_same_root_again_changes_nothing(suite: SimSuite) -> None:
    """To begin twice with one root is to begin once."""
    root = suite.repository.published["root"]
    assert suite.client.refresh() == 0
    before = suite.client.trusted()

    assert suite.client.init(root) == 0

    assert suite.client.trusted() == before


def test_another_root_does_not_replace_the_first(
    suite: SimSuite, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A client that trusts somebody does not begin to trust somebody else."""
    before = suite.client.trusted()
    with SimSuite(tmp_path_factory.mktemp("other")) as other:
        assert suite.client.init(other.repository.published["root"]) == 1
    assert suite.client.trusted() == before


Spoil = Callable[[Attacker], bytes]
NO_ROOTS: dict[str, Spoil] = {
    "empty": lambda _: b"",
    "no-json": lambda _: b"root",
    "no-version": lambda a: a.sign(a.signed_part("root", lambda s: s.pop("version"))),
    "unsigned": lambda a: a.sign(a.signed_part("root", lambda _: None), []),
    "altered": lambda a: a.with_signatures_of("root", lambda s: s.update(x=1)),
    "targets": lambda a: a.sign(json.loads('{"_type": "targets", "version": 1}')),
    "too-long": lambda _: b" " * 600_000,
}


@pytest.mark.parametrize("case", NO_ROOTS)
def test_a_root_that_does_not_stand_for_itself_is_no_beginning(
    tmp_path_factory: pytest.TempPathFactory, case: str
) -> None:
    """What is no root is refused by init, and a refresh afterwards asks nobody."""
    with SimSuite(tmp_path_factory.mktemp("fresh")) as suite:
        attacker = Attacker(suite.repository, suite.repository.signers["root"])

        assert suite.client.init(NO_ROOTS[case](attacker)) == 1
        assert suite.client.refresh() == 1

        assert suite.network.requests == []
        assert suite.client.trusted() == {}


def test_a_root_that_was_damaged_on_disk_is_not_believed(suite: SimSuite) -> None:
    """A stored root that no longer stands for itself ends the refresh before the first request."""
    for damage in (b"", b"{}", suite.repository.published["targets"]):
        (suite.client.metadata / "root.json").write_bytes(damage)

        assert suite.client.refresh() == 1

    assert suite.network.requests == []


def test_fields_that_nobody_knows_are_signed_for_and_borne_with(suite: SimSuite) -> None:
    """Unknown members anywhere in the metadata change nothing but what was signed (TUF 4)."""
    root = suite.repository.root
    extra = {"x-text": "ü", "x-list": [1, [], {}, None, True], "x-object": {"a": {"b": 2}}}
    root.unrecognized_fields |= extra
    root.keys[root.roles["root"].keyids[0]].unrecognized_fields["x-key"] = extra
    root.roles["root"].unrecognized_fields["x-role"] = extra
    suite.repository.targets().unrecognized_fields |= extra
    suite.repository.snapshot.unrecognized_fields |= extra
    suite.repository.timestamp.unrecognized_fields |= extra
    suite.repository.publish("root")
    suite.repository.release("targets")

    assert suite.client.refresh() == 0

    published = suite.repository.published
    assert suite.client.trusted() == {f"{role}.json": published[role] for role in TOP_LEVEL}


def test_a_timestamp_that_changes_without_its_version_is_not_taken(suite: SimSuite) -> None:
    """Of two timestamps of one version the one that is there stays (5.4.3.1)."""
    assert suite.client.refresh() == 0
    before = suite.client.trusted()

    suite.repository.timestamp.snapshot_meta.version = 100
    suite.repository.write("timestamp")

    assert suite.client.refresh() == 0
    assert suite.client.trusted() == before


@pytest.mark.parametrize("names", ["digests", "versions"])
def test_metadata_that_moved_on_without_their_parents_are_not_taken(
    suite: SimSuite, names: str
) -> None:
    """New bytes behind an old name are not what the parent names: nothing of them is stored."""
    suite.repository.names_digests = names == "digests"
    suite.repository.release("targets")
    assert suite.client.refresh() == 0
    suite.repository.release("targets")
    suite.repository.targets().version += 1
    moved_on = suite.repository.sign(
        suite.repository.targets(), suite.repository.signers["targets"]
    )
    suite.repository.targets().version -= 1
    suite.repository.lie("targets", moved_on)
    before = suite.client.trusted()

    assert suite.client.refresh() == 1

    assert suite.client.trusted()["targets.json"] == before["targets.json"]


def test_commands_of_the_same_moment_agree(suite: SimSuite) -> None:
    """Refresh and download leave the same metadata."""
    suite.repository.add_target("targets", "a.bin", b"data")
    suite.repository.release("targets")
    assert suite.client.refresh() == 0
    after_refresh = suite.client.trusted()

    assert suite.client.download("a.bin") == 0

    assert suite.client.trusted() == after_refresh
