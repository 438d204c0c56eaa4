"""Somebody puts metadata on the desk that its steps did not make."""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from firmhold.release.documents import add_signature
from firmhold.release.publish import publish
from firmhold.release.show import show
from firmhold.release.sign import sign
from firmhold.sim.desk import SimDesk, SimSite
from firmhold.sim.signer import sim_signer
from firmhold.sim.vendor import SimReader, SimVendor
from firmhold.trust.encoding import canonical_json
from firmhold.trust.errors import Code, Damaged, FirmholdError, Misuse, Refused
from firmhold.trust.faults import Absent, OverLimit
from firmhold.trust.outer_faults import PlaceFault
from firmhold.trust.tuf.wire import MAX_BYTES

MakeFile = Callable[..., Path]
Document = dict[str, Any]
Edit = Callable[[Document], object]
MALWARE = b"not from here"
MALWARE_ENTRY = {"length": len(MALWARE), "hashes": {"sha256": hashlib.sha256(MALWARE).hexdigest()}}
PATH = "feature/thing/a.bin"


def forged(sim_desk: SimDesk, role: str, version: int, edit: Edit, *signers: str) -> None:
    """Put a version of a role on the desk that was not made by its steps."""
    document: Document = json.loads(sim_desk.current(role) or b"")
    document["signed"]["version"] = version
    edit(document["signed"])
    data = canonical_json({"signatures": [], "signed": document["signed"]})
    for signer in signers:
        data = add_signature(data, role, sim_signer(signer))
    sim_desk.metadata[role, version] = data


def name_malware(signed: Document) -> None:
    """Name a file that nobody signed for."""
    signed["targets"][PATH] = MALWARE_ENTRY


def nothing(_: Document) -> None:
    """Leave the document as it is."""


@pytest.mark.parametrize("signers", [(), ("feature-3",), ("security-1", "security-2")])
@pytest.mark.parametrize("edit", [name_malware, nothing])
def test_no_draft_grows_on_a_forged_version(
    busy: SimVendor, sim_desk: SimDesk, edit: Edit, signers: tuple[str, ...]
) -> None:
    """Building and publishing stop at a current version that its authority did not sign."""
    forged(sim_desk, "feature", 9, edit, *signers)
    sim_desk.open_drafts.clear()
    for step in (lambda: busy.build("feature"), busy.publish):
        with pytest.raises(Damaged) as error:
            step()
        assert error.value.code is Code.RELEASE_DESK


def test_no_holder_signs_on_top_of_a_forged_version(busy: SimVendor, sim_desk: SimDesk) -> None:
    """A forged current version does not make a draft the next one."""
    draft: Document = json.loads(sim_desk.open_drafts["feature"])
    draft["signed"]["version"] = 2**63 - 1
    sim_desk.open_drafts["feature"] = canonical_json(draft)
    forged(sim_desk, "feature", 2**63 - 2, nothing, "feature-3")
    with pytest.raises(Damaged) as error:
        busy.sign("feature", "feature-1")
    assert error.value.code is Code.RELEASE_DESK


@pytest.mark.parametrize("role", ["snapshot", "timestamp"])
def test_the_online_keys_do_not_count_on_from_a_forged_version(
    busy: SimVendor, sim_desk: SimDesk, role: str
) -> None:
    """Nobody makes the machines' keys sign a version so high that honest ones look old."""
    forged(sim_desk, role, 2**62, nothing, "feature-1")
    with pytest.raises(Damaged) as error:
        busy.publish()
    assert error.value.code is Code.RELEASE_DESK


@pytest.mark.parametrize("role", ["snapshot", "timestamp", "feature"])
def test_an_old_version_under_a_new_number_moves_nothing_back(
    busy: SimVendor, sim_desk: SimDesk, role: str
) -> None:
    """A copy of what was signed once, under a higher number, takes nothing from the clients."""
    busy.sign("feature", "feature-1", "feature-2")
    busy.publish()
    reader = SimReader(busy.site, busy.root, busy.clock)
    reader.refresh()
    sim_desk.metadata[role, 99] = sim_desk.metadata[role, 1]
    with suppress(FirmholdError):
        busy.publish()
    assert reader.read(PATH) == b"firmware"
    assert SimReader(busy.site, busy.root, busy.clock).read(PATH) == b"firmware"


