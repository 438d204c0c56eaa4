"""Targets: fetched once, verified always, found again under the same name."""

import pytest

from firmhold.sim.network import Replay
from firmhold.sim.suite import SimSuite


def target_requests(suite: SimSuite) -> list[str]:
    """What was asked for below the targets' URL."""
    return [path for path in suite.network.requests if path.startswith("/targets/")]


def publish(suite: SimSuite, **files: bytes) -> None:
    """Publish files by name, with a dot for each underscore."""
    for name, data in files.items():
        suite.repository.add_target("targets", name.replace("_", "."), data)
    suite.repository.release("targets")


def test_a_target_lands_as_it_was_signed(suite: SimSuite) -> None:
    """The bytes in the folder are the bytes in the repository, and its path is told."""
    publish(suite, a_bin=b"contents of a")

    assert suite.client.refresh() == 0
    assert suite.client.downloaded() == {}
    assert suite.client.download("a.bin") == 0

    assert suite.client.downloaded() == {"a.bin": b"contents of a"}
    assert suite.client.last is not None
    assert suite.client.last.output == f"{suite.client.targets / 'a.bin'}\n"


def test_a_target_in_folders_lands_as_one_file(suite: SimSuite) -> None:
    """Slashes of a target path make no folders on the client's disk."""
    suite.repository.add_target("targets", "path/to/a/file.txt", b"deep")
    suite.repository.release("targets")

    assert suite.client.download("path/to/a/file.txt") == 0

    assert list(suite.client.downloaded().values()) == [b"deep"]
    assert len(target_requests(suite)) == 1
    assert target_requests(suite)[0].startswith("/targets/path/to/a/")


def test_an_empty_target_is_a_target(suite: SimSuite) -> None:
    """A file of no bytes is fetched and stored like any other."""
    publish(suite, empty=b"")

    assert suite.client.download("empty") == 0
    assert suite.client.downloaded() == {"empty": b""}


def test_a_target_that_is_there_is_not_fetched_again(suite: SimSuite) -> None:
    """The second download reads the disk, not the network."""
    publish(suite, a_bin=b"contents of a")
    assert suite.client.download("a.bin") == 0
    suite.network.requests.clear()

    assert suite.client.download("a.bin") == 0

    assert target_requests(suite) == []
    assert suite.client.downloaded() == {"a.bin": b"contents of a"}


def test_a_target_that_was_altered_on_disk_is_fetched_anew(suite: SimSuite) -> None:
    """Neither other bytes, nor more, nor fewer pass for the target."""
    publish(suite, a_bin=b"contents of a")
    for alteration in (b"contents of b", b"contents of a ", b"contents", b""):
        suite.client.targets.mkdir(exist_ok=True)
        (suite.client.targets / "a.bin").write_bytes(alteration)

        assert suite.client.download("a.bin") == 0
        assert suite.client.downloaded() == {"a.bin": b"contents of a"}

    assert len(target_requests(suite)) == 4


def test_a_new_version_lands_under_the_same_name(suite: SimSuite) -> None:
    """When a target changes, its file is replaced."""
    publish(suite, a_bin=b"first")
    assert suite.client.download("a.bin") == 0
    publish(suite, a_bin=b"second")

    assert suite.client.download("a.bin") == 0

    assert suite.client.downloaded() == {"a.bin": b"second"}


def test_several_targets_are_fetched_in_their_order(suite: SimSuite) -> None:
    """One run, one refresh, all names in the order in which they were given."""
    publish(suite, a_bin=b"a", b_bin=b"b", c_bin=b"c")

    assert suite.client.download("c.bin", "a.bin", "b.bin") == 0

    assert [path[-5:] for path in target_requests(suite)] == ["c.bin", "a.bin", "b.bin"]
    assert suite.network.requests.count("/metadata/timestamp.json") == 1
    assert suite.client.downloaded() == {"a.bin": b"a", "b.bin": b"b", "c.bin": b"c"}


def test_the_first_failure_ends_the_run(suite: SimSuite) -> None:
    """What was fetched before a failure stays, what comes behind it is not tried."""
    publish(suite, a_bin=b"a", c_bin=b"c")

    assert suite.client.download("a.bin", "b.bin", "c.bin") == 1

    assert suite.client.downloaded() == {"a.bin": b"a"}


def test_a_substituted_file_is_not_stored(suite: SimSuite) -> None:
    """The repository's disk holds other bytes than were signed: neither target takes them."""
    publish(suite, a_bin=b"first file", b_bin=b"other file")
    assert suite.client.download("a.bin") == 0

    suite.network.on("/targets/*", Replay(b"evil bytes"))

    assert suite.client.download("a.bin") == 0
    assert suite.client.download("b.bin") == 1
    assert suite.client.downloaded() == {"a.bin": b"first file"}


@pytest.mark.slow
def test_a_target_changes_many_times(suite: SimSuite) -> None:
    """Honest and dishonest versions alternate: the folder holds the last honest one throughout."""
    for version in range(4):
        honest = f"version {version}".encode()
        publish(suite, a_bin=honest)
        assert suite.client.download("a.bin") == 0
        assert suite.client.downloaded() == {"a.bin": honest}

        publish(suite, a_bin=b"promised" + honest)
        suite.network.on("/targets/*", Replay(b"broken!!" + honest))
        assert suite.client.download("a.bin") == 1
        assert suite.client.downloaded() == {"a.bin": honest}
        suite.network.calm()


def test_a_large_target_is_streamed(suite: SimSuite) -> None:
    """A target of many pieces arrives whole."""
    data = bytes(range(256)) * 20_000
    publish(suite, large=data)

    assert suite.client.download("large") == 0

    assert suite.client.downloaded() == {"large": data}


def test_a_missing_file_is_a_failure(suite: SimSuite) -> None:
    """A target that is signed for and not served leaves nothing behind."""
    publish(suite, a_bin=b"a")
    for place in (suite.repository.folder / "targets").iterdir():
        place.unlink()

    assert suite.client.download("a.bin") == 1
    assert suite.client.downloaded() == {}


def test_metadata_and_targets_need_two_folders(suite: SimSuite) -> None:
    """A target that is called like metadata cannot take their place."""
    suite.repository.add_target("targets", "root.json", b"{}")
    suite.repository.release("targets")
    arguments = suite.client.downloading("root.json")
    place = arguments.index("--target-dir") + 1
    arguments[place] = str(suite.client.metadata / "." / ".." / "metadata")

    assert suite.client.run(*arguments).status == 1

    assert suite.client.trusted() == {"root.json": suite.repository.published["root"]}
