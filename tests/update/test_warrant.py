"""Whether the newest root and targets still stand for a release that was accepted before."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import DelegatedRole

from firmhold.sim.domain import SimDomain
from firmhold.sim.machine import sim_image
from firmhold.trust.tuf.dialect import FIRMHOLD
from firmhold.trust.tuf.trusted_set import TrustedSet
from firmhold.update.warrant import authorised


class Vendor:
    """A vendor whose release 1 was accepted by a device long ago."""

    def __init__(self, folder: Path) -> None:
        self.domain = SimDomain(folder)
        self.release = self.domain.release(sim_image("one", 1, 1), 1, security=1)

    def stands(self, **instead: bytes | None) -> bool:
        """Tell whether a device that has stored everything, or `instead` of it, may finish."""
        stored = {**self.domain.image.published, **instead}
        newest = TrustedSet.pin(self.domain.image.published["root"], FIRMHOLD)
        return authorised(newest, stored.get, self.release.digest)

    @property
    def path(self) -> str:
        """Where the manifest stands."""
        return self.domain.path(1)

    def withdraw(self) -> None:
        """Take the manifest out of the feature authority's word."""
        del self.domain.image.targets("feature").targets[self.path]

    def rekey(self, role: str) -> list[CryptoSigner]:
        """Give an authority other keys; return the old ones."""
        rule = self.rule(role)
        old = self.domain.image.signers.pop(role)
        targets = self.domain.image.targets()
        for signer in old:
            targets.revoke_key(signer.public_key.keyid, role)
        self.domain.image.signers[role] = [CryptoSigner.generate_ed25519() for _ in old]
        for signer in self.domain.image.signers[role]:
            targets.add_key(signer.public_key, role)
        assert rule.threshold == len(old)
        return old

    def rule(self, role: str) -> DelegatedRole:
        """What the top-level targets say of an authority."""
        delegations = self.domain.image.targets().delegations
        assert delegations is not None
        assert delegations.roles is not None
        return delegations.roles[role]


@pytest.fixture(name="vendor")
def _vendor(tmp_path: Path) -> Vendor:
    return Vendor(tmp_path)


def test_a_release_that_its_authority_names_stands(vendor: Vendor) -> None:
    """What is signed today as it was then may be finished."""
    assert vendor.stands()


def test_a_release_that_nobody_names_any_more_is_withdrawn(vendor: Vendor) -> None:
    """The authority takes a release back by not naming it in its next version."""
    vendor.withdraw()
    vendor.domain.publish("feature")
    assert not vendor.stands()


def test_another_file_under_its_path_is_another_release(vendor: Vendor) -> None:
    """It is the digest that was accepted, not the path."""
    vendor.domain.release(sim_image("other", 1, 1), 1, security=1)
    assert not vendor.stands()


def test_no_date_is_judged(vendor: Vendor) -> None:
    """Metadata that have expired since stand for what they stood for: finishing needs no news."""
    old = vendor.domain.clock.now() - timedelta(days=3650)
    for role in ("root", "targets", "feature"):
        vendor.domain.image.roles[role].expires = old
        vendor.domain.image.publish(role)
    assert vendor.stands()


def test_what_only_revoked_keys_signed_is_withdrawn(vendor: Vendor) -> None:
    """New holders of an authority do not stand for the old ones' word until they sign it."""
    vendor.rekey("feature")
    vendor.domain.publish("targets")
    assert not vendor.stands()
    vendor.domain.publish("feature")
    assert vendor.stands()


def test_targets_that_the_newest_root_does_not_know_say_nothing(vendor: Vendor) -> None:
    """Whoever signed the stored targets must be named by the newest root."""
    domain = vendor.domain
    domain.image.rotate("targets")
    holders = {key: f"holder {key}" for key in domain.image.root.keys}
    domain.image.root.unrecognized_fields["x-firmhold-holders"] = holders
    domain.image.publish("root")
    assert not vendor.stands()
    domain.publish("targets")
    assert vendor.stands()


@pytest.mark.parametrize("damage", [None, b"", b"{}", b"\xff"])
@pytest.mark.parametrize("role", ["targets", "feature"])
def test_documents_that_cannot_be_read_say_nothing(
    vendor: Vendor, role: str, damage: bytes | None
) -> None:
    """A lost or spoilt document stands for nothing; the next check-in brings it back."""
    assert not vendor.stands(**{role: damage})


