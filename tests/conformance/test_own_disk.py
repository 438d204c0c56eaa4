"""Odd things in the folder of metadata, put there by accident or by somebody."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from firmhold.sim.suite import SimSuite

Plant = Callable[[Path], object]


def sparse(place: Path) -> None:
    """A file of eight gigabytes that takes no space."""
    with place.open("wb") as file:
        file.truncate(8 << 30)


def looping(place: Path) -> None:
    """A link that leads to itself."""
    place.symlink_to(place.name)


DAMAGED: dict[str, Plant] = {
    "empty": lambda place: place.write_bytes(b""),
    "garbage": lambda place: place.write_bytes(os.urandom(5000)),
    "cut-off": lambda place: place.write_bytes(b'{"signatures": ['),
    "another-document": lambda place: place.write_bytes(b'{"signatures": [], "signed": {}}'),
    "endless": sparse,
    "link-to-nowhere": lambda place: place.symlink_to("nowhere"),
}
NO_FILES: dict[str, Plant] = {
    "folder": lambda place: place.mkdir(),
    "folder-with-something": lambda place: (place / "x").mkdir(parents=True),
    "pipe": os.mkfifo,
    "device": lambda place: place.symlink_to("/dev/zero"),
    "loop": looping,
}
ROLES = ["timestamp", "snapshot", "targets", "A"]


@pytest.fixture
def updated(suite: SimSuite) -> SimSuite:
    """A client that has everything, one delegated role included."""
    suite.repository.delegate("A", paths=["a.bin"])
    suite.repository.add_target("A", "a.bin", b"a")
    suite.repository.release("A", "targets")
    assert suite.client.download("a.bin") == 0
    return suite


def plant(suite: SimSuite, role: str, planted: Plant) -> None:
    """Put something in a role's place."""
    place = suite.client.metadata / f"{role}.json"
    place.unlink()
    planted(place)


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_file_is_fetched_anew(updated: SimSuite, damage: str, role: str) -> None:
    """Stored metadata that say nothing any more are replaced by the repository's."""
    plant(updated, role, DAMAGED[damage])

    assert updated.client.download("a.bin") == 0

    published = updated.repository.published
    assert updated.client.trusted() == {f"{name}.json": data for name, data in published.items()}


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.parametrize("role", ["root", "timestamp", "A"])
@pytest.mark.parametrize("thing", NO_FILES)
def test_what_is_no_file_is_reported_and_left_alone(
    updated: SimSuite, thing: str, role: str
) -> None:
    """A folder, a pipe or a device in a file's place needs a person: the client says so at once."""
    plant(updated, role, NO_FILES[thing])

    assert updated.client.download("a.bin") == 1

    assert updated.client.last is not None
    assert "store.io" in updated.client.last.errors
    assert not (updated.client.metadata / f"{role}.json").is_file()


@pytest.mark.timeout(60)
@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_root_is_never_replaced_by_whatever_is_served(
    updated: SimSuite, damage: str
) -> None:
    """Without its root the client trusts nobody: it asks nobody, and says what to do."""
    plant(updated, "root", DAMAGED[damage])
    updated.network.requests.clear()

    assert updated.client.refresh() == 1

    assert updated.network.requests == []
    assert updated.client.last is not None
    code = "store.no_root" if damage == "link-to-nowhere" else "store.root_damaged"
    assert code in updated.client.last.errors


def test_an_older_root_put_back_leads_to_the_newest_again(updated: SimSuite) -> None:
    """Somebody restores an old copy of the root: the chain of roots is walked once more."""
    old = updated.client.trusted()["root.json"]
    for role in ("timestamp", "snapshot", "targets"):
        updated.repository.rotate(role)
        updated.repository.publish("root")
    updated.repository.release("targets")
    assert updated.client.refresh() == 0
    newest = updated.client.trusted()

    (updated.client.metadata / "root.json").write_bytes(old)

    assert updated.client.refresh() == 0
    assert updated.client.trusted() == newest


def test_files_of_somebody_else_in_the_folder_are_left_alone(updated: SimSuite) -> None:
    """The client touches the files of roles that it needs, and no other."""
    (updated.client.metadata / "notes.txt").write_bytes(b"mine")
    (updated.client.metadata / "other.json").write_bytes(b"mine too")
    updated.repository.release("A", "targets")

    assert updated.client.download("a.bin") == 0

    assert updated.client.trusted()["notes.txt"] == b"mine"
    assert updated.client.trusted()["other.json"] == b"mine too"


def test_a_folder_that_vanishes_is_a_beginning_without_a_root(updated: SimSuite) -> None:
    """When the whole folder is gone the client says that it has no root, and makes none."""
    for file in updated.client.metadata.iterdir():
        file.unlink()
    updated.client.metadata.rmdir()

    assert updated.client.refresh() == 1

    assert not updated.client.metadata.exists()
    assert updated.client.last is not None
    assert "store.no_root" in updated.client.last.errors
