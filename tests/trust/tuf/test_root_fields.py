"""What a root of ours says besides TUF, who reads it, and what may follow what."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from firmhold.sim.attacker import Document
from firmhold.sim.clock import BEGIN, SimClock
from firmhold.sim.repository import SimRepository
from firmhold.trust.errors import Code, Fault, Refused
from firmhold.trust.faults import Malformed, Mismatch, VersionMismatch
from firmhold.trust.tuf.dialect import FIRMHOLD, HOLDERS_FIELD, PLAIN_TUF, UPTANE, Dialect
from firmhold.trust.tuf.root_fields import (
    DOMAIN_FIELD,
    FRESHNESS_FIELD,
    Domain,
    FreshnessEpoch,
    RootFields,
)
from firmhold.trust.tuf.trusted_set import ROOT, TrustedSet
from firmhold.trust.tuf.workflow import FetchIfThere, Keep, Load, update_below_root, update_root

SPRING = datetime(2031, 4, 1, tzinfo=UTC)
SEVEN = {"epoch": 7, "not_before": "2031-04-01T00:00:00Z"}

Publish = Callable[[Document], bytes]


@pytest.fixture(name="publish")
def _publish(tmp_path: Path) -> Publish:
    """Publish the next root of one repository, with these fields of ours and no others."""
    repository = SimRepository(tmp_path, SimClock())
    holders = dict.fromkeys(repository.root.keys, "Ann")

    def publish(fields: Document) -> bytes:
        repository.root.unrecognized_fields.clear()
        repository.root.unrecognized_fields.update({HOLDERS_FIELD: holders, **fields})
        repository.publish("root")
        return repository.published["root"]

    return publish


def fields_of(root: bytes, dialect: Dialect = FIRMHOLD) -> RootFields:
    """What a root says besides TUF."""
    return TrustedSet.pin(root, dialect).root.value.fields


def refusal(act: Callable[[], object]) -> Fault:
    """The fault with which `act` is refused."""
    with pytest.raises(Refused) as error:
        act()
    return error.value.fault


@pytest.mark.parametrize(
    ("fields", "read"),
    [
        ({}, RootFields(Domain.PRODUCTION, None)),
        ({DOMAIN_FIELD: "production"}, RootFields(Domain.PRODUCTION, None)),
        ({DOMAIN_FIELD: "staging"}, RootFields(Domain.STAGING, None)),
        ({FRESHNESS_FIELD: SEVEN}, RootFields(Domain.PRODUCTION, FreshnessEpoch(7, SPRING))),
    ],
    ids=["nothing", "production", "staging", "an epoch"],
)
def test_a_device_reads_what_the_root_says(
    publish: Publish, fields: Document, read: RootFields
) -> None:
    """Domain and freshness epoch are taken from the root; without a word it is production."""
    assert fields_of(publish(fields)) == read


@pytest.mark.parametrize("dialect", [PLAIN_TUF, UPTANE], ids=["plain", "Uptane"])
def test_other_clients_pass_our_fields_over(publish: Publish, dialect: Dialect) -> None:
    """Whatever stands in the fields of ours is nothing to a client of another kind."""
    root = publish({DOMAIN_FIELD: 7, FRESHNESS_FIELD: "never"})
    assert fields_of(root, dialect) == RootFields()


MALFORMED: dict[str, tuple[Any, Code, str]] = {
    "domain is no text": ({DOMAIN_FIELD: 7}, Code.TUF_DOMAIN, DOMAIN_FIELD),
    "domain is unknown": ({DOMAIN_FIELD: "Staging"}, Code.TUF_DOMAIN, DOMAIN_FIELD),
    "freshness is null": ({FRESHNESS_FIELD: None}, Code.TUF_FRESHNESS, FRESHNESS_FIELD),
    "freshness lacks its date": (
        {FRESHNESS_FIELD: {"epoch": 1}},
        Code.TUF_FRESHNESS,
        f"{FRESHNESS_FIELD}.not_before",
    ),
    "freshness says more": (
        {FRESHNESS_FIELD: {**SEVEN, "until": 1}},
        Code.TUF_FRESHNESS,
        f"{FRESHNESS_FIELD}.until",
    ),
    "epoch is zero": (
        {FRESHNESS_FIELD: {**SEVEN, "epoch": 0}},
        Code.TUF_FRESHNESS,
        f"{FRESHNESS_FIELD}.epoch",
    ),
    "date is none": (
        {FRESHNESS_FIELD: {**SEVEN, "not_before": "spring"}},
        Code.TUF_FRESHNESS,
        f"{FRESHNESS_FIELD}.not_before",
    ),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_field_of_another_shape_is_refused_and_named(publish: Publish, case: str) -> None:
    """A device does not guess at a root's domain or epoch."""
    fields, code, where = MALFORMED[case]
    root = publish(fields)
    fault = refusal(lambda: fields_of(root))
    assert isinstance(fault, Malformed)
    assert (fault.code, fault.where) == (code, f"signed.{where}")


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (
            {DOMAIN_FIELD: "staging"},
            {},
            Mismatch(
                code=Code.TUF_DOMAIN_CHANGED,
                what=DOMAIN_FIELD,
                expected="staging",
                found="production",
            ),
        ),
        (
            {},
            {DOMAIN_FIELD: "staging"},
            Mismatch(
                code=Code.TUF_DOMAIN_CHANGED,
                what=DOMAIN_FIELD,
                expected="production",
                found="staging",
            ),
        ),
        (
            {FRESHNESS_FIELD: SEVEN},
            {FRESHNESS_FIELD: {**SEVEN, "epoch": 6}},
            VersionMismatch(code=Code.TUF_FRESHNESS_EPOCH, role="root", expected=7, found=6),
        ),
        (
            {FRESHNESS_FIELD: SEVEN},
            {},
            VersionMismatch(code=Code.TUF_FRESHNESS_EPOCH, role="root", expected=7, found=0),
        ),
    ],
    ids=["staging to production", "production to staging", "epoch back", "epoch left out"],
)
def test_a_root_that_may_not_follow_is_refused_and_the_old_one_stays(
    publish: Publish, old: Document, new: Document, fault: Fault
) -> None:
    """The domain never changes and the epoch never goes back, whoever signed for it."""
    trusted = TrustedSet.pin(publish(old), FIRMHOLD)
    successor = publish(new)
    assert refusal(lambda: trusted.accept_root(successor)) == fault
    plain = TrustedSet.pin(publish(old), PLAIN_TUF)
    assert plain.accept_root(publish(new)).root.value.version == plain.root.value.version + 1


