"""A key card: a holder's public key, where the private half lives, and proof that it is there.

It is what a holder hands over of a new key. The card is signed by the key itself, so nobody can
bring another's public key as his own.
"""

from dataclasses import dataclass

from firmhold.signing.ports import Signer, Tier
from firmhold.trust.document import Kind, document_bytes, parse_document
from firmhold.trust.encoding import JsonObject, canonical_json
from firmhold.trust.errors import Code, Refused
from firmhold.trust.keys import KeyId, PublicKey, derived_key_id, parse_public_key
from firmhold.trust.outer_faults import CeremonyFault
from firmhold.trust.quorum import Holder
from firmhold.trust.shape import Shape

TAG = "firmhold key card 1"
MAX_BYTES = 32_768

_SHAPE = Shape(Code.CEREMONY_SHAPE)
KIND = Kind(TAG, MAX_BYTES, _SHAPE, Code.CEREMONY_TAG)
_MEMBERS = ("tag", "holder", "key", "tier")


@dataclass(frozen=True, slots=True)
class Card:
    """A public key with its holder; `tier` is the holder's word for where the key lives."""

    holder: Holder
    entry: JsonObject
    tier: Tier

    @property
    def key_id(self) -> KeyId:
        """The derived key id."""
        return derived_key_id(self.entry)

    def to_json(self) -> JsonObject:
        """Return the signed part; `read_card` reads it back."""
        return {
            "tag": TAG,
            "holder": self.holder,
            "key": {**self.entry},
            "tier": self.tier.value,
        }


def make_card(holder: str, signer: Signer) -> bytes:
    """Return a card for the key of `signer`, signed by it."""
    card = Card(Holder(holder), {**signer.entry}, signer.tier).to_json()
    return document_bytes(card, [(signer.key_id, signer.sign(canonical_json(card)))])


def parse_card(data: bytes) -> Card:
    """Read a card that the key in it has signed. Raises `Refused`."""
    document = parse_document(data, KIND)
    card, key = read_card(document.signed, "card")
    for signature in document.signatures:
        if signature.key_id == card.key_id and key.verifies(signature.sig, document.payload):
            return card
    detail = "not signed by the key in it"
    raise Refused(CeremonyFault(code=Code.CEREMONY_POSSESSION, what=card.holder, detail=detail))


def read_card(signed: JsonObject, where: str) -> tuple[Card, PublicKey]:
    """Read the signed part of a card, and the key in it. Raises `Refused`."""
    members = _SHAPE.members(signed, where, _MEMBERS)
    entry = _SHAPE.an_object(members["key"], f"{where}.key")
    key = parse_public_key(entry)
    if key is None or entry.keys() != {"keytype", "scheme", "keyval"}:
        raise _SHAPE.refusal(f"{where}.key", "a key that can be believed")
    tier = _SHAPE.a_name(members["tier"], f"{where}.tier")
    if tier not in set(Tier):
        raise _SHAPE.refusal(f"{where}.tier", " or ".join(Tier))
    holder = Holder(_SHAPE.a_name(members["holder"], f"{where}.holder"))
    return Card(holder, entry, Tier(tier)), key
