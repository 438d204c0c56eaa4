"""Two readings of key ids and of holders, and one counter behind them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from securesystemslib.signer import CryptoSigner

from firmhold.trust.encoding import JsonObject, JsonValue
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Malformed
from firmhold.trust.keys import KeyId, PublicKey, parse_public_key
from firmhold.trust.tuf.dialect import (
    FIRMHOLD,
    HOLDERS_FIELD,
    PLAIN_TUF,
    RETIRES_FIELD,
    DeclaredHolders,
    DerivedKeyIds,
    Dialect,
    EachKeyItsOwnHolder,
    OpaqueKeyIds,
)
from firmhold.trust.tuf.root_fields import FieldsRead

ANN, BOB = CryptoSigner.generate_ed25519(), CryptoSigner.generate_ed25519()


def entry(signer: CryptoSigner) -> dict[str, Any]:
    """A signer's entry of a key table."""
    fields: dict[str, Any] = signer.public_key.to_dict()
    return fields


def identity(signer: CryptoSigner) -> str:
    """A signer's key, as the counter knows it."""
    key = parse_public_key(entry(signer))
    assert key is not None
    return key.identity


def id_of(signer: CryptoSigner) -> str:
    """A signer's derived key id."""
    key_id: str = signer.public_key.keyid
    return key_id


def test_opaque_ids_name_any_key() -> None:
    """A plain client takes the name that the table gives."""
    seats = PLAIN_TUF.seats({}, {"any name": entry(ANN)})
    assert [*seats] == ["any name"]


def test_derived_ids_name_their_own_key_only() -> None:
    """A Firmhold device takes no key under another name than its digest (TUF 4.2)."""
    signed: JsonObject = {HOLDERS_FIELD: {id_of(ANN): "Ann", id_of(BOB): "Bob", "x": "Bob"}}
    keys: JsonObject = {id_of(ANN): entry(ANN), id_of(BOB): entry(ANN), "x": entry(BOB)}
    assert [*FIRMHOLD.seats(signed, keys)] == [id_of(ANN)]


def test_a_key_without_a_declared_holder_answers_for_itself() -> None:
    """To a plain client each public key is its own holder, whatever the document declares."""
    signed: JsonObject = {HOLDERS_FIELD: {"a": "Ann", "b": "Ann"}}
    seats = PLAIN_TUF.seats(signed, {"a": entry(ANN), "b": entry(BOB)})
    assert [seat.holder for seat in seats.values()] == [identity(ANN), identity(BOB)]


def test_a_declared_holder_answers_for_a_key() -> None:
    """To a Firmhold device the delegator says who holds a key."""
    signed: JsonObject = {HOLDERS_FIELD: {id_of(ANN): "Ann", id_of(BOB): "Ann"}}
    seats = FIRMHOLD.seats(signed, {id_of(ANN): entry(ANN), id_of(BOB): entry(BOB)})
    assert [seat.holder for seat in seats.values()] == ["Ann", "Ann"]


NO_HOLDERS: dict[str, JsonObject] = {
    "nothing declared": {},
    "declared as a list": {HOLDERS_FIELD: [id_of(ANN)]},
    "declared for others": {HOLDERS_FIELD: {"x": "Ann"}},
    "an empty name": {HOLDERS_FIELD: {id_of(ANN): ""}},
    "a number": {HOLDERS_FIELD: {id_of(ANN): 7}},
    "null": {HOLDERS_FIELD: {id_of(ANN): None}},
}


@pytest.mark.parametrize("signed", NO_HOLDERS.values(), ids=NO_HOLDERS)
def test_a_key_that_nobody_holds_is_refused(signed: JsonObject) -> None:
    """A Firmhold document that leaves a key without a holder is refused, and the fault names it."""
    with pytest.raises(Refused) as error:
        FIRMHOLD.seats(signed, {id_of(ANN): entry(ANN)})
    where = f"signed.x-firmhold-holders.{id_of(ANN)}"
    assert error.value.fault == Malformed(code=Code.TUF_HOLDERS, where=where, expected="a holder")