@pytest.mark.parametrize("signers", [(), ("targets-3",), ("feature-1", "feature-2", "feature-3")])
def test_nobody_gets_a_seat_from_targets_that_were_not_signed(
    busy: SimVendor, sim_desk: SimDesk, signers: tuple[str, ...]
) -> None:
    """Who may sign for an authority is the word of the targets holders, a quorum of them."""

    def seat_a_friend(signed: Document) -> None:
        friend = sim_signer("friend")
        signed["delegations"]["keys"][friend.key_id] = friend.entry
        signed["delegations"]["roles"][0].update(keyids=[friend.key_id], threshold=1)
        signed["x-firmhold-holders"][friend.key_id] = "friend"

    forged(sim_desk, "targets", 2, seat_a_friend, *signers)
    for step in (lambda: busy.sign("feature", "friend"), busy.publish):
        with pytest.raises(Damaged) as error:
            step()
        assert error.value.code is Code.RELEASE_DESK


def test_an_authority_that_targets_no_longer_name_has_no_seats(
    busy: SimVendor, sim_desk: SimDesk
) -> None:
    """What enough targets holders took back is nobody's."""

    def take_back(signed: Document) -> None:
        del signed["delegations"]["roles"][0]

    forged(sim_desk, "targets", 2, take_back, "targets-1", "targets-2")
    with pytest.raises(Misuse) as error:
        busy.sign("feature", "feature-1")
    fault = Absent(code=Code.RELEASE_NOT_A_ROLE, name="feature", listed_in="targets")
    assert error.value.fault == fault


@pytest.mark.parametrize("signers", [(), ("root-3",), ("targets-1", "targets-2", "targets-3")])
def test_a_root_that_its_predecessor_did_not_sign_stops_the_desk(
    busy: SimVendor, sim_desk: SimDesk, signers: tuple[str, ...]
) -> None:
    """The desk follows its roots as a device does, and goes no further than the first bad one."""
    forged(sim_desk, "root", 2, nothing, *signers)
    for step in (
        lambda: busy.build("security"),
        lambda: busy.sign("feature", "feature-1"),
        busy.publish,
        lambda: show(sim_desk),
    ):
        with pytest.raises(Damaged) as error:
            step()
        assert error.value.code is Code.RELEASE_DESK


def test_a_holder_who_knows_the_root_signs_nothing_of_another_domain(busy: SimVendor) -> None:
    """A whole desk in the insider's own name, with the holder's key in it, is not the holder's."""
    pinned, holder = busy.root, sim_signer("feature-1")
    theirs = SimVendor(names={"targets": ["insider", "friend"], "root": ["a", "b"]})
    theirs.build("feature")
    with pytest.raises(Refused) as error:
        sign(theirs.desk, "feature", holder, theirs.clock.now(), pinned=pinned)
    fault = PlaceFault(
        code=Code.RELEASE_DESK, path="metadata of root", detail="not the pinned root"
    )
    assert error.value.fault == fault
    assert sign(busy.desk, "feature", holder, busy.clock.now(), pinned=pinned).tally.needed == 1


def test_a_pinned_root_stays_the_pin_when_roots_follow_it(
    busy: SimVendor, sim_desk: SimDesk
) -> None:
    """A holder pins the first root once, and follows the domain through every later one."""
    pinned = busy.root
    forged(sim_desk, "root", 2, nothing, "root-1", "root-2")
    signed = sign(sim_desk, "feature", sim_signer("feature-1"), busy.clock.now(), pinned=pinned)
    assert signed.tally.needed == 1
    sim_desk.metadata["root", 1] = sim_desk.metadata["root", 2]
    with pytest.raises(Refused) as error:
        sign(sim_desk, "feature", sim_signer("feature-2"), busy.clock.now(), pinned=pinned)
    assert error.value.code is Code.RELEASE_DESK


def test_a_rightly_signed_root_is_followed(busy: SimVendor, sim_desk: SimDesk) -> None:
    """A next root that enough holders of the old one signed is published with the rest."""
    forged(sim_desk, "root", 2, nothing, "root-2", "root-3")
    assert busy.publish().versions["root"] == 2
    reader = SimReader(busy.site, busy.root, busy.clock)
    assert reader.refresh().root.value.version == 2


@pytest.mark.parametrize("role", ["root", "targets", "feature", "security"])
@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b"{}"], ids=repr)
def test_metadata_that_cannot_be_read_are_damage_of_the_desk(
    busy: SimVendor, sim_desk: SimDesk, role: str, data: bytes
) -> None:
    """Spoilt metadata are reported as this desk's damage, with the role's name."""
    sim_desk.metadata[role, len(sim_desk.versions(role))] = data
    with pytest.raises(Damaged) as error:
        busy.publish()
    assert error.value.code is Code.RELEASE_DESK
    assert role in str(error.value)


