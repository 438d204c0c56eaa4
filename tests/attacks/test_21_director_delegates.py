"""Row 21: a stolen Director delegates, so that a key of the thief's own speaks from now on."""

import pytest
from securesystemslib.signer import CryptoSigner
from tests.attacks.flashed import TWO, assert_held
from tuf.api.metadata import DelegatedRole, Delegations

from firmhold.drill.rehearsal import Rehearsal
from firmhold.trust.errors import Code
from firmhold.trust.tuf.dialect import HOLDERS_FIELD


@pytest.mark.parametrize("assigned", [True, False], ids=["with an order", "with none"])
def test_a_director_that_delegates_is_not_listened_to(device: Rehearsal, *, assigned: bool) -> None:
    """A Director's word is its own: one with a delegation in it is no Director's."""
    if assigned:
        device.offer(TWO, 2, security=2)
    before = device.flash()

    targets, thief = device.domain.director.targets(), CryptoSigner.generate_ed25519()
    rule = DelegatedRole("thief", [], 1, terminating=False, paths=["*"])
    targets.delegations = Delegations({}, {"thief": rule})
    targets.add_key(thief.public_key, "thief")
    targets.unrecognized_fields[HOLDERS_FIELD] = {thief.public_key.keyid: "thief"}
    device.domain.direct()
    assert device.check_in() is Code.UPTANE_DIRECTOR_DELEGATES

    targets.delegations = None
    targets.unrecognized_fields.clear()
    assert_held(device, before)
