"""A ceremony from partial signatures to the desk: each thing that may be wrong in it."""

import itertools
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.release.ceremony.stage import NOON, Stage, card, first_plan, key_id, signed_by

from firmhold.release.adapters.folder import FolderDesk
from firmhold.release.ceremony.adopt import adopt
from firmhold.release.ceremony.assemble import assemble
from firmhold.release.ceremony.changes import Appoint, Dismiss, Retire, Threshold
from firmhold.release.ceremony.outcome import work_out
from firmhold.release.ceremony.partial import Partial, parse_partial, sign_plan
from firmhold.release.ceremony.plan import CeremonyKind
from firmhold.release.ceremony.transcript import Files, require_verified, verify
from firmhold.sim.signer import sim_signer
from firmhold.trust.errors import Code, FirmholdError, Misuse, Refused
from firmhold.trust.tuf.dialect import FIRMHOLD
from firmhold.trust.tuf.trusted_set import TrustedSet

AUDITOR = sim_signer("auditor")


@pytest.fixture
def files(stage: Stage) -> Files:
    """A whole ceremony: r2 leaves the root, r4 comes."""
    plan = stage.plan(CeremonyKind.ROOT, Dismiss("root", key_id("r2")), Appoint("root", card("r4")))
    outcome = work_out(plan, stage.pinned)
    partials = signed_by(plan, outcome, ("r1", "r3", "r4"))
    return Files(plan, outcome, partials, assemble(plan, outcome, partials))


def refused(error: pytest.ExceptionInfo[FirmholdError]) -> Code:
    """The code of a refusal."""
    return error.value.code


@pytest.mark.parametrize(
    "names",
    [
        names
        for size in range(5)
        for names in itertools.combinations(("r1", "r2", "r3", "r4"), size)
    ],
)
def test_a_root_is_whole_when_both_sides_have_signed(files: Files, names: tuple[str, ...]) -> None:
    """Of every set of holders, those make it that are two of before and two of after."""
    enough = len({*names} & {"r1", "r2", "r3"}) >= 2 and len({*names} & {"r1", "r3", "r4"}) >= 2
    partials = signed_by(files.plan, files.outcome, names)
    if enough:
        document = assemble(files.plan, files.outcome, partials)
        assert files.outcome.before is not None
        assert files.outcome.before.accept_root(document).root.value.version == 2
        return
    with pytest.raises(Refused) as error:
        assemble(files.plan, files.outcome, partials)
    assert refused(error) is Code.CEREMONY_INCOMPLETE


def test_the_order_of_signatures_makes_no_difference(files: Files) -> None:
    """The same holders make the same document, to the byte."""
    turned = [*reversed(files.partials)]
    assert assemble(files.plan, files.outcome, turned) == files.document


def test_a_partial_signature_is_read_back(files: Files) -> None:
    """What a holder hands back is what he signed, with the words that he read."""
    for partial in files.partials:
        assert parse_partial(partial.to_bytes()) == partial


def test_what_is_no_partial_signature_is_told(files: Files) -> None:
    """It has its members, and its tag."""
    whole = json.loads(files.partials[0].to_bytes())
    for name in whole:
        with pytest.raises(Refused) as error:
            parse_partial(json.dumps({k: v for k, v in whole.items() if k != name}).encode())
        assert refused(error) is Code.CEREMONY_SHAPE
    with pytest.raises(Refused) as error:
        parse_partial(json.dumps({**whole, "tag": "firmhold key card 1"}).encode())
    assert refused(error) is Code.CEREMONY_TAG


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"plan": "00" * 32}, Code.CEREMONY_OTHER_PLAN),
        ({"document": "00" * 32}, Code.CEREMONY_OTHER_PLAN),
        ({"says": ("nothing much",)}, Code.CEREMONY_OTHER_PLAN),
        ({"holder": "r3"}, Code.CEREMONY_SIGNATURE),
        ({"sig": "00" * 64}, Code.CEREMONY_SIGNATURE),
        ({"key_id": key_id("mallory")}, Code.CEREMONY_NOT_A_HOLDER),
        ({"key_id": key_id("r3"), "holder": "r3"}, Code.CEREMONY_SIGNATURE),
    ],
    ids=["plan", "document", "words", "holder", "signature", "key", "another's key"],
)
def test_a_partial_signature_that_was_altered_is_refused(
    files: Files, changes: dict[str, Any], code: Code
) -> None:
    """Each part of it is held against the plan, though enough good ones are there beside it."""
    one, *others = files.partials
    extra = signed_by(files.plan, files.outcome, ("r2",))
    with pytest.raises(Refused) as error:
        assemble(files.plan, files.outcome, [replace(one, **changes), *others, *extra])
    assert refused(error) is code


