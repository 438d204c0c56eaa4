"""Plans: what they bear, and what each holder's machine makes of them."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.release.ceremony.stage import (
    FIRST,
    NOON,
    Stage,
    card,
    first_plan,
    key_id,
    seats,
)

from firmhold.release.ceremony.changes import Appoint, BeginEpoch, Dismiss, Retire, Threshold
from firmhold.release.ceremony.outcome import work_out
from firmhold.release.ceremony.plan import CeremonyKind, Plan, RepositoryName, parse_plan
from firmhold.release.ceremony.words import words_of
from firmhold.trust.errors import Code, Refused
from firmhold.trust.tuf.root_fields import FreshnessEpoch

SECOND = timedelta(seconds=1)


def refused(plan: Plan, pinned: bytes | None) -> Code:
    """The code with which a plan is refused."""
    with pytest.raises(Refused) as error:
        work_out(plan, pinned)
    return error.value.code


def bent(plan: Plan, **changes: object) -> bytes:
    """A plan that says something else."""
    return json.dumps({**json.loads(plan.to_bytes()), **changes}).encode()


def test_plans_are_read_back(stage: Stage) -> None:
    """A first one, one for the next root and one for the next targets."""
    for plan in (
        first_plan(),
        stage.plan(CeremonyKind.ROOT, Dismiss("root", key_id("r1"))),
        stage.plan(CeremonyKind.AUTHORITY, Threshold("feature", 3)),
    ):
        assert parse_plan(plan.to_bytes()) == plan


def test_a_plan_has_its_members_and_no_others() -> None:
    """One that says less or more is refused."""
    whole = json.loads(first_plan().to_bytes())
    for name in whole:
        with pytest.raises(Refused) as error:
            parse_plan(json.dumps({k: v for k, v in whole.items() if k != name}).encode())
        assert error.value.code is Code.CEREMONY_SHAPE
    for changes in (
        {"more": 1},
        {"kind": "party"},
        {"repository": "other"},
        {"first": {"domain": "elsewhere", "freshness": whole["first"]["freshness"]}},
        {"roots": "none"},
        {"changes": [{"change": "anything"}]},
    ):
        with pytest.raises(Refused) as error:
            parse_plan(bent(first_plan(), **changes))
        assert error.value.code is Code.CEREMONY_SHAPE
    with pytest.raises(Refused) as error:
        parse_plan(bent(first_plan(), tag="firmhold key card 1"))
    assert error.value.code is Code.CEREMONY_TAG


def test_people_compare_plans_by_what_they_say() -> None:
    """Spelling makes no difference to the digest; a word does."""
    plan = first_plan()
    spelt = json.dumps(json.loads(plan.to_bytes())).encode()
    assert parse_plan(spelt).sha256 == plan.sha256
    assert replace(plan, expires=plan.expires - SECOND).sha256 != plan.sha256


def test_a_plan_of_days_to_come_is_not_signed() -> None:
    """Its dates would be counted from a day that is not yet."""
    first_plan().require_of_today(NOON - timedelta(hours=23))
    with pytest.raises(Refused) as error:
        first_plan().require_of_today(NOON - timedelta(hours=25))
    assert error.value.code is Code.CEREMONY_BEFORE


def test_a_first_root_comes_of_a_plan_alone() -> None:
    """It builds on nothing, so nobody holds a root yet."""
    outcome = work_out(first_plan(), None)
    assert (outcome.role, outcome.version, outcome.before) == ("root", 1, None)
    assert refused(first_plan(), b"a root") is Code.CEREMONY_BEFORE


def test_a_plan_builds_on_the_root_that_one_holds(stage: Stage) -> None:
    """Another's root, none at all, or a chain with a gap are refused before anything else."""
    plan = stage.plan(CeremonyKind.ROOT, Dismiss("root", key_id("r1")))
    assert work_out(plan, stage.pinned).version == 2
    assert refused(plan, None) is Code.CEREMONY_BEFORE
    assert refused(plan, b"another root") is Code.CEREMONY_BEFORE
    assert refused(replace(plan, roots=()), None) is Code.CEREMONY_BEFORE
    assert refused(replace(plan, first=first_plan().first), stage.pinned) is Code.CEREMONY_BEFORE
    for extra in (plan.roots[0], plan.roots[0].replace("r1", "mallory")):
        longer = replace(plan, roots=(*plan.roots, extra))
        assert refused(longer, stage.pinned) is Code.CEREMONY_BEFORE


