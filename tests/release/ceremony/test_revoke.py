"""Revocation at the desk: whoever goes, what was good stays good, and he counts no more."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from firmhold.pkix.borrowed import public_half
from firmhold.release.adapters.folder import FolderDesk, FolderSite
from firmhold.release.ceremony.cards import Card, make_card, parse_card
from firmhold.release.ceremony.impact import impact
from firmhold.release.ceremony.offices import settings_of
from firmhold.release.ceremony.plan import RepositoryName
from firmhold.release.ceremony.propose import DIRECTOR_ROOT
from firmhold.release.ceremony.revoke import Hands, Revocation
from firmhold.release.publish import Published, publish
from firmhold.sim.signer import sim_signer
from firmhold.sim.vendor import SimReader, SimVendor
from firmhold.trust.errors import Code, Damaged, Misuse, Refused
from firmhold.trust.tuf.dialect import FIRMHOLD
from firmhold.trust.tuf.trusted_set import TrustedSet

GOOD = b"what two holders have signed"
OFFLINE_ROLES = ("root", "targets", "feature", "security")
EVERYBODY = [f"{role}-{n}" for role in OFFLINE_ROLES for n in (1, 2, 3)]


def card(name: str) -> Card:
    """The card of a key that is made from a name."""
    return parse_card(make_card(name, sim_signer(name)))


@dataclass
class Vendor:
    """A vendor who has published, and a reader who has read it."""

    sim: SimVendor
    reader: SimReader
    said: list[str]

    def revocation(self, who: str, **successors: str) -> Revocation:
        """The revocation of a holder, planned."""
        desk, cards = self.sim.desk, {role: card(name) for role, name in successors.items()}
        found = Revocation(desk, impact(desk, who), cards, self.sim.clock.now())
        found.plan()
        return found

    def carry_out(self, revocation: Revocation, names: Iterable[str] = EVERYBODY) -> None:
        """Carry a revocation out with everybody who is left."""
        gone = revocation.impact.who
        signers = [sim_signer(name) for name in names if name != gone]
        pins = {
            RepositoryName.IMAGE: self.sim.root,
            RepositoryName.DIRECTOR: self.sim.desk.versions(DIRECTOR_ROOT)[0][1],
        }
        hands = Hands(signers, "auditor", sim_signer("auditor"))
        revocation.carry_out(pins, hands, self.said.append)

    def publish(self, **online: str) -> Published:
        """Publish with the keys of machines, where some have new ones."""
        keys = {role: sim_signer(online.get(role, role)) for role in ("snapshot", "timestamp")}
        return publish(self.sim.desk, self.sim.site, keys, self.sim.clock.now())


@pytest.fixture
def vendor(tmp_path: Path) -> Vendor:
    """Somebody whose first release was published, and read."""
    sim = SimVendor(FolderDesk(tmp_path / "desk"), FolderSite(tmp_path / "site"))
    sim.equip("thing")
    for authority in ("feature", "security"):
        (tmp_path / f"{authority}.bin").write_bytes(GOOD)
        sim.release(authority, tmp_path / f"{authority}.bin")
    reader = SimReader(sim.site, sim.root, sim.clock)
    reader.refresh()
    return Vendor(sim, reader, [])


@pytest.mark.parametrize("who", EVERYBODY)
def test_whoever_goes_what_was_good_stays_good(vendor: Vendor, who: str) -> None:
    """Every holder of every role: the others go on, and a reader of before reads on."""
    vendor.carry_out(vendor.revocation(who))
    vendor.publish()
    for authority in ("feature", "security"):
        assert vendor.reader.read(f"{authority}/thing/{authority}.bin") == GOOD
    assert impact(vendor.sim.desk, who).losses == ()


@pytest.mark.parametrize("who", EVERYBODY)
def test_whoever_went_has_no_seat(vendor: Vendor, who: str) -> None:
    """To a reader who comes back he is nobody."""
    vendor.carry_out(vendor.revocation(who))
    vendor.publish()
    trusted, role = vendor.reader.refresh(), who.partition("-")[0]
    if role in {"root", "targets"}:
        authority = trusted.root.value.authorities[role]
    else:
        vendor.reader.read(f"{role}/thing/{role}.bin")
        trusted = trusted.accept_targets(
            vendor.sim.desk.current("targets") or b"", vendor.sim.clock.now()
        )
        authority = trusted.authority(role, "targets")
    assert sim_signer(who).key_id not in authority.seats
    assert len(authority.seats) == 2


@pytest.mark.parametrize("role", ["timestamp", "snapshot"])
def test_a_machine_gets_another_key(vendor: Vendor, role: str) -> None:
    """What the old key signs from then on is refused, what the new one signs is read."""
    vendor.carry_out(vendor.revocation(role, **{role: f"{role}-new"}))
    with pytest.raises(Refused):
        vendor.publish()  # with the old key
    vendor.publish(**{role: f"{role}-new"})
    assert vendor.reader.read("feature/thing/feature.bin") == GOOD


def test_a_machine_without_a_successor_is_not_taken_out(vendor: Vendor) -> None:
    """Nobody could publish any more: it is told before anything changes."""
    with pytest.raises(Refused) as error:
        vendor.revocation("timestamp")
    assert error.value.code is Code.CEREMONY_UNSOUND
    assert "too few are left" in "\n".join(impact(vendor.sim.desk, "timestamp").words())


def test_the_director_gets_another_key(vendor: Vendor) -> None:
    """Its next root is signed by the root's holders, and follows the one before."""
    roles = dict.fromkeys(("targets", "snapshot", "timestamp"), "director-new")
    vendor.carry_out(vendor.revocation("director", **roles))
    first, second = (data for _, data in vendor.sim.desk.versions(DIRECTOR_ROOT))
    root = TrustedSet.pin(first, FIRMHOLD).accept_root(second).root.value
    for role in roles:
        assert [*root.authorities[role].seats] == [sim_signer("director-new").key_id]
    assert len(vendor.sim.desk.versions("root")) == 1


