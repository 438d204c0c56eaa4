"""Step 1: from files to a draft."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from firmhold.release.build import Built, discard
from firmhold.release.documents import LIFETIMES, parse
from firmhold.sim.vendor import SimReader, SimVendor
from firmhold.trust.errors import Code, Misuse, Refused
from firmhold.trust.faults import Absent
from firmhold.trust.outer_faults import PlaceFault
from firmhold.trust.tuf.dialect import FIRMHOLD
from firmhold.trust.tuf.roles import Targets, read_targets

MakeFile = Callable[..., Path]


def draft(vendor: SimVendor, role: str) -> Targets:
    """What the open draft of a role says."""
    return read_targets(parse(vendor.desk.draft(role) or b"", role), FIRMHOLD)


@pytest.mark.parametrize("authority", ["feature", "security"])
def test_a_draft_is_the_next_version_with_the_files(
    any_vendor: SimVendor, make_file: MakeFile, authority: str
) -> None:
    """A draft names each file by path, length and digest, and lives as long as its role may."""
    built = any_vendor.build(authority, make_file("a.bin"), make_file("b-1.0+2_x"))
    paths = (f"{authority}/thing/a.bin", f"{authority}/thing/b-1.0+2_x")
    assert built == Built(authority, 2, paths)
    drafted = draft(any_vendor, authority)
    assert tuple(drafted.files) == paths
    assert {file.length for file in drafted.files.values()} == {len(b"firmware")}
    assert drafted.expires == any_vendor.clock.now() + LIFETIMES[authority]


def test_the_same_files_at_the_same_moment_are_the_same_draft(
    any_vendor: SimVendor, make_file: MakeFile
) -> None:
    """Building again changes no byte and loses no signature."""
    files = [make_file("a.bin"), make_file("b.bin", b"other")]
    any_vendor.build("feature", *files)
    any_vendor.sign("feature", "feature-1")
    before = any_vendor.desk.draft("feature")
    built = any_vendor.build("feature", *reversed(files))
    assert any_vendor.desk.draft("feature") == before
    assert built.version == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda vendor, make_file: vendor.build("feature", make_file("a.bin", b"altered")),
        lambda vendor, make_file: vendor.build("feature", make_file("b.bin")),
        lambda vendor, _: vendor.build("feature"),
        lambda vendor, make_file: vendor.build("feature", make_file(), product="other"),
        lambda vendor, make_file: (
            vendor.clock.advance(timedelta(seconds=1)),
            vendor.build("feature", make_file()),
        ),
    ],
    ids=["other content", "other name", "no files", "other product", "another second"],
)
def test_an_open_draft_is_never_replaced(
    vendor: SimVendor, make_file: MakeFile, change: Callable[[SimVendor, MakeFile], object]
) -> None:
    """Another draft has to wait until the open one is published or discarded."""
    vendor.build("feature", make_file())
    before = vendor.desk.draft("feature")
    with pytest.raises(Misuse) as error:
        change(vendor, make_file)
    fault = PlaceFault(code=Code.RELEASE_DRAFT_OPEN, path="feature", detail="it has other content")
    assert error.value.fault == fault
    assert vendor.desk.draft("feature") == before


def test_the_two_authorities_draft_side_by_side(vendor: SimVendor, make_file: MakeFile) -> None:
    """An open draft of one authority does not keep the other waiting."""
    vendor.build("feature", make_file())
    vendor.build("security", make_file())
    assert draft(vendor, "feature").files.keys() == {"feature/thing/a.bin"}
    assert draft(vendor, "security").files.keys() == {"security/thing/a.bin"}


def test_a_release_adds_to_those_before(vendor: SimVendor, make_file: MakeFile) -> None:
    """What was released stays released."""
    vendor.release("feature", make_file("a.bin"))
    vendor.build("feature", make_file("b.bin"))
    assert draft(vendor, "feature").files.keys() == {"feature/thing/a.bin", "feature/thing/b.bin"}


def test_without_files_a_role_is_renewed(vendor: SimVendor, make_file: MakeFile) -> None:
    """A renewal changes the date and the version, and nothing else."""
    vendor.release("feature", make_file())
    vendor.clock.advance(timedelta(days=60))
    assert vendor.build("feature") == Built("feature", 3, ())
    renewed = draft(vendor, "feature")
    assert renewed.files.keys() == {"feature/thing/a.bin"}
    assert renewed.expires == vendor.clock.now() + LIFETIMES["feature"]


def test_an_empty_file_is_a_file(vendor: SimVendor, make_file: MakeFile) -> None:
    """A file without bytes is released and read like any other."""
    vendor.release("feature", make_file("empty", b""))
    reader = SimReader(vendor.site, vendor.root, vendor.clock)
    assert reader.read("feature/thing/empty") == b""


NO_NAMES = {
    "empty": "",
    "leading dot": ".hidden",
    "parent": "..",
    "leading dash": "-rf",
    "space": "a b",
    "unicode": "mu\u0308sli",
    "looks like ascii": "\u0430.bin",
    "line break": "a\n",
    "backslash": "a\\b",
    "percent": "a%2Fb",
    "colon": "a:b",
    "star": "a*",
    "NUL": "a\x00b",
    "too long": "a" * 101,
}


@pytest.mark.parametrize("name", NO_NAMES.values(), ids=NO_NAMES)
def test_a_name_that_some_server_would_change_is_no_products(vendor: SimVendor, name: str) -> None:
    """A product whose name is not kept everywhere as it is cannot be released, files or not."""
    with pytest.raises(Misuse) as error:
        vendor.build("feature", product=name)
    assert error.value.code is Code.RELEASE_TARGET_NAME
    assert isinstance(error.value.fault, PlaceFault)
    assert error.value.fault.path == name
    assert vendor.desk.draft("feature") is None


@pytest.mark.parametrize("name", ["../thing", "a/b", "/a", "a/", "counters"])
def test_a_product_neither_climbs_nor_takes_a_reserved_name(vendor: SimVendor, name: str) -> None:
    """A product is one folder of its authority, and never the one of the counters."""
    with pytest.raises(Misuse) as error:
        vendor.build("security", product=name)
    assert error.value.code is Code.RELEASE_TARGET_NAME


@pytest.mark.parametrize(
    "name", [name for case, name in NO_NAMES.items() if case not in {"empty", "parent", "NUL"}]
)
def test_a_name_that_some_server_would_change_is_no_files(
    vendor: SimVendor, make_file: MakeFile, name: str
) -> None:
    """A file is released under its own name or not at all."""
    with pytest.raises(Misuse) as error:
        vendor.build("feature", make_file(name))
    assert error.value.code is Code.RELEASE_TARGET_NAME
    assert vendor.desk.draft("feature") is None


@pytest.mark.parametrize("name", ["A", "0", "a" * 100, "counters", "a.tar.gz", "a..b", "x+y_z-"])
def test_a_name_that_every_server_keeps_is_a_files(
    vendor: SimVendor, make_file: MakeFile, name: str
) -> None:
    """The shortest and the longest name and every allowed character are released."""
    vendor.release("feature", make_file(name))
    reader = SimReader(vendor.site, vendor.root, vendor.clock)
    assert reader.read(f"feature/thing/{name}") == b"firmware"


def test_two_files_of_one_name_are_told_apart_by_refusing(
    vendor: SimVendor, make_file: MakeFile
) -> None:
    """Files of one name in two folders would be one target."""
    with pytest.raises(Misuse) as error:
        vendor.build("feature", make_file("a.bin"), make_file("a.bin", folder="elsewhere"))
    detail = "two files of one name"
    fault = PlaceFault(code=Code.RELEASE_TARGET_NAME, path="a.bin", detail=detail)
    assert error.value.fault == fault


@pytest.mark.parametrize("what", ["missing", "folder"])
def test_what_is_no_file_is_not_released(any_vendor: SimVendor, tmp_path: Path, what: str) -> None:
    """A missing file and a folder are named, and no draft is opened."""
    source = tmp_path / what
    if what == "folder":
        source.mkdir()
    with pytest.raises(Misuse) as error:
        any_vendor.build("feature", source)
    assert error.value.code is Code.RELEASE_NO_SUCH_FILE
    assert any_vendor.desk.draft("feature") is None


@pytest.mark.parametrize("role", ["root", "targets", "snapshot", "timestamp", "nobody", ""])
def test_only_the_two_authorities_release(
    vendor: SimVendor, make_file: MakeFile, role: str
) -> None:
    """Nothing can be drafted for another role."""
    with pytest.raises(Misuse) as error:
        vendor.build(role, make_file())
    fault = Absent(code=Code.RELEASE_NOT_A_ROLE, name=role, listed_in="feature and security")
    assert error.value.fault == fault


class TestDiscard:
    """Throwing a draft away."""

    def test_a_discarded_draft_makes_room(self, any_vendor: SimVendor, make_file: MakeFile) -> None:
        """After a discard another draft can be built, of the same version."""
        any_vendor.build("feature", make_file())
        any_vendor.sign("feature", "feature-1")
        discard(any_vendor.desk, "feature")
        assert any_vendor.desk.draft("feature") is None
        assert any_vendor.build("feature", make_file("b.bin")).version == 2

    def test_a_draft_that_cannot_be_read_can_be_discarded(self, vendor: SimVendor) -> None:
        """A spoilt draft does not block its role: the way out is the one that is advised."""
        vendor.desk.put_draft("feature", b"{spoilt")
        with pytest.raises(Refused) as error:
            vendor.build("feature")
        assert error.value.code is Code.ENCODING_NOT_JSON
        discard(vendor.desk, "feature")
        assert vendor.build("feature").version == 2

    def test_nothing_is_discarded_where_nothing_is_open(self, vendor: SimVendor) -> None:
        """Discarding what is not there is said to be a mistake."""
        with pytest.raises(Misuse) as error:
            discard(vendor.desk, "feature")
        fault = Absent(code=Code.RELEASE_NOTHING_TO_SIGN, name="feature", listed_in="drafts")
        assert error.value.fault == fault
