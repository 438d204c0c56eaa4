"""Somebody who can write to the desk's folder, and holds no key or too few."""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from firmhold.release.documents import add_signature, parse
from firmhold.release.show import show
from firmhold.sim.desk import SimDesk, SimSite
from firmhold.sim.signer import sim_signer
from firmhold.sim.vendor import SimReader, SimVendor
from firmhold.trust.encoding import canonical_json
from firmhold.trust.errors import Code, Damaged, FirmholdError, Refused
from firmhold.trust.faults import DigestMismatch, Malformed

MakeFile = Callable[..., Path]
Document = dict[str, Any]
Edit = Callable[[Document], object]
MALWARE = b"not from here"
MALWARE_ENTRY = {"length": len(MALWARE), "hashes": {"sha256": hashlib.sha256(MALWARE).hexdigest()}}
PATH = "feature/thing/a.bin"


@pytest.fixture
def desk() -> SimDesk:
    """A desk in memory, open for the insider."""
    return SimDesk()


@pytest.fixture
def vendor(desk: SimDesk, make_file: MakeFile) -> SimVendor:
    """A vendor who has released a file, and whose next draft waits for its second signature."""
    vendor = SimVendor(desk)
    vendor.release("feature", make_file("old.bin"))
    vendor.build("feature", make_file("a.bin"))
    return vendor


def edit_draft(desk: SimDesk, edit: Edit, role: str = "feature") -> None:
    """Change the signed part of a draft by hand and leave its signatures where they are."""
    document: Document = json.loads(desk.open_drafts[role])
    edit(document["signed"])
    desk.open_drafts[role] = canonical_json(document)