def test_a_first_root_is_no_ceremony_of_machines() -> None:
    """What has no root yet can only begin with one."""
    plan = replace(first_plan(), kind=CeremonyKind.ONLINE)
    assert refused(plan, None) is Code.CEREMONY_BEFORE
    assert refused(replace(first_plan(), kind=CeremonyKind.AUTHORITY), None) is Code.CEREMONY_BEFORE


def test_targets_of_a_plan_are_signed_by_their_holders(stage: Stage) -> None:
    """Somebody's delegations are not built upon."""
    plan = stage.plan(CeremonyKind.AUTHORITY, Threshold("feature", 3))
    document = json.loads(plan.targets or "")
    document["signatures"].pop()
    lame = replace(plan, targets=json.dumps(document))
    assert refused(lame, stage.pinned) is Code.CEREMONY_BEFORE


def test_authorities_are_of_the_image_repository(stage: Stage) -> None:
    """The Director delegates to nobody."""
    plan = stage.plan(CeremonyKind.AUTHORITY, Threshold("feature", 3))
    assert (
        refused(replace(plan, repository=RepositoryName.DIRECTOR), stage.pinned)
        is Code.CEREMONY_BEFORE
    )


@pytest.mark.parametrize(
    ("kind", "role"),
    [
        (CeremonyKind.ROOT, "snapshot"),
        (CeremonyKind.ONLINE, "root"),
        (CeremonyKind.ONLINE, "targets"),
        (CeremonyKind.AUTHORITY, "targets"),
    ],
)
def test_a_ceremony_changes_what_it_is_about(stage: Stage, kind: CeremonyKind, role: str) -> None:
    """Holders who come together for machines do not find themselves changing people."""
    assert refused(stage.plan(kind, Threshold(role, 3)), stage.pinned) is Code.CEREMONY_CHANGE


@pytest.mark.parametrize(
    "changes",
    [
        (Threshold("root", 1),),
        (Threshold("root", 4),),
        (Dismiss("root", key_id("r1")), Dismiss("root", key_id("r2"))),
        (Dismiss("root", key_id("r1")), Appoint("root", card("t1"))),
        (Dismiss("root", key_id("r1")), Appoint("root", card("f1"))),
        (Retire(key_id("r1"), NOON), Retire(key_id("r2"), NOON)),
    ],
    ids=[
        "one alone",
        "more than there are",
        "too few left",
        "a holder of targets",
        "a holder of feature",
        "too few that go on",
    ],
)
def test_what_would_stand_is_sound(stage: Stage, changes: tuple[Any, ...]) -> None:
    """No ceremony leaves somebody alone, a role that nobody can sign, or one who sits twice."""
    assert refused(stage.plan(CeremonyKind.ROOT, *changes), stage.pinned) is Code.CEREMONY_UNSOUND


def test_a_machine_has_one_key(stage: Stage) -> None:
    """Two keys of a machine are two places to steal one from."""
    both = stage.plan(CeremonyKind.ONLINE, Appoint("timestamp", card("timestamp-2")))
    assert refused(both, stage.pinned) is Code.CEREMONY_UNSOUND
    none = stage.plan(CeremonyKind.ONLINE, Dismiss("timestamp", key_id("timestamp")))
    assert refused(none, stage.pinned) is Code.CEREMONY_UNSOUND