@pytest.mark.parametrize(
    "new",
    [SEVEN, {**SEVEN, "epoch": 8}, {**SEVEN, "not_before": "2030-01-01T00:00:00Z"}],
    ids=["same", "next epoch", "earlier date"],
)
def test_an_epoch_may_stay_or_grow(publish: Publish, new: Document) -> None:
    """A root keeps the epoch or begins a later one."""
    trusted = TrustedSet.pin(publish({}), FIRMHOLD)
    trusted = trusted.accept_root(publish({FRESHNESS_FIELD: SEVEN}))
    accepted = trusted.accept_root(publish({FRESHNESS_FIELD: new}))
    assert accepted.root.value.fields.freshness is not None


def test_the_newest_root_is_known_before_any_date_is_judged(publish: Publish) -> None:
    """Who takes the time from signed words can ask the newest root first, and judge then."""
    roots = [publish({}), publish({FRESHNESS_FIELD: SEVEN})]
    steps = update_root(roots[0], FIRMHOLD)
    assert isinstance(next(steps), FetchIfThere)
    assert steps.send(roots[1]) == Keep(ROOT, roots[1])
    next(steps)
    with pytest.raises(StopIteration) as ended:
        steps.send(None)
    trusted: TrustedSet = ended.value.value
    assert trusted.root.value.fields.freshness == FreshnessEpoch(7, SPRING)
    late = update_below_root(trusted, SPRING)
    assert refusal(lambda: next(late)).code is Code.TUF_FREEZE_ROOT
    assert isinstance(next(update_below_root(trusted, BEGIN)), Load)