def test_a_new_key_tells_the_time_in_a_new_epoch(vendor: Vendor) -> None:
    """The next root begins the epoch, and the settings name who tells its time, and nobody else."""
    vendor.carry_out(vendor.revocation("freshness-1", freshness="freshness-new"))
    vendor.publish()
    freshness = vendor.reader.refresh().root.value.fields.freshness
    assert freshness is not None
    assert freshness.epoch == 2
    settings = settings_of(vendor.sim.desk)
    assert settings is not None
    (entry,) = settings["freshness_keys"]
    assert (entry["epoch"], entry["key"]) == (2, dict(sim_signer("freshness-new").entry))


def test_whoever_told_the_time_needs_a_successor(vendor: Vendor) -> None:
    """Without one no device could check in: it is told before anything changes."""
    with pytest.raises(Misuse) as error:
        vendor.revocation("freshness-1")
    assert error.value.code is Code.CEREMONY_UNSOUND
    assert len(vendor.sim.desk.versions("root")) == 1


@pytest.mark.parametrize("who", ["operator-1", "offline-1"])
def test_an_office_of_the_settings_ends(vendor: Vendor, who: str) -> None:
    """Who directs rollouts, or signs media, is taken out of the settings alone."""
    before = str(settings_of(vendor.sim.desk))
    vendor.carry_out(vendor.revocation(who))
    vendor.publish()
    settings = str(settings_of(vendor.sim.desk))
    public = public_half(sim_signer(who))
    assert isinstance(public, Ed25519PublicKey)
    assert public.public_bytes_raw().hex() in before
    assert public.public_bytes_raw().hex() not in settings
    assert vendor.reader.read("feature/thing/feature.bin") == GOOD
    assert len(vendor.sim.desk.versions("root")) == 1


def test_too_few_offices_for_media_are_refused(vendor: Vendor) -> None:
    """Of three who sign media, two must: the second to go leaves nobody enough."""
    vendor.carry_out(vendor.revocation("offline-1"))
    vendor.publish()
    with pytest.raises(Misuse) as error:
        vendor.carry_out(vendor.revocation("offline-2"))
    assert error.value.code is Code.CEREMONY_UNSOUND


def test_one_who_is_nobody_changes_nothing(vendor: Vendor) -> None:
    """It is said, and no plan is made."""
    found = impact(vendor.sim.desk, "nobody")
    assert "nothing would change" in "\n".join(found.words())
    assert vendor.revocation("nobody").plans == {}


@pytest.mark.parametrize("there", [["targets-1"], ["feature-2", "feature-3"], []])
def test_with_too_few_hands_nothing_changes(vendor: Vendor, there: list[str]) -> None:
    """What stands at the desk and on the site is what stood before."""
    before = vendor.sim.desk.versions("targets")
    with pytest.raises(Refused) as error:
        vendor.carry_out(vendor.revocation("feature-1"), there)
    assert error.value.code is Code.CEREMONY_INCOMPLETE
    assert vendor.sim.desk.versions("targets") == before
    vendor.publish()
    assert vendor.reader.read("feature/thing/feature.bin") == GOOD


def test_a_revocation_that_is_half_done_is_not_published(vendor: Vendor) -> None:
    """The delegation changed, and nobody has signed anew: publishing says so, the site stays."""
    vendor.carry_out(vendor.revocation("feature-1"), ["targets-1", "targets-2"])
    with pytest.raises(Damaged):
        vendor.publish()
    assert vendor.reader.read("feature/thing/feature.bin") == GOOD
    for name in ("feature-2", "feature-3"):
        vendor.sim.sign("feature", name)
    vendor.publish()
    assert vendor.reader.read("feature/thing/feature.bin") == GOOD


def test_whoever_signs_anew_vouches_for_every_file(vendor: Vendor) -> None:
    """Files that others had signed for are looked at again, and one that is gone stops it."""
    revocation = vendor.revocation("feature-1")
    assert isinstance(vendor.sim.desk, FolderDesk)
    files = vendor.sim.desk.folder / "files"
    for file in files.iterdir():
        if file.read_bytes() == GOOD:
            file.write_bytes(b"what nobody has signed......")
    with pytest.raises((Refused, Damaged)):
        vendor.carry_out(revocation)
    vendor.reader.refresh()


def test_a_key_is_named_by_its_first_digits(vendor: Vendor) -> None:
    """One key of a holder who has several can be taken out by itself."""
    digits = str(sim_signer("feature-2").key_id)[:12]
    (loss,) = impact(vendor.sim.desk, digits).losses
    assert (loss.role, loss.keys) == ("feature", (sim_signer("feature-2").key_id,))


def test_what_a_desk_loses_is_shown_before(vendor: Vendor) -> None:
    """Who is left, and what those must sign anew."""
    says = "\n".join(impact(vendor.sim.desk, "feature-1").words())
    assert "becomes 2 of feature-2, feature-3" in says
    assert "2 of feature-2, feature-3 must sign it anew" in says
    says = "\n".join(impact(vendor.sim.desk, "feature-3").words())
    assert "anew" not in says  # it was feature-1 and feature-2 who signed
