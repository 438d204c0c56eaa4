"""Everybody who can sign for a simulated vendor, brought together to take one of them out."""

from collections.abc import Callable

from firmhold.release.ceremony.cards import Card, make_card, parse_card
from firmhold.release.ceremony.impact import impact
from firmhold.release.ceremony.plan import RepositoryName
from firmhold.release.ceremony.propose import DIRECTOR_ROOT
from firmhold.release.ceremony.revoke import Hands, Revocation
from firmhold.release.keys import OFFLINE, default_holders
from firmhold.sim.signer import sim_signer
from firmhold.sim.vendor import SimVendor

EVERYBODY = tuple(name for role in OFFLINE for name in default_holders(role))


def sim_card(name: str) -> Card:
    """Return the card of a key that is made from a name, held by somebody of that name."""
    return parse_card(make_card(name, sim_signer(name)))


def revoke(
    vendor: SimVendor, who: str, successors: dict[str, str], say: Callable[[str], None]
) -> None:
    """Take a holder's keys out of everything at the vendor's desk; `successors` take over by role.

    All others sign what has to be signed; nothing is published yet.
    """
    cards = {role: sim_card(name) for role, name in successors.items()}
    revocation = Revocation(vendor.desk, impact(vendor.desk, who), cards, vendor.clock.now())
    revocation.plan()
    pins = {
        RepositoryName.IMAGE: vendor.root,
        RepositoryName.DIRECTOR: vendor.desk.versions(DIRECTOR_ROOT)[0][1],
    }
    signers = [sim_signer(name) for name in EVERYBODY if name != who]
    revocation.carry_out(pins, Hands(signers, "auditor", sim_signer("auditor")), say)