EDITS: dict[str, Edit] = {
    "lives for a century": lambda signed: signed.update(expires="2130-01-01T00:00:00Z"),
    "delegates to a friend": lambda signed: signed.update(
        delegations={
            "keys": {sim_signer("friend").key_id: sim_signer("friend").entry},
            "roles": [
                {
                    "name": "friend",
                    "keyids": [sim_signer("friend").key_id],
                    "threshold": 1,
                    "terminating": True,
                    "paths": ["feature/*/*"],
                }
            ],
        },
        **{"x-firmhold-holders": {sim_signer("friend").key_id: "friend"}},
    ),
    "says more": lambda signed: signed.update({"x-firmhold-freshness": {"epoch": 7}}),
    "says less": lambda signed: signed["targets"].pop("feature/thing/old.bin"),
    "speaks another version of TUF": lambda signed: signed.update(spec_version="1.9.9"),
    "takes the other authority's path": lambda signed: signed["targets"].update(
        {"security/thing/a.bin": signed["targets"][PATH]}
    ),
    "takes the counters' path": lambda signed: signed["targets"].update(
        {"feature/counters/a.bin": signed["targets"][PATH]}
    ),
    "climbs": lambda signed: signed["targets"].update({"feature/../x": signed["targets"][PATH]}),
    "goes deeper": lambda signed: signed["targets"].update(
        {"feature/thing/x/y": signed["targets"][PATH]}
    ),
    "goes nowhere": lambda signed: signed["targets"].update({"feature": signed["targets"][PATH]}),
    "hides": lambda signed: signed["targets"].update({"feature/.x/y": signed["targets"][PATH]}),
    "adds words to a file": lambda signed: signed["targets"][PATH].update(custom={"run": "me"}),
    "adds words to an old file": lambda signed: signed["targets"]["feature/thing/old.bin"].update(
        custom={"run": "me"}
    ),
    "measures by another digest": lambda signed: signed["targets"][PATH].update(
        hashes={"md5": "00" * 16}
    ),
    "measures by one digest more": lambda signed: signed["targets"][PATH]["hashes"].update(
        sha512="00" * 64
    ),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_nobody_signs_what_build_does_not_write(
    vendor: SimVendor, desk: SimDesk, edit: Edit
) -> None:
    """A draft in which a hand has written is refused by the next holder's own command."""
    vendor.sign("feature", "feature-1")
    edit_draft(desk, edit)
    before = dict(desk.open_drafts)
    with pytest.raises(Refused) as error:
        vendor.sign("feature", "feature-2")
    assert error.value.code is Code.RELEASE_ALTERED_DRAFT
    assert isinstance(error.value.fault, Malformed)
    assert desk.open_drafts == before


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_what_build_does_not_write_is_not_published_under_good_signatures(
    vendor: SimVendor, desk: SimDesk, edit: Edit
) -> None:
    """Also a draft that a quorum signed by other tools goes out only if `build` could make it."""
    edit_draft(desk, edit)
    for holder in ("feature-1", "feature-2"):
        data = add_signature(desk.open_drafts["feature"], "feature", sim_signer(holder))
        desk.open_drafts["feature"] = data
    before = dict(desk.metadata)
    with pytest.raises(Refused) as error:
        vendor.publish()
    assert error.value.code is Code.RELEASE_ALTERED_DRAFT
    assert desk.metadata == before


def test_a_signature_does_not_survive_an_edit(vendor: SimVendor, desk: SimDesk) -> None:
    """What the first holder signed does not speak for what the draft says now."""
    vendor.sign("feature", "feature-1")
    edit_draft(desk, lambda signed: signed.update(expires="2030-02-01T00:00:00Z"))
    tally = vendor.sign("feature", "feature-2")
    assert (tally.signed, tally.needed) == (("feature-2",), 1)
    assert vendor.publish().waiting == {"feature": tally}


@pytest.mark.parametrize("version", [1, 2, 4, 2**63 - 1])
def test_another_version_than_the_next_is_stale(
    vendor: SimVendor, desk: SimDesk, version: int
) -> None:
    """Nobody is led to sign a version that ends all versions, or one that went out before."""
    edit_draft(desk, lambda signed: signed.update(version=version))
    with pytest.raises(Refused) as error:
        vendor.sign("feature", "feature-1")
    assert error.value.code is Code.RELEASE_STALE_DRAFT


def test_a_file_that_was_exchanged_on_the_desk_is_found_by_the_next_holder(
    vendor: SimVendor, desk: SimDesk
) -> None:
    """Each holder's command measures the file itself."""
    vendor.sign("feature", "feature-1")
    digest = hashlib.sha256(b"firmware").hexdigest()
    desk.files[digest] = b"malware!"
    with pytest.raises(Refused) as error:
        vendor.sign("feature", "feature-2")
    assert error.value.fault == DigestMismatch(
        code=Code.TUF_TARGET_DIGEST,
        what=PATH,
        algorithm="sha256",
        expected=digest,
        found=hashlib.sha256(b"malware!").hexdigest(),
    )


@pytest.mark.parametrize("content", [None, b"short", b"firmware and more"])
def test_a_file_that_is_gone_or_of_another_length_is_signed_by_nobody(
    vendor: SimVendor, desk: SimDesk, content: bytes | None
) -> None:
    """A draft needs every file that it names, whole."""
    digest = hashlib.sha256(b"firmware").hexdigest()
    if content is None:
        del desk.files[digest]
    else:
        desk.files[digest] = content
    with pytest.raises(FirmholdError) as error:
        vendor.sign("feature", "feature-1")
    expected = Code.RELEASE_DESK if content is None else Code.TUF_TARGET_LENGTH
    assert error.value.code is expected


def test_a_file_that_is_exchanged_after_the_quorum_is_not_published(
    vendor: SimVendor, desk: SimDesk
) -> None:
    """Publishing measures the file again before the desk remembers anything."""
    vendor.sign("feature", "feature-1", "feature-2")
    before = dict(desk.metadata)
    desk.files[hashlib.sha256(b"firmware").hexdigest()] = b"malware!"
    with pytest.raises(Refused) as error:
        vendor.publish()
    assert error.value.code is Code.TUF_TARGET_DIGEST
    assert desk.metadata == before


def forged(desk: SimDesk, role: str, version: int, edit: Edit, *signers: str) -> None:
    """Put a version of a role on the desk that was not made by its steps."""
    document: Document = json.loads(desk.current(role) or b"")
    document["signed"]["version"] = version
    edit(document["signed"])
    data = canonical_json({"signatures": [], "signed": document["signed"]})
    for signer in signers:
        data = add_signature(data, role, sim_signer(signer))
    desk.metadata[role, version] = data


def name_malware(signed: Document) -> None:
    """Name a file that nobody signed for."""
    signed["targets"][PATH] = MALWARE_ENTRY


def nothing(_: Document) -> None:
    """Leave the document as it is."""


@pytest.mark.parametrize("signers", [(), ("feature-3",), ("security-1", "security-2")])
@pytest.mark.parametrize("edit", [name_malware, nothing])
def test_no_draft_grows_on_a_forged_version(
    vendor: SimVendor, desk: SimDesk, edit: Edit, signers: tuple[str, ...]
) -> None:
    """Building and publishing stop at a current version that its authority did not sign."""
    forged(desk, "feature", 9, edit, *signers)
    desk.open_drafts.clear()
    for step in (lambda: vendor.build("feature"), vendor.publish):
        with pytest.raises(Damaged) as error:
            step()
        assert error.value.code is Code.RELEASE_DESK


def test_no_holder_signs_on_top_of_a_forged_version(vendor: SimVendor, desk: SimDesk) -> None:
    """A forged current version does not make a draft the next one."""
    edit_draft(desk, lambda signed: signed.update(version=2**63 - 1))
    forged(desk, "feature", 2**63 - 2, nothing, "feature-3")
    with pytest.raises(Damaged) as error:
        vendor.sign("feature", "feature-1")
    assert error.value.code is Code.RELEASE_DESK


@pytest.mark.parametrize("role", ["snapshot", "timestamp"])
def test_the_online_keys_do_not_count_on_from_a_forged_version(
    vendor: SimVendor, desk: SimDesk, role: str
) -> None:
    """Nobody makes the machines' keys sign a version so high that honest ones look old."""
    forged(desk, role, 2**62, nothing, "feature-1")
    with pytest.raises(Damaged) as error:
        vendor.publish()
    assert error.value.code is Code.RELEASE_DESK


@pytest.mark.parametrize("role", ["snapshot", "timestamp", "feature"])
def test_an_old_version_under_a_new_number_moves_nothing_back(
    vendor: SimVendor, desk: SimDesk, role: str
) -> None:
    """A copy of what was signed once, under a higher number, takes nothing from the clients."""
    vendor.sign("feature", "feature-1", "feature-2")
    vendor.publish()
    reader = SimReader(vendor.site, vendor.root, vendor.clock)
    reader.refresh()
    desk.metadata[role, 99] = desk.metadata[role, 1]
    with suppress(FirmholdError):
        vendor.publish()
    assert reader.read(PATH) == b"firmware"
    assert SimReader(vendor.site, vendor.root, vendor.clock).read(PATH) == b"firmware"


@pytest.mark.parametrize("signers", [(), ("targets-3",), ("feature-1", "feature-2", "feature-3")])
def test_nobody_gets_a_seat_from_targets_that_were_not_signed(
    vendor: SimVendor, desk: SimDesk, signers: tuple[str, ...]
) -> None:
    """Who may sign for an authority is the word of the targets holders, a quorum of them."""

    def seat_a_friend(signed: Document) -> None:
        friend = sim_signer("friend")
        signed["delegations"]["keys"][friend.key_id] = friend.entry
        signed["delegations"]["roles"][0].update(keyids=[friend.key_id], threshold=1)
        signed["x-firmhold-holders"][friend.key_id] = "friend"

    forged(desk, "targets", 2, seat_a_friend, *signers)
    for step in (lambda: vendor.sign("feature", "friend"), vendor.publish):
        with pytest.raises(Damaged) as error:
            step()
        assert error.value.code is Code.RELEASE_DESK


@pytest.mark.parametrize("signers", [(), ("root-3",), ("targets-1", "targets-2", "targets-3")])
def test_a_root_that_its_predecessor_did_not_sign_stops_the_desk(
    vendor: SimVendor, desk: SimDesk, signers: tuple[str, ...]
) -> None:
    """The desk follows its roots as a device does, and goes no further than the first bad one."""
    forged(desk, "root", 2, nothing, *signers)
    for step in (
        lambda: vendor.build("security"),
        lambda: vendor.sign("feature", "feature-1"),
        vendor.publish,
        lambda: show(desk),
    ):
        with pytest.raises(Damaged) as error:
            step()
        assert error.value.code is Code.RELEASE_DESK


def test_a_rightly_signed_root_is_followed(vendor: SimVendor, desk: SimDesk) -> None:
    """A next root that enough holders of the old one signed is published with the rest."""
    forged(desk, "root", 2, nothing, "root-2", "root-3")
    assert vendor.publish().versions["root"] == 2
    reader = SimReader(vendor.site, vendor.root, vendor.clock)
    assert reader.refresh().root.value.version == 2


@pytest.mark.parametrize("role", ["root", "targets", "feature", "security"])
@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b"{}"], ids=repr)
def test_metadata_that_cannot_be_read_are_damage_of_the_desk(
    vendor: SimVendor, desk: SimDesk, role: str, data: bytes
) -> None:
    """Spoilt metadata are reported as this desk's damage, with the role's name."""
    desk.metadata[role, len(desk.versions(role))] = data
    with pytest.raises(Damaged) as error:
        vendor.publish()
    assert error.value.code is Code.RELEASE_DESK
    assert role in str(error.value)