def test_a_key_retires_on_the_day_that_its_delegator_names() -> None:
    """Each key has its own day, or none; a plain client knows of no such thing."""
    signed: JsonObject = {
        HOLDERS_FIELD: {id_of(ANN): "Ann", id_of(BOB): "Bob"},
        RETIRES_FIELD: {id_of(ANN): "2030-01-31T12:00:00Z"},
    }
    keys: JsonObject = {id_of(ANN): entry(ANN), id_of(BOB): entry(BOB)}
    seats = FIRMHOLD.seats(signed, keys)
    day = datetime(2030, 1, 31, 12, tzinfo=UTC)
    assert [seat.retires for seat in seats.values()] == [day, None]
    assert {seat.retires for seat in PLAIN_TUF.seats(signed, keys).values()} == {None}


@pytest.mark.parametrize(
    ("days", "where"),
    [
        ("soon", f"signed.{RETIRES_FIELD}"),
        (None, f"signed.{RETIRES_FIELD}"),
        ({id_of(ANN): "2030-02-31T12:00:00Z"}, f"signed.{RETIRES_FIELD}.{id_of(ANN)}"),
        ({id_of(ANN): None}, f"signed.{RETIRES_FIELD}.{id_of(ANN)}"),
    ],
    ids=["a text", "null", "no such day", "no day"],
)
def test_a_last_day_that_cannot_be_read_is_refused(days: JsonValue, where: str) -> None:
    """What was meant to end is not taken for what goes on for ever."""
    signed: JsonObject = {HOLDERS_FIELD: {id_of(ANN): "Ann"}, RETIRES_FIELD: days}
    with pytest.raises(Refused) as error:
        FIRMHOLD.seats(signed, {id_of(ANN): entry(ANN)})
    assert error.value.code is Code.TUF_RETIRES
    assert isinstance(error.value.fault, Malformed)
    assert error.value.fault.where == where


NO_KEYS: dict[str, JsonObject] = {
    "an unknown scheme": {**entry(BOB), "scheme": "of tomorrow"},
    "a malformed key": {**entry(BOB), "keyval": {"public": "not hexadecimal"}},
    "an empty entry": {},
}


@pytest.mark.parametrize("dialect", [PLAIN_TUF, Dialect(OpaqueKeyIds(), DeclaredHolders())])
@pytest.mark.parametrize("no_key", NO_KEYS.values(), ids=NO_KEYS)
def test_what_is_no_key_has_no_seat_and_disturbs_no_other(
    dialect: Dialect, no_key: JsonObject
) -> None:
    """One key of tomorrow in a table does not keep the keys of today from counting."""
    signed: JsonObject = {HOLDERS_FIELD: {"a": "Ann"}}
    assert [*dialect.seats(signed, {"b": no_key, "a": entry(ANN)})] == ["a"]


def test_an_entry_that_is_no_object_is_refused() -> None:
    """A key table holds objects, whoever reads it."""
    keys: dict[str, JsonValue] = {"a": "hex"}
    with pytest.raises(Refused) as error:
        PLAIN_TUF.seats({}, keys)
    expected = Malformed(code=Code.TUF_SHAPE, where="keys.a", expected="an object")
    assert error.value.fault == expected


def test_a_seat_holds_the_key_that_its_entry_says() -> None:
    """The key that is read is the key that will verify."""
    seat = PLAIN_TUF.seats({}, {"a": entry(ANN)})[KeyId("a")]
    assert isinstance(seat.key, PublicKey)
    assert seat.key == parse_public_key(entry(ANN))


def test_the_two_dialects_are_those_of_the_field_and_of_this_product() -> None:
    """A plain client reads opaque ids and no holders; a Firmhold device the strict."""
    assert Dialect(OpaqueKeyIds(), EachKeyItsOwnHolder()) == PLAIN_TUF
    assert Dialect(DerivedKeyIds(), DeclaredHolders(), own_fields=FieldsRead()) == FIRMHOLD