def test_who_has_no_seat_does_not_sign(files: Files) -> None:
    """The key is not used at all."""

    class Untouched:
        key_id = sim_signer("mallory").key_id
        entry = sim_signer("mallory").entry
        tier = sim_signer("mallory").tier

        def sign(self, payload: bytes) -> str:
            raise AssertionError(payload)

    with pytest.raises(Refused) as error:
        sign_plan(files.plan, files.outcome, Untouched())
    assert refused(error) is Code.CEREMONY_NOT_A_HOLDER


def test_who_has_retired_does_not_sign(stage: Stage) -> None:
    """A key whose last day comes before the document's has no say in it."""
    first = stage.plan(CeremonyKind.ROOT, Retire(key_id("r1"), NOON + timedelta(days=300)))
    with pytest.raises(Refused) as error:
        sign_plan(first, work_out(first, stage.pinned), sim_signer("mallory"))
    assert refused(error) is Code.CEREMONY_NOT_A_HOLDER
    stage.hold(first, ("r2", "r3"))
    then = stage.plan(CeremonyKind.ROOT, Threshold("targets", 3))
    with pytest.raises(Refused) as error:
        sign_plan(then, work_out(then, stage.pinned), sim_signer("r1"))
    assert refused(error) is Code.CEREMONY_NOT_A_HOLDER
    stage.hold(then, ("r2", "r3"))


def test_a_ceremony_is_verified_by_somebody_else(files: Files) -> None:
    """Neither a name nor a key that signed vouches for what was signed."""
    require_verified(verify(files, "auditor", AUDITOR, NOON), files)
    for name, signer in (("r1", AUDITOR), ("auditor", sim_signer("r1"))):
        with pytest.raises(Refused) as error:
            verify(files, name, signer, NOON)
        assert refused(error) is Code.CEREMONY_NOT_APART
    # A holder who did not sign this time may look at what the others did.
    require_verified(verify(files, "r2", sim_signer("r2"), NOON), files)


def test_whoever_verifies_makes_the_document_again(files: Files) -> None:
    """Another document than the one that was signed is not vouched for."""
    for document in (files.document + b" ", files.document.replace(b"2031", b"2032")):
        with pytest.raises(Refused) as error:
            verify(replace(files, document=document), "auditor", AUDITOR, NOON)
        assert refused(error) is Code.CEREMONY_OTHER_DOCUMENT


def bent(transcript: bytes, **changes: object) -> bytes:
    """A transcript that says something else, signed again by the same hand."""
    document = json.loads(transcript)
    document["signed"] |= changes
    return json.dumps(document).encode()


def test_a_transcript_is_of_one_ceremony(stage: Stage, files: Files) -> None:
    """One of another ceremony, one that was altered and one by a signer count for nothing."""
    good = verify(files, "auditor", AUDITOR, NOON)
    with pytest.raises(Refused) as error:
        require_verified(bent(good, version=3), files)
    assert refused(error) is Code.CEREMONY_SIGNATURE
    plan = stage.plan(CeremonyKind.ROOT, Threshold("targets", 3))
    outcome = work_out(plan, stage.pinned)
    partials = signed_by(plan, outcome, ("r1", "r2"))
    other = Files(plan, outcome, partials, assemble(plan, outcome, partials))
    with pytest.raises(Refused) as error:
        require_verified(verify(other, "auditor", AUDITOR, NOON), files)
    assert refused(error) is Code.CEREMONY_OTHER_DOCUMENT
    # r4 did not sign the other one, but this one.
    with pytest.raises(Refused) as error:
        require_verified(verify(other, "r4", sim_signer("r4"), NOON), files)
    assert refused(error) is Code.CEREMONY_NOT_APART


