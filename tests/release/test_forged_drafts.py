"""Somebody writes in a draft, or in the files that it names, and holds too few keys."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firmhold.release.documents import add_signature, parse
from firmhold.sim.desk import SimDesk
from firmhold.sim.signer import sim_signer
from firmhold.sim.vendor import SimReader, SimVendor
from firmhold.trust.encoding import canonical_json
from firmhold.trust.errors import Code, FirmholdError, Refused
from firmhold.trust.faults import DigestMismatch, Malformed

MakeFile = Callable[..., Path]
Document = dict[str, Any]
Edit = Callable[[Document], object]
PATH = "feature/thing/a.bin"


def edit_draft(sim_desk: SimDesk, edit: Edit, role: str = "feature") -> None:
    """Change the signed part of a draft by hand and leave its signatures where they are."""
    document: Document = json.loads(sim_desk.open_drafts[role])
    edit(document["signed"])
    sim_desk.open_drafts[role] = canonical_json(document)


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
    busy: SimVendor, sim_desk: SimDesk, edit: Edit
) -> None:
    """A draft in which a hand has written is refused by the next holder's own command."""
    busy.sign("feature", "feature-1")
    edit_draft(sim_desk, edit)
    before = dict(sim_desk.open_drafts)
    with pytest.raises(Refused) as error:
        busy.sign("feature", "feature-2")
    assert error.value.code is Code.RELEASE_ALTERED_DRAFT
    assert isinstance(error.value.fault, Malformed)
    assert sim_desk.open_drafts == before


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_what_build_does_not_write_is_not_published_under_good_signatures(
    busy: SimVendor, sim_desk: SimDesk, edit: Edit
) -> None:
    """Also a draft that a quorum signed by other tools goes out only if `build` could make it."""
    edit_draft(sim_desk, edit)
    for holder in ("feature-1", "feature-2"):
        data = add_signature(sim_desk.open_drafts["feature"], "feature", sim_signer(holder))
        sim_desk.open_drafts["feature"] = data
    before = dict(sim_desk.metadata)
    with pytest.raises(Refused) as error:
        busy.publish()
    assert error.value.code is Code.RELEASE_ALTERED_DRAFT
    assert sim_desk.metadata == before


def test_a_signature_does_not_survive_an_edit(busy: SimVendor, sim_desk: SimDesk) -> None:
    """What the first holder signed does not speak for what the draft says now."""
    busy.sign("feature", "feature-1")
    edit_draft(sim_desk, lambda signed: signed.update(expires="2030-02-01T00:00:00Z"))
    tally = busy.sign("feature", "feature-2")
    assert (tally.signed, tally.needed) == (("feature-2",), 1)
    assert busy.publish().waiting == {"feature": tally}


@pytest.mark.parametrize("version", [1, 2, 4, 2**63 - 1])
def test_another_version_than_the_next_is_stale(
    busy: SimVendor, sim_desk: SimDesk, version: int
) -> None:
    """Nobody is led to sign a version that ends all versions, or one that went out before."""
    edit_draft(sim_desk, lambda signed: signed.update(version=version))
    with pytest.raises(Refused) as error:
        busy.sign("feature", "feature-1")
    assert error.value.code is Code.RELEASE_STALE_DRAFT


def test_a_file_that_was_exchanged_on_the_desk_is_found_by_the_next_holder(
    busy: SimVendor, sim_desk: SimDesk
) -> None:
    """Each holder's command measures the file itself."""
    busy.sign("feature", "feature-1")
    digest = hashlib.sha256(b"firmware").hexdigest()
    sim_desk.files[digest] = b"malware!"
    with pytest.raises(Refused) as error:
        busy.sign("feature", "feature-2")
    assert error.value.fault == DigestMismatch(
        code=Code.TUF_TARGET_DIGEST,
        what=PATH,
        algorithm="sha256",
        expected=digest,
        found=hashlib.sha256(b"malware!").hexdigest(),
    )


@pytest.mark.parametrize("content", [None, b"short", b"firmware and more"])
def test_a_file_that_is_gone_or_of_another_length_is_signed_by_nobody(
    busy: SimVendor, sim_desk: SimDesk, content: bytes | None
) -> None:
    """A draft needs every file that it names, whole."""
    digest = hashlib.sha256(b"firmware").hexdigest()
    if content is None:
        del sim_desk.files[digest]
    else:
        sim_desk.files[digest] = content
    with pytest.raises(FirmholdError) as error:
        busy.sign("feature", "feature-1")
    expected = Code.RELEASE_DESK if content is None else Code.TUF_TARGET_LENGTH
    assert error.value.code is expected


def test_a_file_that_is_exchanged_after_the_quorum_is_not_published(
    busy: SimVendor, sim_desk: SimDesk
) -> None:
    """Publishing measures the file again before the desk remembers anything."""
    busy.sign("feature", "feature-1", "feature-2")
    before = dict(sim_desk.metadata)
    sim_desk.files[hashlib.sha256(b"firmware").hexdigest()] = b"malware!"
    with pytest.raises(Refused) as error:
        busy.publish()
    assert error.value.code is Code.TUF_TARGET_DIGEST
    assert sim_desk.metadata == before


def test_an_old_draft_put_back_is_not_published_again(
    busy: SimVendor, sim_desk: SimDesk, make_file: MakeFile
) -> None:
    """A quorum's signatures on a version that has been overtaken do not bring it back."""
    busy.sign("feature", "feature-1", "feature-2")
    overtaken = sim_desk.open_drafts.pop("feature")
    busy.build("feature", make_file("b.bin"))
    busy.sign("feature", "feature-1", "feature-2")
    busy.publish()
    sim_desk.open_drafts["feature"] = overtaken
    with pytest.raises(Refused) as error:
        busy.publish()
    assert error.value.code is Code.RELEASE_STALE_DRAFT
    reader = SimReader(busy.site, busy.root, busy.clock)
    assert reader.read("feature/thing/b.bin") == b"firmware"


def test_what_stands_around_a_signed_draft_does_not_go_out(
    busy: SimVendor, sim_desk: SimDesk
) -> None:
    """What is published is the one spelling of what was signed."""
    busy.sign("feature", "feature-1", "feature-2")
    document: Document = json.loads(sim_desk.open_drafts["feature"])
    honest = sim_desk.open_drafts["feature"]
    document["signatures"].reverse()
    sim_desk.open_drafts["feature"] = json.dumps({**document, "note": "for the site"}).encode()
    busy.publish()
    assert busy.site.get("metadata/3.feature.json") == honest


def test_a_foreign_signature_counts_for_nothing(busy: SimVendor, sim_desk: SimDesk) -> None:
    """Signatures of others on a draft are neither counted nor in the way."""
    for stranger in ("security-1", "root-1", "friend"):
        data = add_signature(sim_desk.open_drafts["feature"], "feature", sim_signer(stranger))
        sim_desk.open_drafts["feature"] = data
    assert busy.publish().waiting["feature"].signed == ()
    assert busy.sign("feature", "feature-1", "feature-2").met
    assert parse(sim_desk.open_drafts["feature"], "feature").signatures
