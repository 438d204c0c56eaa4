"""The driver: it does what the workflow asks for, and adds nothing of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from firmhold.interop.adapters.folder import MetadataFolder, TargetFolder
from firmhold.interop.client import Client, pin
from firmhold.sim.clock import SimClock
from firmhold.sim.repository import SimRepository
from firmhold.trust.errors import Code, Damaged, Misuse, Refused, Unavailable
from firmhold.trust.faults import Absent
from firmhold.trust.outer_faults import FetchFault, PlaceFault

BASE = "sim://vendor"


@dataclass
class FolderFetcher:
    """A fetcher that reads a folder; it may be told to fail."""

    folder: Path
    failure: Code | None = None
    asked: list[tuple[str, int]] = field(default_factory=list)

    @contextmanager
    def fetch(self, url: str, max_bytes: int) -> Iterator[Iterator[bytes]]:
        """Bring a file."""
        path = url.removeprefix(f"{BASE}/")
        self.asked.append((path, max_bytes))
        if self.failure is not None:
            raise Unavailable(FetchFault(code=self.failure, url=url, detail="told to"))
        file = self.folder / path
        if not file.is_file():
            raise Unavailable(FetchFault(code=Code.FETCH_NOT_FOUND, url=url, detail="404"))
        yield iter([file.read_bytes()])


@pytest.fixture
def repository(tmp_path: Path) -> SimRepository:
    """A repository with one target."""
    repository = SimRepository(tmp_path / "repository", SimClock())
    repository.add_target("targets", "a.bin", b"contents")
    repository.release("targets")
    return repository


@pytest.fixture
def fetcher(repository: SimRepository) -> FolderFetcher:
    """The way to its files."""
    return FolderFetcher(repository.folder)


@pytest.fixture
def store(tmp_path: Path) -> MetadataFolder:
    """An empty store."""
    return MetadataFolder(tmp_path / "metadata")


@pytest.fixture
def client(fetcher: FolderFetcher, store: MetadataFolder) -> Client:
    """A client without a root."""
    return Client(fetcher, store, f"{BASE}/metadata", SimClock().now())


@pytest.fixture
def targets(tmp_path: Path) -> TargetFolder:
    """An empty store of targets."""
    return TargetFolder(tmp_path / "targets")


def test_a_first_root_is_kept(repository: SimRepository, store: MetadataFolder) -> None:
    """A root that stands for itself becomes the stored one; once more changes nothing."""
    pin(store, repository.published["root"])
    pin(store, repository.published["root"])
    assert store.load("root") == repository.published["root"]


def test_a_second_root_is_refused(
    repository: SimRepository, store: MetadataFolder, tmp_path: Path
) -> None:
    """Whoever trusts one root cannot be made to trust another by pinning it."""
    pin(store, repository.published["root"])
    other = SimRepository(tmp_path / "other", SimClock()).published["root"]
    with pytest.raises(Misuse) as error:
        pin(store, other)
    assert error.value.fault == PlaceFault(
        code=Code.STORE_ALREADY_PINNED, path="root", detail="another root is here"
    )
    assert store.load("root") == repository.published["root"]


def test_what_is_no_root_is_not_kept(repository: SimRepository, store: MetadataFolder) -> None:
    """A document that does not stand for itself never reaches the disk."""
    with pytest.raises(Refused) as error:
        pin(store, repository.published["targets"])
    assert error.value.code is Code.TUF_WRONG_TYPE
    assert store.load("root") is None


def test_without_a_root_there_is_nothing_to_refresh(client: Client, fetcher: FolderFetcher) -> None:
    """A client that trusts nobody asks nobody."""
    with pytest.raises(Misuse) as error:
        client.refresh()
    assert error.value.fault == PlaceFault(
        code=Code.STORE_NO_ROOT, path="root", detail="no trusted root is here"
    )
    assert fetcher.asked == []


def test_a_damaged_root_is_the_machines_own_damage(
    client: Client, fetcher: FolderFetcher, store: MetadataFolder
) -> None:
    """A stored root that no longer stands for itself is not the server's fault."""
    store.keep("root", b"{}")
    with pytest.raises(Damaged) as error:
        client.refresh()
    assert error.value.code is Code.STORE_ROOT_DAMAGED
    assert fetcher.asked == []


@pytest.mark.parametrize(
    "failure", [Code.FETCH_UNREACHABLE, Code.FETCH_STATUS, Code.FETCH_TOO_SLOW, Code.FETCH_CUT]
)
def test_only_an_absent_root_ends_the_chain(
    client: Client,
    fetcher: FolderFetcher,
    store: MetadataFolder,
    repository: SimRepository,
    failure: Code,
) -> None:
    """A server that fails to answer has not said that there is no newer root."""
    pin(store, repository.published["root"])
    fetcher.failure = failure
    with pytest.raises(Unavailable) as error:
        client.refresh()
    assert error.value.code is failure
    assert [path for path, _ in fetcher.asked] == ["metadata/2.root.json"]


def test_a_target_is_found_fetched_and_kept(
    client: Client,
    fetcher: FolderFetcher,
    store: MetadataFolder,
    repository: SimRepository,
    targets: TargetFolder,
) -> None:
    """From a pinned root to a file, which is not asked for a second time."""
    pin(store, repository.published["root"])
    trusted, target = client.find(client.refresh(), "a.bin")
    place = client.download(trusted, target, f"{BASE}/targets/", targets)
    assert place.read_bytes() == b"contents"
    path, bound = fetcher.asked[-1]
    assert (path.endswith(".a.bin"), bound) == (True, len(b"contents"))
    asked = len(fetcher.asked)
    assert client.download(trusted, target, f"{BASE}/targets/", targets) == place
    assert len(fetcher.asked) == asked


def test_a_target_that_nobody_names_is_not_found(
    client: Client, store: MetadataFolder, repository: SimRepository
) -> None:
    """The search ends with the name of what was looked for."""
    pin(store, repository.published["root"])
    with pytest.raises(Refused) as error:
        client.find(client.refresh(), "b.bin")
    assert error.value.fault == Absent(
        code=Code.TUF_NO_SUCH_TARGET, name="b.bin", listed_in="targets"
    )


def test_a_rotation_deletes_what_is_stored(
    client: Client, store: MetadataFolder, repository: SimRepository
) -> None:
    """The workflow's order to forget reaches the disk even if nothing new can be had."""
    pin(store, repository.published["root"])
    client.refresh()
    repository.rotate("timestamp")
    repository.publish("root")
    with pytest.raises(Refused) as error:
        client.refresh()
    assert error.value.code is Code.TUF_SIGNATURES_TIMESTAMP
    assert store.load("root") == repository.published["root"]
    assert store.load("timestamp") is None
    assert store.load("snapshot") is None