@pytest.mark.parametrize("role", ["targets", "feature", "security"])
def test_metadata_that_are_gone_are_damage_of_the_desk(
    vendor: SimVendor, desk: SimDesk, role: str
) -> None:
    """A desk without a role's metadata publishes nothing."""
    desk.metadata = {key: data for key, data in desk.metadata.items() if key[0] != role}
    with pytest.raises(Damaged) as error:
        vendor.publish()
    assert error.value.code is Code.RELEASE_DESK


def test_an_old_draft_put_back_is_not_published_again(
    vendor: SimVendor, desk: SimDesk, make_file: MakeFile
) -> None:
    """A quorum's signatures on a version that has been overtaken do not bring it back."""
    vendor.sign("feature", "feature-1", "feature-2")
    overtaken = desk.open_drafts.pop("feature")
    vendor.build("feature", make_file("b.bin"))
    vendor.sign("feature", "feature-1", "feature-2")
    vendor.publish()
    desk.open_drafts["feature"] = overtaken
    with pytest.raises(Refused) as error:
        vendor.publish()
    assert error.value.code is Code.RELEASE_STALE_DRAFT
    reader = SimReader(vendor.site, vendor.root, vendor.clock)
    assert reader.read("feature/thing/b.bin") == b"firmware"


def test_what_stands_around_a_signed_draft_does_not_go_out(
    vendor: SimVendor, desk: SimDesk
) -> None:
    """What is published is the one spelling of what was signed."""
    vendor.sign("feature", "feature-1", "feature-2")
    document: Document = json.loads(desk.open_drafts["feature"])
    honest = desk.open_drafts["feature"]
    document["signatures"].reverse()
    desk.open_drafts["feature"] = json.dumps({**document, "note": "for the site"}).encode()
    vendor.publish()
    assert vendor.site.get("metadata/3.feature.json") == honest


