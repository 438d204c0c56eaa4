"""What every `MetadataStore` promises."""

from pathlib import Path

import pytest

from firmhold.interop.adapters.folder import MetadataFolder
from firmhold.interop.ports import MetadataStore
from firmhold.trust.errors import Code, Damaged, Unavailable
from firmhold.trust.outer_faults import PlaceFault

ROLES = ["root", "timestamp", "a", "A role", "../x", ".", "..", "ü", "x" * 240]


class MetadataStoreContract:
    """A subclass gives `store`, and `again` the same store to a program that begins anew."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> MetadataStore:
        """The adapter under test, empty."""
        raise NotImplementedError

    @pytest.fixture
    def again(self, tmp_path: Path) -> MetadataStore:
        """The same adapter over the same place."""
        raise NotImplementedError

    @pytest.mark.parametrize("role", ROLES)
    def test_what_was_never_kept_is_not_there(self, store: MetadataStore, role: str) -> None:
        """An empty store has nothing for any role."""
        assert store.load(role) is None

    @pytest.mark.parametrize("role", ROLES)
    def test_what_was_kept_is_there_for_the_next_program(
        self, store: MetadataStore, again: MetadataStore, role: str
    ) -> None:
        """Bytes come back as they were, to whoever asks."""
        store.keep(role, b"bytes of the role")
        assert store.load(role) == b"bytes of the role"
        assert again.load(role) == b"bytes of the role"

    def test_roles_do_not_touch_each_other(self, store: MetadataStore) -> None:
        """However alike their names, each role has bytes of its own."""
        for role in ROLES:
            store.keep(role, role.encode())
        store.forget("a")
        kept = {role: store.load(role) for role in ROLES}
        assert kept == {role: role.encode() if role != "a" else None for role in ROLES}

    @pytest.mark.parametrize("data", [b"", b"shorter", bytes(1_000_000)], ids=len)
    def test_new_bytes_replace_the_old_wholly(
        self, store: MetadataStore, again: MetadataStore, data: bytes
    ) -> None:
        """Nothing of what stood there before shines through."""
        store.keep("role", b"bytes that were there before")
        store.keep("role", data)
        assert again.load("role") == data

    def test_what_was_forgotten_is_gone(self, store: MetadataStore, again: MetadataStore) -> None:
        """Bytes that were deleted are there for nobody; to delete them again is no failure."""
        store.keep("role", b"bytes")
        store.forget("role")
        store.forget("role")
        assert again.load("role") is None


class TestMetadataFolder(MetadataStoreContract):
    """Files in a folder."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> MetadataFolder:
        """A folder that is not there yet."""
        return MetadataFolder(tmp_path / "new" / "metadata")

    @pytest.fixture
    def again(self, tmp_path: Path) -> MetadataFolder:
        """The same folder."""
        return MetadataFolder(tmp_path / "new" / "metadata")

    def test_each_role_is_one_file(self, store: MetadataFolder, tmp_path: Path) -> None:
        """The folder has a quoted file for each role, and nothing else."""
        for role in ROLES:
            store.keep(role, b"x")
        names = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()}
        assert len(names) == len(ROLES)
        assert {"new/metadata/root.json", "new/metadata/..%2Fx.json"} <= names

    def test_no_more_is_read_than_a_verifier_would_read(
        self, store: MetadataFolder, tmp_path: Path
    ) -> None:
        """Of a file that grew beyond every bound only as much is read as shows that it did."""
        store.keep("role", b"")
        with (tmp_path / "new" / "metadata" / "role.json").open("wb") as file:
            file.truncate(1 << 33)
        data = store.load("role")
        assert data is not None
        assert len(data) == 5_000_001

    def test_a_place_that_cannot_be_had_is_damage(self, tmp_path: Path) -> None:
        """A failure of the disk is reported as the machine's own, with the path."""
        (tmp_path / "file").write_bytes(b"")
        store = MetadataFolder(tmp_path / "file")
        with pytest.raises(Damaged) as error:
            store.keep("role", b"x")
        assert isinstance(error.value.fault, PlaceFault)
        assert (error.value.code, error.value.fault.path) == (Code.STORE_IO, f"{tmp_path}/file")
        with pytest.raises(Damaged):
            store.load("role")
        with pytest.raises(Damaged):
            store.forget("role")

    def test_alone_in_a_folder_that_is_not_there(self, store: MetadataFolder) -> None:
        """There is nothing to guard where there is nothing, and nothing is made."""
        with store.alone():
            assert store.load("root") is None
        with store.alone():
            store.keep("root", b"x")
        with store.alone():
            assert store.load("root") == b"x"

    def test_a_folder_in_use_is_waited_for_and_then_given_up(
        self, store: MetadataFolder, tmp_path: Path
    ) -> None:
        """A client that hangs does not make the next one hang."""
        store.make()
        second = MetadataFolder(tmp_path / "new" / "metadata", wait_seconds=0.05)
        with store.alone(), pytest.raises(Unavailable) as error, second.alone():
            pass
        assert error.value.code is Code.STORE_IO
        with second.alone():
            second.keep("root", b"x")
        assert store.load("root") == b"x"
