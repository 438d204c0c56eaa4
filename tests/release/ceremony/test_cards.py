"""Key cards: a public key, with proof that its private half is there."""

import json
from typing import Any

import pytest

from firmhold.release.ceremony.cards import make_card, parse_card
from firmhold.signing.ports import Tier
from firmhold.sim.signer import sim_signer
from firmhold.trust.encoding import canonical_json
from firmhold.trust.errors import Code, Refused


def bent(**changes: object) -> bytes:
    """A card that says something else than was signed."""
    document = json.loads(make_card("alice", sim_signer("alice")))
    document["signed"] |= changes
    return json.dumps(document).encode()


def test_a_card_is_read_back() -> None:
    """Holder, key and the place where it lives come through."""
    card = parse_card(make_card("alice", sim_signer("alice")))
    assert (card.holder, card.key_id, card.tier) == ("alice", sim_signer("alice").key_id, Tier.FILE)


@pytest.mark.parametrize(
    "changes",
    [{"holder": "mallory"}, {"tier": "token"}, {"key": {**sim_signer("mallory").entry}}],
    ids=["holder", "tier", "key"],
)
def test_a_card_that_was_altered_is_no_card(changes: dict[str, Any]) -> None:
    """Each word on it is signed by the key on it."""
    with pytest.raises(Refused) as error:
        parse_card(bent(**changes))
    assert error.value.code is Code.CEREMONY_POSSESSION


def test_nobody_brings_anothers_public_key() -> None:
    """A card for alice's key that mallory signed, under either name, is refused."""
    document = json.loads(make_card("alice", sim_signer("alice")))
    mallory = sim_signer("mallory")
    document["signed"]["holder"] = "mallory"
    sig = mallory.sign(canonical_json(document["signed"]))
    for name in (mallory.key_id, sim_signer("alice").key_id):
        document["signatures"] = [{"keyid": str(name), "sig": sig}]
        with pytest.raises(Refused) as error:
            parse_card(json.dumps(document).encode())
        assert error.value.code is Code.CEREMONY_POSSESSION


@pytest.mark.parametrize(
    "changes",
    [
        {"tier": "vault"},
        {"holder": ""},
        {"more": 1},
        {"key": {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": "00" * 32}}},
        {"key": {**sim_signer("alice").entry, "more": 1}},
    ],
    ids=["tier", "holder", "more", "weak key", "more in the key"],
)
def test_what_is_no_card_is_told_where(changes: dict[str, Any]) -> None:
    """A card has its members, each in its form, and no others; its key can be believed."""
    with pytest.raises(Refused) as error:
        parse_card(bent(**changes))
    assert error.value.code is Code.CEREMONY_SHAPE


def test_another_signed_document_is_no_card() -> None:
    """A signature under something else is never taken for one under a card."""
    with pytest.raises(Refused) as error:
        parse_card(bent(tag="firmhold rollout act 1"))
    assert error.value.code is Code.CEREMONY_TAG
