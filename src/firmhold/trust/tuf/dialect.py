"""How a repository writes key ids and holders: two readings of each, one counter behind them.

* `OpaqueKeyIds`: a key id is any name, as TUF clients take it.
* `DerivedKeyIds`: a key id is the digest of its key (TUF 4.2, Uptane); a key under another name is
  no key.
* `EachKeyItsOwnHolder`: who holds a key is not said, so each public key answers for itself.
* `DeclaredHolders`: the delegator says who holds each key (`x-firmhold-holders`); a document that
  leaves a key of its table without a holder is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from firmhold.trust.encoding import JsonObject, JsonValue
from firmhold.trust.errors import Code, Malformed, Refused
from firmhold.trust.keys import KeyId, PublicKey, derived_key_id, parse_public_key
from firmhold.trust.quorum import Holder, Seat
from firmhold.trust.tuf.schema import an_object

HOLDERS_FIELD = "x-firmhold-holders"


class KeyIds(Protocol):
    """How key ids relate to keys."""

    def names(self, key_id: KeyId, entry: Mapping[str, JsonValue]) -> bool:
        """Tell whether `key_id` may name the key in `entry`."""
        ...


class Holders(Protocol):
    """Who answers for a key."""

    def of(self, signed: JsonObject, key_id: KeyId, key: PublicKey) -> Holder:
        """Return the holder of `key`, listed under `key_id` in the delegator `signed`."""
        ...


@dataclass(frozen=True, slots=True)
class OpaqueKeyIds:
    """Any name will do for a key."""

    def names(self, _key_id: KeyId, _entry: Mapping[str, JsonValue]) -> bool:
        """Every id names its entry."""
        return True


@dataclass(frozen=True, slots=True)
class DerivedKeyIds:
    """A key's name is its digest."""

    def names(self, key_id: KeyId, entry: Mapping[str, JsonValue]) -> bool:
        """Only the derived id names its entry (TUF 4.2)."""
        return key_id == derived_key_id(entry)


@dataclass(frozen=True, slots=True)
class EachKeyItsOwnHolder:
    """Nobody says who holds which key."""

    def of(self, _signed: JsonObject, _key_id: KeyId, key: PublicKey) -> Holder:
        """The holder is the key itself."""
        return Holder(key.identity)


@dataclass(frozen=True, slots=True)
class DeclaredHolders:
    """The delegator declares who holds each of its keys."""

    def of(self, signed: JsonObject, key_id: KeyId, _key: PublicKey) -> Holder:
        """Return the declared holder; an undeclared one is refused (`tuf.holders`)."""
        holders = signed.get(HOLDERS_FIELD)
        holder = holders.get(key_id) if isinstance(holders, dict) else None
        if not isinstance(holder, str) or not holder:
            where = f"signed.{HOLDERS_FIELD}.{key_id}"
            raise Refused(Malformed(code=Code.TUF_HOLDERS, where=where, expected="a holder"))
        return Holder(holder)


@dataclass(frozen=True, slots=True)
class Dialect:
    """One reading of key ids and one of holders."""

    key_ids: KeyIds
    holders: Holders

    def seats(self, signed: JsonObject, keys: JsonObject) -> dict[KeyId, Seat]:
        """Read the key table `keys` of the delegator `signed`; what is no key has no seat."""
        seats: dict[KeyId, Seat] = {}
        for name, value in keys.items():
            key_id, entry = KeyId(name), an_object(value, f"keys.{name}")
            key = parse_public_key(entry) if self.key_ids.names(key_id, entry) else None
            if key is not None:
                seats[key_id] = Seat(key, self.holders.of(signed, key_id, key))
        return seats


PLAIN_TUF = Dialect(OpaqueKeyIds(), EachKeyItsOwnHolder())
"""What any TUF client reads."""

FIRMHOLD = Dialect(DerivedKeyIds(), DeclaredHolders())
"""What a Firmhold device demands of its own domain."""
