"""Step 7: what goes out, what stays behind, and what clients read of it."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from firmhold.release.publish import publish
from firmhold.sim.desk import SimDesk, SimSite
from firmhold.sim.signer import sim_signer
from firmhold.sim.vendor import SimReader, SimVendor
from firmhold.trust.errors import Code, Misuse, Refused
from firmhold.trust.faults import Expired, QuorumUnmet
from firmhold.trust.outer_faults import PlaceFault
from firmhold.trust.quorum import Tally
from firmhold.trust.tuf.dialect import FIRMHOLD, PLAIN_TUF, Dialect

MakeFile = Callable[..., Path]


@pytest.mark.parametrize("dialect", [FIRMHOLD, PLAIN_TUF], ids=["firmhold", "plain"])
@pytest.mark.parametrize("authority", ["feature", "security"])
def test_what_a_quorum_signed_is_read_by_clients(
    any_vendor: SimVendor, make_file: MakeFile, authority: str, dialect: Dialect
) -> None:
    """A release is read whole, by a Firmhold device and by any TUF client."""
    published = any_vendor.release(authority, make_file("a.bin", b"first"))
    other = {"feature": "security", "security": "feature"}[authority]
    assert published.versions == {
        "root": 1,
        "targets": 1,
        authority: 2,
        other: 1,
        "snapshot": 1,
        "timestamp": 1,
    }
    assert published.waiting == {}
    reader = SimReader(any_vendor.site, any_vendor.root, any_vendor.clock, dialect)
    assert reader.read(f"{authority}/thing/a.bin") == b"first"


def test_a_draft_without_its_quorum_stays_behind(
    any_vendor: SimVendor, make_file: MakeFile
) -> None:
    """One signature publishes nothing: the draft waits, and the tally says for whom."""
    any_vendor.build("feature", make_file())
    any_vendor.sign("feature", "feature-3")
    any_vendor.release("security", make_file("fix.bin"))
    published = any_vendor.publish()
    assert published.waiting == {
        "feature": Tally(2, ("feature-3",), ("feature-1", "feature-2"))  # type: ignore[arg-type]
    }
    assert published.versions["feature"] == 1
    reader = SimReader(any_vendor.site, any_vendor.root, any_vendor.clock)
    assert reader.read("security/thing/fix.bin") == b"firmware"
    with pytest.raises(Refused) as error:
        reader.read("feature/thing/a.bin")
    assert error.value.code is Code.TUF_NO_SUCH_TARGET
    assert any_vendor.sign("feature", "feature-1").met
    assert any_vendor.publish().versions["feature"] == 2


def test_a_published_draft_is_gone(any_vendor: SimVendor, make_file: MakeFile) -> None:
    """After a publication the desk is ready for the next draft."""
    any_vendor.release("feature", make_file("a.bin"))
    assert any_vendor.desk.draft("feature") is None
    any_vendor.release("feature", make_file("b.bin"))
    assert [number for number, _ in any_vendor.desk.versions("feature")] == [1, 2, 3]


def test_both_authorities_go_out_together(vendor: SimVendor, make_file: MakeFile) -> None:
    """Two drafts that are ready are one publication."""
    for role in ("feature", "security"):
        vendor.build(role, make_file())
        vendor.sign(role, f"{role}-1", f"{role}-3")
    versions = vendor.publish().versions
    assert (versions["feature"], versions["security"], versions["timestamp"]) == (2, 2, 1)


def test_publishing_again_is_a_new_timestamp(any_vendor: SimVendor, make_file: MakeFile) -> None:
    """Without drafts a publication renews the online roles, and clients follow it."""
    any_vendor.release("feature", make_file())
    reader = SimReader(any_vendor.site, any_vendor.root, any_vendor.clock)
    reader.refresh()
    any_vendor.clock.advance(timedelta(days=6))
    versions = any_vendor.publish().versions
    assert (versions["feature"], versions["snapshot"], versions["timestamp"]) == (2, 2, 2)
    any_vendor.clock.advance(timedelta(days=6))
    assert reader.read("feature/thing/a.bin") == b"firmware"


def test_a_file_that_was_replaced_under_its_name_is_read_anew(
    any_vendor: SimVendor, make_file: MakeFile
) -> None:
    """A path may name another file later; clients between two releases read the one they know."""
    any_vendor.release("feature", make_file("a.bin", b"one"))
    reader = SimReader(any_vendor.site, any_vendor.root, any_vendor.clock)
    assert reader.read("feature/thing/a.bin") == b"one"
    any_vendor.release("feature", make_file("a.bin", b"two"))
    assert reader.read("feature/thing/a.bin") == b"two"


def test_a_renewal_keeps_the_files_readable(any_vendor: SimVendor, make_file: MakeFile) -> None:
    """A role that is drafted again without files outlives its first date."""
    any_vendor.release("feature", make_file())
    any_vendor.release("security", make_file("fix.bin"))
    any_vendor.clock.advance(timedelta(days=60))
    any_vendor.release("feature")
    any_vendor.release("security")
    any_vendor.clock.advance(timedelta(days=60))
    any_vendor.publish()
    reader = SimReader(any_vendor.site, any_vendor.root, any_vendor.clock)
    assert reader.read("feature/thing/a.bin") == b"firmware"
    assert reader.read("security/thing/fix.bin") == b"firmware"


def test_a_clock_that_went_back_does_not_stop_the_desk(
    any_vendor: SimVendor, make_file: MakeFile
) -> None:
    """Versions go on where the clock does not."""
    any_vendor.clock.advance(timedelta(days=5))
    any_vendor.release("feature", make_file("a.bin"))
    reader = SimReader(any_vendor.site, any_vendor.root, any_vendor.clock)
    reader.refresh()
    any_vendor.clock.advance(timedelta(days=-5))
    any_vendor.release("feature", make_file("b.bin"))
    assert reader.read("feature/thing/b.bin") == b"firmware"


@pytest.mark.parametrize(
    ("days", "code", "role"),
    [
        (91, Code.TUF_FREEZE_TARGETS, "feature"),
        (366, Code.TUF_FREEZE_ROOT, "root"),
    ],
)
def test_expired_roles_are_not_published(
    any_vendor: SimVendor, make_file: MakeFile, days: int, code: Code, role: str
) -> None:
    """The desk refuses what every device would refuse, names the role, and changes nothing."""
    any_vendor.release("feature", make_file())
    before = any_vendor.site.get("metadata/timestamp.json")
    any_vendor.clock.advance(timedelta(days=days))
    with pytest.raises(Refused) as error:
        any_vendor.publish()
    assert error.value.code is code
    assert isinstance(error.value.fault, Expired)
    assert error.value.fault.role == role
    assert any_vendor.site.get("metadata/timestamp.json") == before
    assert len(any_vendor.desk.versions("timestamp")) == 1


def test_a_draft_that_expired_while_it_was_signed_is_still_a_draft(
    vendor: SimVendor, make_file: MakeFile
) -> None:
    """What cannot go out is not promoted, and its role goes on as before."""
    vendor.build("feature", make_file())
    vendor.sign("feature", "feature-1", "feature-2")
    vendor.clock.advance(timedelta(days=91))
    for _ in range(2):
        with pytest.raises(Refused) as error:
            vendor.publish()
        assert error.value.code is Code.TUF_FREEZE_TARGETS
    assert len(vendor.desk.versions("feature")) == 1
    assert vendor.desk.draft("feature") is not None


@pytest.mark.parametrize("role", ["snapshot", "timestamp"])
@pytest.mark.parametrize("thief", ["feature-1", "root-1", "somebody"])
def test_an_online_role_signed_by_another_key_does_not_go_out(
    vendor: SimVendor, role: str, thief: str
) -> None:
    """The desk counts the signatures on its own work before anybody else can."""
    online = {**vendor.online, role: sim_signer(thief)}
    with pytest.raises(Refused) as error:
        publish(vendor.desk, vendor.site, online, vendor.clock.now())
    assert error.value.code.value == f"tuf.signatures.{role}"
    assert isinstance(error.value.fault, QuorumUnmet)
    assert vendor.desk.current(role) is None
    assert isinstance(vendor.site, SimSite)
    assert vendor.site.served == {}


@pytest.mark.parametrize("case", ["published", "root alone", "timestamp alone"])
def test_a_site_of_another_domain_stays_as_it_is(
    vendor: SimVendor, make_file: MakeFile, case: str
) -> None:
    """Nothing is written into a folder that serves another repository."""
    names = {"root": ["Ann", "Bob", "Cy"]}
    other = SimVendor(site=SimSite(), names=names)
    other.release("feature", make_file("theirs.bin"))
    assert isinstance(other.site, SimSite)
    if case != "published":
        kept = {"root alone": "metadata/1.root.json", "timestamp alone": "metadata/timestamp.json"}
        other.site.served = {kept[case]: other.site.served[kept[case]]}
    before = dict(other.site.served)
    vendor.site = other.site
    with pytest.raises(Misuse) as error:
        vendor.release("feature", make_file("ours.bin"))
    assert error.value.fault == PlaceFault(
        code=Code.RELEASE_SITE_TAKEN,
        path="metadata/1.root.json",
        detail="another repository is here",
    )
    assert other.site.served == before
    assert vendor.desk.versions("timestamp") == []


def test_a_second_site_gets_everything_that_is_current(
    vendor: SimVendor, make_file: MakeFile
) -> None:
    """A new, empty site serves the whole from its first publication on."""
    vendor.release("feature", make_file("a.bin"))
    vendor.release("feature", make_file("b.bin"))
    vendor.site = SimSite()
    vendor.publish()
    reader = SimReader(vendor.site, vendor.root, vendor.clock)
    assert reader.read("feature/thing/a.bin") == b"firmware"
    assert reader.read("feature/thing/b.bin") == b"firmware"


def test_a_site_whose_timestamp_was_spoilt_is_mended(
    vendor: SimVendor, make_file: MakeFile
) -> None:
    """Publishing again replaces a timestamp that says nothing, and one whose snapshot is gone."""
    vendor.release("feature", make_file())
    assert isinstance(vendor.site, SimSite)
    vendor.site.served["metadata/timestamp.json"] = b"{spoilt"
    vendor.publish()
    del vendor.site.served["metadata/2.snapshot.json"]
    vendor.publish()
    reader = SimReader(vendor.site, vendor.root, vendor.clock)
    assert reader.read("feature/thing/a.bin") == b"firmware"


def test_a_desk_without_a_domain_publishes_nothing() -> None:
    """An empty desk says that it is one."""
    desk = SimDesk()
    desk.make()
    with pytest.raises(Misuse) as error:
        publish(desk, SimSite(), {}, SimVendor().clock.now())
    fault = PlaceFault(code=Code.RELEASE_DESK, path="metadata of root", detail="no root is here")
    assert error.value.fault == fault


def test_a_site_that_holds_the_files_does_not_ask_the_desk_for_them(
    vendor: SimVendor, make_file: MakeFile
) -> None:
    """Files that have gone out may leave the desk."""
    vendor.release("feature", make_file())
    assert isinstance(vendor.desk, SimDesk)
    vendor.desk.files.clear()
    assert vendor.publish().versions["timestamp"] == 2