def test_an_authority_never_sits_in_the_other(stage: Stage) -> None:
    """Feature and security share no holder, and neither shares one with root or targets."""
    for holder in ("s1", "r1", "t1"):
        plan = stage.plan(
            CeremonyKind.AUTHORITY,
            Dismiss("feature", key_id("f1")),
            Appoint("feature", card(holder, key=f"{holder}-again")),
        )
        assert refused(plan, stage.pinned) is Code.CEREMONY_UNSOUND


def test_nothing_lives_longer_than_it_may(stage: Stage) -> None:
    """A year for a root and for targets, from the day of the plan."""
    for plan in (
        first_plan(),
        stage.plan(CeremonyKind.ROOT, Threshold("root", 3)),
        stage.plan(CeremonyKind.AUTHORITY, Threshold("feature", 3)),
    ):
        pinned = stage.pinned if plan.roots else None
        work_out(plan, pinned)
        longer = replace(plan, expires=plan.expires + SECOND)
        assert refused(longer, pinned) is Code.CEREMONY_UNSOUND


def test_an_epoch_never_goes_back(stage: Stage) -> None:
    """The next root may begin a later epoch, and no earlier one."""
    plan = stage.plan(CeremonyKind.ONLINE, BeginEpoch(FreshnessEpoch(2, NOON)))
    stage.hold(plan, ("r1", "r2"))
    back = stage.plan(CeremonyKind.ONLINE, BeginEpoch(FreshnessEpoch(1, NOON)))
    assert refused(back, stage.pinned) is Code.TUF_FRESHNESS_EPOCH


def test_a_plan_is_said_in_words(stage: Stage) -> None:
    """Whoever signs reads what changes, for whom, what stands then and who must sign."""
    plan = stage.plan(
        CeremonyKind.ROOT,
        Dismiss("root", key_id("r2")),
        Appoint("root", card("r4")),
        Threshold("targets", 3),
        Retire(key_id("r1"), NOON + timedelta(days=400)),
    )
    says = "\n".join(words_of(plan, work_out(plan, stage.pinned)))
    for part in (
        "root version 2 of the image repository, good until 2031-01-01T12:00:00Z",
        f"r2 loses the seat in root: key {key_id('r2')[:12]} counts no more",
        f"r4 gets a seat in root: key {key_id('r4')[:12]} (in a file, which is for staging only)",
        "targets needs 3 holders",
        f"key {key_id('r1')[:12]} signs for nothing that lives beyond 2031-02-05T12:00:00Z",
        f"then root is 2 of r1 ({key_id('r1')[:12]}), r3 ({key_id('r3')[:12]}), r4",
        "signed by 2 of root as it was: r1",
        "signed by 2 of root as it will be: r1",
    ):
        assert part in says
    time = stage.plan(CeremonyKind.ONLINE, BeginEpoch(FreshnessEpoch(2, NOON)))
    assert "begins anew" in "\n".join(words_of(time, work_out(time, stage.pinned)))
    assert "first of a production domain" in words_of(first_plan(), work_out(first_plan(), None))[0]


def test_every_seat_of_a_first_root_is_planned() -> None:
    """A role that nobody was appointed to cannot stand."""
    for missing in ("root", "targets", "snapshot", "timestamp"):
        plan = first_plan([change for change in FIRST if change.role != missing])
        assert refused(plan, None) is Code.CEREMONY_UNSOUND


def test_a_director_has_machines_for_all_but_its_root() -> None:
    """Its root is held by people; targets, snapshot and timestamp by its own key."""
    plan = replace(
        first_plan(
            seats(
                *(("root", holder) for holder in ("r1", "r2", "r3")),
                *((role, "director") for role in ("targets", "snapshot", "timestamp")),
            )
        ),
        repository=RepositoryName.DIRECTOR,
    )
    outcome = work_out(plan, None)
    assert outcome.roles["targets"].threshold == 1