def test_the_desk_adopts_what_was_verified_and_nothing_else(stage: Stage, files: Files) -> None:
    """A document that is not what was signed, or that nobody vouched for, stays outside."""
    good = verify(files, "auditor", AUDITOR, NOON)
    with pytest.raises(Refused) as error:
        adopt(stage.desk, replace(files, document=files.document + b" "), good)
    assert refused(error) is Code.CEREMONY_OTHER_DOCUMENT
    with pytest.raises(Refused) as error:
        adopt(stage.desk, files, bent(good, version=3))
    assert refused(error) is Code.CEREMONY_SIGNATURE
    assert len(stage.desk.versions("root")) == 1
    assert adopt(stage.desk, files, good) == 2
    assert stage.desk.current("root") == files.document


def test_a_ceremony_that_was_overtaken_is_told(stage: Stage, files: Files) -> None:
    """Two ceremonies over one root: the first that is adopted stands, and again is no harm."""
    good = verify(files, "auditor", AUDITOR, NOON)
    stage.hold(stage.plan(CeremonyKind.ROOT, Threshold("targets", 3)), ("r1", "r2"))
    with pytest.raises(Misuse) as error:
        adopt(stage.desk, files, good)
    assert refused(error) is Code.CEREMONY_STALE


def test_adopting_twice_is_adopting_once(stage: Stage, files: Files) -> None:
    """A command that was cut off may be given again."""
    good = verify(files, "auditor", AUDITOR, NOON)
    assert adopt(stage.desk, files, good) == adopt(stage.desk, files, good) == 2
    assert len(stage.desk.versions("root")) == 2


def test_a_desk_of_another_domain_does_not_take_it(
    stage: Stage, files: Files, tmp_path: Path
) -> None:
    """A document goes to the desk on whose root it builds."""
    other = Stage(FolderDesk(tmp_path / "other"))
    plan = first_plan()
    outcome = work_out(plan, None)
    partials = signed_by(plan, outcome, ("r1", "r3"))
    other.hold(plan, ("r1", "r3"))
    assert other.pinned != stage.pinned
    assert partials
    with pytest.raises(Misuse) as error:
        adopt(other.desk, files, verify(files, "auditor", AUDITOR, NOON))
    assert refused(error) is Code.CEREMONY_STALE


def test_a_fleet_that_missed_several_roots_follows(stage: Stage) -> None:
    """Every root holder is replaced, one after another; a device that was away comes along."""
    holders = ["r1", "r2", "r3"]
    for number in range(6):
        new = f"r{number + 10}"
        leaving = holders.pop(0)
        plan = stage.plan(
            CeremonyKind.ROOT, Dismiss("root", key_id(leaving)), Appoint("root", card(new))
        )
        stage.hold(plan, (*holders, new))
        holders.append(new)
    assert stage.pinned is not None
    trusted = TrustedSet.pin(stage.pinned, FIRMHOLD)
    for _, data in stage.desk.versions("root")[1:]:
        trusted = trusted.accept_root(data)
    root = trusted.root.value
    assert root.version == 7
    names = {seat.holder for seat in root.authorities["root"].seats.values()}
    assert names == set(holders)


def test_a_partial_signature_holds_no_secret(files: Files) -> None:
    """It may lie about: it bears a signature, and words."""
    partial: Partial = files.partials[0]
    assert set(json.loads(partial.to_bytes())) == {
        "tag",
        "says",
        "plan",
        "document",
        "holder",
        "keyid",
        "sig",
    }
