"""How a repository writes key ids, holders and repeated versions: two readings of each.

One counter stands behind them all.

* `OpaqueKeyIds`: a key id is any name, as TUF clients take it.
* `DerivedKeyIds`: a key id is the digest of its key (TUF 4.2, Uptane); a key under another name is
  no key.
* `EachKeyItsOwnHolder`: who holds a key is not said, so each public key answers for itself.
* `DeclaredHolders`: the delegator says who holds each key (`x-firmhold-holders`); a document that
  leaves a key of its table without a holder is refused. It may also say until when a key may sign
  (`x-firmhold-retires`): for nothing that lives longer than that, so that no clock is asked.
* `FirstWordStands`: metadata of a version that is trusted already say nothing new (TUF 5.4.3.1).
* `LastWordStands`: they replace it if their signatures are good; only an older version is a
  rollback (Uptane 5.4.4.4 to 5.4.4.6: "less than or equal").
* `FieldsPassedOver`, `FieldsRead`: whether the fields of ours in a root say anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from firmhold.trust.digest import Expectation
from firmhold.trust.encoding import JsonObject, JsonValue
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Malformed
from firmhold.trust.keys import KeyId, PublicKey, derived_key_id, parse_public_key
from firmhold.trust.quorum import Holder, Seat
from firmhold.trust.shape import Shape
from firmhold.trust.tuf.root_fields import FieldsPassedOver, FieldsRead, OwnFields
from firmhold.trust.tuf.schema import an_object

V = TypeVar("V")

_RETIRES = Shape(Code.TUF_RETIRES)

HOLDERS_FIELD = "x-firmhold-holders"
RETIRES_FIELD = "x-firmhold-retires"


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

    def retires(self, signed: JsonObject, key_id: KeyId) -> datetime | None:
        """Return the day after which nothing may live that the key signs; None if none is named."""
        ...


class Repeats(Protocol):
    """What metadata mean whose version is trusted already."""

    def choose(self, known: V, new: V) -> V:
        """Return which of two documents of one version is trusted."""
        ...

    def may_reuse(self, named: Expectation) -> bool:
        """Tell whether stored metadata of the right version need not be fetched again."""
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

    def retires(self, _signed: JsonObject, _key_id: KeyId) -> datetime | None:
        """Nobody says that a key retires."""
        return None


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

    def retires(self, signed: JsonObject, key_id: KeyId) -> datetime | None:
        """Return the declared day; one that cannot be read is refused (`tuf.retires`)."""
        if RETIRES_FIELD not in signed:
            return None
        days = _RETIRES.an_object(signed[RETIRES_FIELD], f"signed.{RETIRES_FIELD}")
        where = f"signed.{RETIRES_FIELD}.{key_id}"
        return None if key_id not in days else _RETIRES.a_date(days[key_id], where)


@dataclass(frozen=True, slots=True)
class FirstWordStands:
    """A version is said once."""

    def choose(self, known: V, _new: V) -> V:
        """What was trusted first stays."""
        return known

    def may_reuse(self, _named: Expectation) -> bool:
        """Stored metadata of the named version are the named metadata."""
        return True


@dataclass(frozen=True, slots=True)
class LastWordStands:
    """A version may be said again, with other content."""

    def choose(self, _known: V, new: V) -> V:
        """What is signed now is trusted."""
        return new

    def may_reuse(self, named: Expectation) -> bool:
        """Stored metadata are the named ones only if a digest says so."""
        return bool(named.digests)


@dataclass(frozen=True, slots=True)
class Dialect:
    """One reading of key ids, one of holders, one of repeated versions, one of our own fields."""

    key_ids: KeyIds
    holders: Holders
    repeats: Repeats = field(default_factory=FirstWordStands)
    own_fields: OwnFields = field(default_factory=FieldsPassedOver)

    def seats(self, signed: JsonObject, keys: JsonObject) -> dict[KeyId, Seat]:
        """Read the key table `keys` of the delegator `signed`; what is no key has no seat."""
        seats: dict[KeyId, Seat] = {}
        for name, value in keys.items():
            key_id, entry = KeyId(name), an_object(value, f"keys.{name}")
            key = parse_public_key(entry) if self.key_ids.names(key_id, entry) else None
            if key is not None:
                holder = self.holders.of(signed, key_id, key)
                seats[key_id] = Seat(key, holder, self.holders.retires(signed, key_id))
        return seats


PLAIN_TUF = Dialect(OpaqueKeyIds(), EachKeyItsOwnHolder())
"""What any TUF client reads."""

FIRMHOLD = Dialect(DerivedKeyIds(), DeclaredHolders(), own_fields=FieldsRead())
"""What a Firmhold device demands of its own domain."""

UPTANE = Dialect(DerivedKeyIds(), EachKeyItsOwnHolder(), LastWordStands())
"""What an Uptane client reads of both repositories."""
