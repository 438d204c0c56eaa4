"""What every `TargetStore` promises."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmhold.interop.adapters.folder import TargetFolder
from firmhold.interop.ports import TargetStore
from firmhold.trust.digest import TARGET_FILE, Expectation
from firmhold.trust.errors import Code, Damaged, Refused, Unavailable
from firmhold.trust.faults import LengthMismatch, OverLimit
from firmhold.trust.outer_faults import FetchFault
from firmhold.trust.tuf.roles import Target
from firmhold.trust.verified import Verified, seal

PATHS = ["a.bin", "folder/a.bin", "../a.bin", ".", "..", "ü ☃", "a.bin.part"]


def target(path: str, data: bytes) -> Verified[Target]:
    """A verified target that is to have these bytes."""
    digests = {"sha256": hashlib.sha256(data).hexdigest()}
    return seal(Target(path, "targets", Expectation(path, len(data), digests, TARGET_FILE), None))


def broken() -> Iterator[bytes]:
    """A download that breaks off."""
    yield b"beg"
    raise Unavailable(FetchFault(code=Code.FETCH_CUT, url="u", detail="cut"))


class TargetStoreContract:
    """A subclass gives `store`."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> TargetStore:
        """The adapter under test, empty."""
        raise NotImplementedError

    @pytest.mark.parametrize("path", PATHS)
    def test_a_file_is_there_once_it_was_put(self, store: TargetStore, path: str) -> None:
        """Before it is not, afterwards it is, and it stands where it was said to."""
        wanted = target(path, b"begin and end")
        place = store.path_of(wanted)
        assert not store.has(wanted)
        assert store.put(wanted, iter([b"begin ", b"", b"and end"])) == place
        assert store.has(wanted)
        assert place.read_bytes() == b"begin and end"

    def test_paths_do_not_touch_each_other(self, store: TargetStore) -> None:
        """However alike, each path has a file of its own."""
        wanted = [target(path, path.encode()) for path in PATHS]
        for one in wanted:
            store.put(one, iter([one.value.path.encode()]))
        assert all(store.has(one) for one in wanted)
        assert len({store.path_of(one) for one in wanted}) == len(PATHS)

    def test_wrong_bytes_are_refused_and_leave_nothing(self, store: TargetStore) -> None:
        """A file that is not the one expected is not stored, in whole or in part."""
        wanted = target("a.bin", b"expected")
        with pytest.raises(Refused) as error:
            store.put(wanted, iter([b"some", b"thing", b"else"]))
        assert error.value.fault == LengthMismatch(
            code=Code.TUF_TARGET_LENGTH, what="a.bin", expected=8, found=13
        )
        with pytest.raises(Refused) as error:
            store.put(wanted, iter([b"unwanted"]))
        assert error.value.code is Code.TUF_TARGET_DIGEST
        assert not store.has(wanted)
        assert not list(store.path_of(wanted).parent.iterdir())

    def test_a_failed_put_keeps_what_was_there(self, store: TargetStore) -> None:
        """Neither wrong bytes nor a broken download cost the file that stands."""
        old = target("a.bin", b"old")
        store.put(old, iter([b"old"]))
        with pytest.raises(Refused):
            store.put(target("a.bin", b"new"), iter([b"evil"]))
        with pytest.raises(Unavailable):
            store.put(target("a.bin", b"new"), broken())
        assert store.has(old)
        assert len(list(store.path_of(old).parent.iterdir())) == 1

    def test_a_new_file_replaces_the_old(self, store: TargetStore) -> None:
        """Of two versions under one path the newer one stands."""
        old, new = target("a.bin", b"old one"), target("a.bin", b"new")
        store.put(old, iter([b"old one"]))
        store.put(new, iter([b"new"]))
        assert (store.has(old), store.has(new)) == (False, True)

    @pytest.mark.parametrize("altered", [b"", b"olf", b"old ", b"ol"])
    def test_an_altered_file_is_not_the_file(self, store: TargetStore, altered: bytes) -> None:
        """What somebody changed is not there any more."""
        wanted = target("a.bin", b"old")
        store.put(wanted, iter([b"old"])).write_bytes(altered)
        assert not store.has(wanted)


class TestTargetFolder(TargetStoreContract):
    """Files in a folder."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> TargetFolder:
        """A folder that is not there yet."""
        return TargetFolder(tmp_path / "new" / "targets")

    @pytest.mark.parametrize("length", [249, 250])
    def test_a_name_may_be_as_long_as_a_file_name_and_its_unfinished_form(
        self, store: TargetFolder, length: int
    ) -> None:
        """The longest name that the disk can take is taken, and a longer one refused."""
        wanted = target("x" * length, b"x")
        if length == 249:
            store.put(wanted, iter([b"x"]))
            assert store.has(wanted)
            return
        with pytest.raises(Refused) as error:
            store.path_of(wanted)
        assert error.value.fault == OverLimit(
            code=Code.STORE_NAME_TOO_LONG, what="x" * 40, limit=249
        )

    def test_a_folder_in_the_files_place_is_damage(
        self, store: TargetFolder, tmp_path: Path
    ) -> None:
        """What cannot be replaced by a file is reported, and nothing unfinished stays."""
        (tmp_path / "new" / "targets" / "a.bin").mkdir(parents=True)
        wanted = target("a.bin", b"x")
        assert not store.has(wanted)
        with pytest.raises(Damaged) as error:
            store.put(wanted, iter([b"x"]))
        assert error.value.code is Code.STORE_IO
        assert [place.name for place in (tmp_path / "new" / "targets").iterdir()] == ["a.bin"]

    def test_a_folder_in_the_unfinished_files_place_is_damage(
        self, store: TargetFolder, tmp_path: Path
    ) -> None:
        """What blocks the writer is reported and left to a person."""
        (tmp_path / "new" / "targets" / "a.bin+.part").mkdir(parents=True)
        with pytest.raises(Damaged) as error:
            store.put(target("a.bin", b"x"), iter([b"x"]))
        assert error.value.code is Code.STORE_IO

    def test_a_folder_that_cannot_be_made_is_damage(self, tmp_path: Path) -> None:
        """A failure of the disk is reported as the machine's own."""
        (tmp_path / "file").write_bytes(b"")
        store = TargetFolder(tmp_path / "file")
        wanted = target("a.bin", b"x")
        assert not store.has(wanted)
        with pytest.raises(Damaged) as error:
            store.put(wanted, iter([b"x"]))
        assert error.value.code is Code.STORE_IO
