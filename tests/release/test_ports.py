"""The contract of a desk and of a site: one class each, kept by folder and memory alike."""

import hashlib
from io import BytesIO
from pathlib import Path

import pytest

from firmhold.release.adapters.folder import FolderDesk
from firmhold.release.ports import Desk, Site
from firmhold.sim.desk import SimDesk
from firmhold.trust.digest import TARGET_FILE, Expectation
from firmhold.trust.errors import Code, Damaged, Misuse, Refused

CONTENT = b"firmware"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
EXPECTED = Expectation("a.bin", len(CONTENT), {"sha256": SHA256}, TARGET_FILE)


class TestDesk:
    """What every desk keeps, and what it refuses."""

    def test_an_empty_desk_has_nothing(self, desk: Desk) -> None:
        """What was never put on the desk is not there."""
        assert desk.current("root") is None
        assert desk.versions("root") == []
        assert desk.draft("feature") is None

    def test_making_a_desk_again_changes_nothing(self, desk: Desk) -> None:
        """A desk that is there already stays as it is."""
        desk.keep("root", 1, b"one")
        desk.make()
        assert desk.current("root") == b"one"

    def test_versions_stand_in_the_order_of_their_numbers(self, desk: Desk) -> None:
        """Version ten follows nine, and the newest is the current one."""
        for version in (10, 1, 9, 2):
            desk.keep("feature", version, b"version %d" % version)
        assert [number for number, _ in desk.versions("feature")] == [1, 2, 9, 10]
        assert desk.current("feature") == b"version 10"
        assert desk.current("security") is None

    def test_a_kept_version_never_changes(self, desk: Desk) -> None:
        """Keeping a version again is nothing, and another document of its number is refused."""
        desk.keep("root", 1, b"one")
        desk.keep("root", 1, b"one")
        with pytest.raises(Damaged) as error:
            desk.keep("root", 1, b"another one")
        assert error.value.code is Code.RELEASE_DESK
        assert desk.versions("root") == [(1, b"one")]

    def test_a_draft_is_replaced_and_dropped(self, desk: Desk) -> None:
        """There is one draft a role; dropping one that is not there is no mistake."""
        desk.put_draft("feature", b"first")
        desk.put_draft("feature", b"second")
        assert desk.draft("feature") == b"second"
        desk.drop_draft("feature")
        desk.drop_draft("feature")
        desk.drop_draft("security")
        assert desk.draft("feature") is None

    def test_a_file_is_taken_in_by_its_content(self, desk: Desk, tmp_path: Path) -> None:
        """What was taken in is found under its digest, also when the source has gone."""
        source = tmp_path / "a.bin"
        source.write_bytes(CONTENT)
        assert desk.take_in(source) == (len(CONTENT), SHA256)
        assert desk.take_in(source) == (len(CONTENT), SHA256)
        source.unlink()
        with desk.file(SHA256) as file:
            assert file.read() == CONTENT

    def test_a_file_that_is_none_is_not_taken_in(self, desk: Desk, tmp_path: Path) -> None:
        """A missing file and a folder are the caller's mistake."""
        for source in (tmp_path / "missing", tmp_path):
            with pytest.raises(Misuse) as error:
                desk.take_in(source)
            assert error.value.code is Code.RELEASE_NO_SUCH_FILE

    def test_a_file_that_was_not_taken_in_is_missed(self, desk: Desk) -> None:
        """A desk without the file that its metadata name is damaged."""
        for digest in (SHA256, ""):
            with pytest.raises(Damaged) as error:
                desk.file(digest)
            assert error.value.code is Code.RELEASE_DESK

    def test_one_step_at_a_time_changes_the_desk(self, desk: Desk) -> None:
        """Who comes second is told so, and may come again."""
        with desk.locked(), pytest.raises(Misuse) as error, desk.locked():
            pass
        assert error.value.code is Code.RELEASE_DESK
        with desk.locked():
            desk.keep("root", 1, b"one")

    def test_a_step_that_fails_lets_the_desk_go(self, desk: Desk) -> None:
        """A failure inside a step does not keep the next one out."""
        with pytest.raises(ZeroDivisionError), desk.locked():
            _ = 1 // 0
        with desk.locked():
            desk.keep("root", 1, b"one")


def test_a_desk_that_was_never_made_is_not_held(tmp_path: Path) -> None:
    """Where there is no desk, a step says so and makes none."""
    for desk in (FolderDesk(tmp_path / "desk"), SimDesk()):
        with pytest.raises(Misuse) as error, desk.locked():
            pass
        assert error.value.code is Code.RELEASE_DESK
    assert list(tmp_path.iterdir()) == []


class TestSite:
    """What every site serves, and what it refuses."""

    def test_an_empty_site_serves_nothing(self, site: Site) -> None:
        """What was never put on the site is not there."""
        assert site.get("metadata/timestamp.json") is None
        assert not site.has_file("targets/a.bin", EXPECTED)

    def test_a_name_never_changes_its_content(self, site: Site) -> None:
        """The same bytes may be put again; others are another repository's."""
        site.put("metadata/1.root.json", b"ours")
        site.put("metadata/1.root.json", b"ours")
        with pytest.raises(Misuse) as error:
            site.put("metadata/1.root.json", b"theirs")
        assert error.value.code is Code.RELEASE_SITE_TAKEN
        assert site.get("metadata/1.root.json") == b"ours"

    def test_what_is_replaced_is_the_newest(self, site: Site) -> None:
        """The one name that may change its content changes it."""
        site.replace("metadata/timestamp.json", b"old")
        site.replace("metadata/timestamp.json", b"new")
        assert site.get("metadata/timestamp.json") == b"new"

    def test_a_file_stands_under_its_name(self, site: Site) -> None:
        """A file that was put is there, whole."""
        site.put_file("targets/x/a.bin", BytesIO(CONTENT), EXPECTED)
        assert site.has_file("targets/x/a.bin", EXPECTED)
        assert site.get("targets/x/a.bin") == CONTENT

    @pytest.mark.parametrize(
        ("content", "code"),
        [
            (CONTENT + b"!", Code.TUF_TARGET_LENGTH),
            (CONTENT[::-1], Code.TUF_TARGET_DIGEST),
            (b"", Code.TUF_TARGET_LENGTH),
        ],
        ids=["longer", "altered", "empty"],
    )
    def test_another_file_never_gets_the_name(self, site: Site, content: bytes, code: Code) -> None:
        """A file that is not the one that was signed for is refused, and nothing is served."""
        with pytest.raises(Refused) as error:
            site.put_file("targets/a.bin", BytesIO(content), EXPECTED)
        assert error.value.code is code
        assert site.get("targets/a.bin") is None

    def test_a_cut_copy_is_copied_again(self, site: Site) -> None:
        """A file of another length is not taken for the signed one, and is replaced."""
        site.replace("targets/a.bin", CONTENT[:3])
        assert not site.has_file("targets/a.bin", EXPECTED)
        site.put_file("targets/a.bin", BytesIO(CONTENT), EXPECTED)
        assert site.get("targets/a.bin") == CONTENT