def test_a_foreign_signature_counts_for_nothing(vendor: SimVendor, desk: SimDesk) -> None:
    """Signatures of others on a draft are neither counted nor in the way."""
    for stranger in ("security-1", "root-1", "friend"):
        data = add_signature(desk.open_drafts["feature"], "feature", sim_signer(stranger))
        desk.open_drafts["feature"] = data
    assert vendor.publish().waiting["feature"].signed == ()
    assert vendor.sign("feature", "feature-1", "feature-2").met
    assert parse(desk.open_drafts["feature"], "feature").signatures


def test_a_desk_that_was_set_back_spoils_neither_the_site_nor_itself(
    vendor: SimVendor, desk: SimDesk, make_file: MakeFile
) -> None:
    """A desk from an old backup publishes nothing over a site that is ahead of it."""
    backup = dict(desk.metadata)
    vendor.sign("feature", "feature-1", "feature-2")
    vendor.publish()
    desk.metadata = dict(backup)
    vendor.build("feature", make_file("b.bin"))
    vendor.sign("feature", "feature-1", "feature-2")
    assert isinstance(vendor.site, SimSite)
    served = dict(vendor.site.served)
    with pytest.raises(Refused):
        vendor.publish()
    assert (desk.metadata, vendor.site.served) == (backup, served)


def test_a_desk_far_behind_is_told_that_it_would_roll_back(
    vendor: SimVendor, desk: SimDesk
) -> None:
    """The refusal names the rollback, as a device would."""
    backup = dict(desk.metadata)
    vendor.publish()
    vendor.publish()
    desk.metadata = backup
    with pytest.raises(Refused) as error:
        vendor.publish()
    assert error.value.code is Code.TUF_ROLLBACK_TIMESTAMP