@pytest.mark.parametrize("role", ["targets", "feature", "security"])
def test_metadata_that_are_gone_are_damage_of_the_desk(
    busy: SimVendor, sim_desk: SimDesk, role: str
) -> None:
    """A desk without a role's metadata publishes nothing."""
    sim_desk.metadata = {key: data for key, data in sim_desk.metadata.items() if key[0] != role}
    with pytest.raises(Damaged) as error:
        busy.publish()
    assert error.value.code is Code.RELEASE_DESK


def test_a_desk_that_was_set_back_spoils_neither_the_site_nor_itself(
    busy: SimVendor, sim_desk: SimDesk, make_file: MakeFile
) -> None:
    """A desk from an old backup publishes nothing over a site that is ahead of it."""
    backup = dict(sim_desk.metadata)
    busy.sign("feature", "feature-1", "feature-2")
    busy.publish()
    sim_desk.metadata = dict(backup)
    busy.build("feature", make_file("b.bin"))
    busy.sign("feature", "feature-1", "feature-2")
    assert isinstance(busy.site, SimSite)
    served = dict(busy.site.served)
    with pytest.raises(Refused):
        busy.publish()
    assert (sim_desk.metadata, busy.site.served) == (backup, served)


@pytest.mark.parametrize("site", ["same", "new"])
def test_a_version_that_vanished_from_the_desk_is_missed(
    busy: SimVendor, sim_desk: SimDesk, site: str
) -> None:
    """What the desk's own snapshot names cannot be taken back, wherever it would be published."""
    busy.publish()
    del sim_desk.metadata["feature", 2]
    if site == "new":
        busy.site = SimSite()
    with pytest.raises(Refused) as error:
        busy.publish()
    assert error.value.code is Code.TUF_ROLLBACK_TARGETS


def test_a_desk_far_behind_is_told_that_it_would_roll_back(
    busy: SimVendor, sim_desk: SimDesk
) -> None:
    """The refusal names the rollback, as a device would."""
    backup = dict(sim_desk.metadata)
    busy.publish()
    busy.publish()
    sim_desk.metadata = backup
    with pytest.raises(Refused) as error:
        busy.publish()
    assert error.value.code is Code.TUF_ROLLBACK_TIMESTAMP


def test_a_role_that_has_grown_beyond_every_clients_bound_is_not_drafted(
    busy: SimVendor, sim_desk: SimDesk, make_file: MakeFile
) -> None:
    """What no client would read is refused before anybody signs it."""
    sim_desk.open_drafts.clear()
    room = MAX_BYTES["targets"] - 65_536 - len(sim_desk.current("feature") or b"")

    def grow(signed: Document) -> None:
        signed["targets"]["feature/thing/" + "a" * room] = MALWARE_ENTRY

    forged(sim_desk, "feature", 3, grow, "feature-1", "feature-2")
    with pytest.raises(Refused) as error:
        busy.build("feature", *(make_file(letter * 100) for letter in "bcde"))
    assert error.value.fault == OverLimit(
        code=Code.ENCODING_TOO_LARGE, what="feature", limit=MAX_BYTES["targets"] - 65_536
    )
    assert sim_desk.open_drafts == {}
    assert busy.build("feature").version == 4


def test_online_keys_sign_nothing_for_another_domain(busy: SimVendor, sim_desk: SimDesk) -> None:
    """A false desk that seats the true online keys gets no signature from who brings the root."""
    pinned, theirs = busy.root, SimVendor(names={"root": ["a", "b"]})
    with pytest.raises(Refused) as error:
        publish(theirs.desk, SimSite(), theirs.online, theirs.clock.now(), pinned=pinned)
    fault = PlaceFault(
        code=Code.RELEASE_DESK, path="metadata of root", detail="not the pinned root"
    )
    assert error.value.fault == fault
    assert theirs.desk.current("timestamp") is None
    published = publish(sim_desk, SimSite(), busy.online, busy.clock.now(), pinned=pinned)
    assert published.versions["root"] == 1


def test_a_version_is_not_said_twice_with_other_content(
    busy: SimVendor, sim_desk: SimDesk, make_file: MakeFile
) -> None:
    """An insider hides the newest version; what the holders then sign in its place stays here."""
    busy.sign("feature", "feature-1", "feature-2")
    newest = busy.publish().versions["feature"]
    hidden = sim_desk.metadata.pop(("feature", newest))
    busy.build("feature", make_file("b.bin"))
    busy.sign("feature", "feature-1", "feature-2")
    before = dict(sim_desk.metadata)
    with pytest.raises(Misuse) as error:
        busy.publish()
    assert error.value.code is Code.RELEASE_SITE_TAKEN
    assert sim_desk.metadata == before
    sim_desk.metadata["feature", newest] = hidden
    sim_desk.drop_draft("feature")
    assert busy.publish().versions["feature"] == newest
