"""A staging domain as it is made: who holds what, and what cannot be meant."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest

from firmhold.release.documents import ONLINE, expiry
from firmhold.release.keys import OFFLINE, THRESHOLD, default_holders, init_domain
from firmhold.release.show import show
from firmhold.signing.ports import Signer
from firmhold.sim.clock import BEGIN
from firmhold.sim.desk import SimDesk
from firmhold.sim.signer import sim_signer
from firmhold.sim.vendor import SimReader, SimVendor
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.outer_faults import PlaceFault
from firmhold.trust.tuf.dialect import FIRMHOLD
from firmhold.trust.tuf.root_fields import Domain, FreshnessEpoch, RootFields
from firmhold.trust.tuf.trusted_set import TrustedSet

PEOPLE = {
    "root": ["Ann", "Bob", "Cy"],
    "targets": ["Dee", "Eve"],
    "feature": ["Flo", "Gus", "Hal", "Ida"],
    "security": ["Jo", "Kim", "Lou"],
    "snapshot": ["machine-1"],
    "timestamp": ["machine-2"],
}


def test_nobody_alone_speaks_for_a_role_that_people_hold(vendor: SimVendor) -> None:
    """Root, targets, feature and security need two of three different people."""
    lines = {line.role: line for line in show(vendor.desk)}
    for role in OFFLINE:
        tally = lines[role].tally
        assert (tally.threshold, len(tally.signed) + len(tally.missing)) == (2, 3)
        assert tally.met
    for role in ONLINE:
        assert role not in lines


def test_no_holder_has_two_seats(vendor: SimVendor) -> None:
    """The authorities are different people: who signs for one role signs for no other."""
    lines = show(vendor.desk)
    everybody = [name for line in lines for name in (*line.tally.signed, *line.tally.missing)]
    assert len(everybody) == len(set(everybody)) == 12


def test_a_new_domain_can_be_published_and_read(vendor: SimVendor) -> None:
    """A domain without a release is a whole repository already."""
    vendor.publish()
    trusted = SimReader(vendor.site, vendor.root, vendor.clock).refresh()
    assert trusted.targets["targets"].document.value.files == {}


def test_people_are_named_as_they_are_called() -> None:
    """Each role has the holders that were named for it, however many."""
    vendor = SimVendor(names=PEOPLE)
    vendor.publish()
    for line in show(vendor.desk):
        holders = {*line.tally.signed, *line.tally.missing}
        assert holders == set(PEOPLE[line.role])


def test_each_delegator_says_who_holds_its_keys(vendor: SimVendor) -> None:
    """Root names the holders of the top-level keys, targets those of the two authorities."""
    root = json.loads(vendor.root)["signed"]
    targets = json.loads(vendor.desk.current("targets") or b"")["signed"]
    for signed, keys, roles in (
        (root, root["keys"], ("root", "targets", *ONLINE)),
        (targets, targets["delegations"]["keys"], ("feature", "security")),
    ):
        expected = {sim_signer(h).key_id: h for role in roles for h in default_holders(role)}
        assert signed["x-firmhold-holders"] == expected
        assert keys.keys() == expected.keys()


def test_a_domain_of_keys_in_files_says_that_it_is_staging(vendor: SimVendor) -> None:
    """Its root cannot be taken for a production one, and its time begins when it was made."""
    root = TrustedSet.pin(vendor.root, FIRMHOLD).root.value
    assert root.fields == RootFields(Domain.STAGING, FreshnessEpoch(1, BEGIN))


def test_each_authority_has_its_own_paths_and_nobody_behind_it(vendor: SimVendor) -> None:
    """Each delegation covers one folder of each product and ends the search there."""
    targets = json.loads(vendor.desk.current("targets") or b"")["signed"]
    rules = {rule["name"]: rule for rule in targets["delegations"]["roles"]}
    assert list(rules) == ["feature", "security"]
    for authority, rule in rules.items():
        assert rule["paths"] == [f"{authority}/*/*"]
        assert rule["terminating"]
        assert rule["threshold"] == THRESHOLD


def test_a_date_is_a_whole_second(vendor: SimVendor) -> None:
    """Metadata that are written within a second expire on it."""
    begin = vendor.clock.now()
    assert expiry("timestamp", begin + timedelta(microseconds=999_999)) == expiry(
        "timestamp", begin
    )


def test_a_second_domain_is_not_made_over_the_first(vendor: SimVendor) -> None:
    """A desk keeps its domain."""
    before = dict(vendor.desk.versions("root"))
    with pytest.raises(Misuse) as error:
        init_domain(vendor.desk, {}, lambda _, holder: sim_signer(f"new {holder}"), BEGIN)
    detail = "a domain is here already"
    assert error.value.fault == PlaceFault(code=Code.RELEASE_DESK, path="metadata", detail=detail)
    assert dict(vendor.desk.versions("root")) == before


MISTAKES: Mapping[str, Mapping[str, Sequence[str]]] = {
    "no such role": {"feture": ["Ann", "Bob"]},
    "nobody": {"feature": []},
    "one person alone": {"root": ["Ann"]},
    "one person twice in a role": {"feature": ["Ann", "Ann", "Bob"]},
    "one person, two spellings": {"feature": ["Ann", "ann", "Bob"]},
    "one person on two roles": {"feature": ["Ann", "Bob"], "security": ["Bob", "Cy"]},
    "a person who takes a default seat": {"feature": ["security-1", "Bob"]},
    "two keys for a machine": {"snapshot": ["a", "b"]},
    "no key for a machine": {"timestamp": []},
    "a person called like a machine's role": {
        "snapshot": ["machine"],
        "feature": ["snapshot", "B"],
    },
    "one machine for both online roles": {"snapshot": ["m"], "timestamp": ["m"]},
    "empty name": {"feature": ["", "Bob"]},
    "a path": {"feature": ["../Ann", "Bob"]},
    "a hidden file": {"feature": [".Ann", "Bob"]},
    "a space": {"feature": ["Ann Lee", "Bob"]},
    "a letter that looks like another": {"feature": ["\u0410nn", "Bob"]},
    "a line break": {"feature": ["Ann\n", "Bob"]},
    "too long": {"feature": ["A" * 65, "Bob"]},
    "a path for a machine": {"timestamp": ["a/b"]},
}


@pytest.mark.parametrize("names", MISTAKES.values(), ids=MISTAKES)
def test_holders_that_cannot_be_meant_leave_nothing_behind(
    names: Mapping[str, Sequence[str]],
) -> None:
    """A wrong list of holders is refused before the first key is made."""
    made: list[str] = []

    def make_key(_: str, holder: str) -> Signer:
        made.append(holder)
        return sim_signer(holder)

    desk = SimDesk()
    with pytest.raises(Misuse) as error:
        init_domain(desk, names, make_key, BEGIN)
    assert error.value.code is Code.MISUSE
    assert (made, desk.metadata) == ([], {})


def test_the_least_that_may_be_named_is_two_people() -> None:
    """A role of exactly as many holders as its threshold is allowed: all of them sign."""
    vendor = SimVendor(names={"feature": ["Ann", "Bob"]})
    vendor.build("feature")
    assert vendor.sign("feature", "Ann").needed == 1
    assert vendor.sign("feature", "Bob").met
    assert THRESHOLD == 2