def test_a_role_below_an_authority_speaks_for_it(vendor: Vendor) -> None:
    """An authority may delegate a product; what the role below says is its word."""
    domain = vendor.domain
    vendor.withdraw()
    domain.image.delegate("feature/thing", by="feature", paths=["feature/thing/*"])
    feature = domain.image.targets("feature")
    assert feature.delegations is not None
    holders = {key: f"holder {key}" for key in feature.delegations.keys}
    feature.unrecognized_fields["x-firmhold-holders"] = holders
    domain.name(vendor.release, "feature/thing", vendor.path)
    domain.publish("feature/thing", "feature")
    assert vendor.stands()
    assert not vendor.stands(**{"feature/thing": None})


def by_the_other_authority(vendor: Vendor) -> None:
    """The security authority names the manifest under a feature path."""
    vendor.domain.name(vendor.release, "security", vendor.path)


def by_the_top_level(vendor: Vendor) -> None:
    """The top-level targets name it themselves."""
    vendor.domain.name(vendor.release, "targets", vendor.path)


def nowhere(vendor: Vendor) -> None:
    """An authority names it under a path that is no authority's."""
    vendor.domain.name(vendor.release, "feature", "thing/1.json")
    vendor.rule("feature").paths = ["feature/*/*", "thing/*"]


def hidden(vendor: Vendor) -> None:
    """A role of which no document is stored is asked first, and ends the search."""
    vendor.domain.name(vendor.release, "feature", vendor.path)
    vendor.domain.image.delegate("early", paths=["feature/*/*"], terminating=True)
    roles = vendor.domain.image.targets().delegations
    assert roles is not None
    assert roles.roles is not None
    roles.roles = {"early": roles.roles.pop("early"), **roles.roles}


WRONG: dict[str, Callable[[Vendor], None]] = {
    "by the other authority": by_the_other_authority,
    "by the top level": by_the_top_level,
    "nowhere": nowhere,
    "behind a role that says nothing": hidden,
}


@pytest.mark.parametrize("lie", WRONG.values(), ids=WRONG)
def test_who_may_not_speak_there_does_not_stand_for_it(
    vendor: Vendor, lie: Callable[[Vendor], None]
) -> None:
    """The digest under somebody's name is not enough: it must be who has the say there."""
    vendor.withdraw()
    lie(vendor)
    vendor.domain.publish("targets", "feature", "security")
    assert not vendor.stands()


def test_a_search_without_an_end_finds_nothing(vendor: Vendor) -> None:
    """More roles than any honest repository has are not asked; nobody waits for them."""
    vendor.withdraw()
    for number in range(70):
        vendor.domain.image.delegate(f"role-{number}", paths=["feature/*/*"])
    roles = vendor.domain.image.targets().delegations
    assert roles is not None
    assert roles.roles is not None
    feature = roles.roles.pop("feature")
    roles.roles["feature"] = feature
    vendor.domain.name(vendor.release, "feature", vendor.path)
    names = [f"role-{number}" for number in range(70)]
    vendor.domain.publish("targets", "feature", *names)
    assert not vendor.stands()


def test_a_role_that_is_named_twice_is_read_once(vendor: Vendor) -> None:
    """A circle of delegations ends."""
    domain = vendor.domain
    domain.image.delegate("feature", by="feature", paths=["feature/*/*"])
    feature = domain.image.targets("feature")
    assert feature.delegations is not None
    holders = {key: f"holder {key}" for key in feature.delegations.keys}
    feature.unrecognized_fields["x-firmhold-holders"] = holders
    domain.publish("feature")
    assert vendor.stands()


def test_delegations_to_hash_bins_name_no_authority(vendor: Vendor) -> None:
    """Authorities are named roles; what lies in hash bins is not an authority's word."""
    vendor.domain.image.delegate_to_bins("bin", bits=1)
    vendor.domain.image.roles["targets"].unrecognized_fields.pop("x-firmhold-holders")
    targets = vendor.domain.image.targets()
    assert targets.delegations is not None
    holders = {key: f"holder {key}" for key in targets.delegations.keys}
    targets.unrecognized_fields["x-firmhold-holders"] = holders
    vendor.domain.image.publish("targets")
    assert not vendor.stands()


@pytest.mark.parametrize("role", ["feature", "security"])
def test_a_lost_document_silences_its_own_role_alone(vendor: Vendor, role: str) -> None:
    """What another authority signed stands, in whatever order the documents are looked at."""
    assert vendor.stands(**{role: None}) is (role != "feature")
