"""Signed documents of our own: one envelope, one tag a kind, and counted by the one counter."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from firmhold.sim.signer import sim_signer
from firmhold.trust.document import MAX_SIGNATURES, Bench, Kind, document_bytes, parse_document
from firmhold.trust.encoding import JsonObject, canonical_json
from firmhold.trust.errors import Code, Fault, Refused
from firmhold.trust.faults import Malformed, Mismatch, QuorumUnmet
from firmhold.trust.keys import KeyId, Signature, parse_public_key
from firmhold.trust.quorum import Holder, Seat
from firmhold.trust.shape import Shape

KIND = Kind("letter 1", 4096, Shape(Code.TUF_SHAPE), Code.TUF_DOMAIN_CHANGED)
CODE = Code.TUF_SIGNATURES_TARGETS
LETTER: JsonObject = {"tag": "letter 1", "text": "a\nb"}


def signed_by(*names: str, letter: JsonObject = LETTER) -> bytes:
    """The letter with a signature of each of these."""
    signers = [sim_signer(name) for name in names]
    payload = canonical_json(letter)
    return document_bytes(letter, [(each.key_id, each.sign(payload)) for each in signers])


def bench(threshold: int, **holders: str) -> Bench:
    """Seats for the keys of these names, with their holders."""
    seats = {}
    for name, holder in holders.items():
        key = parse_public_key(sim_signer(name).entry)
        assert key is not None
        seats[sim_signer(name).key_id] = Seat(key, Holder(holder))
    return Bench("letters", "the post", threshold, seats)


def refusal(act: Callable[[], object]) -> Fault:
    """The fault with which `act` is refused."""
    with pytest.raises(Refused) as error:
        act()
    return error.value.fault


def test_what_was_written_is_read_back() -> None:
    """Signed part, payload and signatures come back as they were written."""
    document = parse_document(signed_by("ann"), KIND)
    assert document.signed == LETTER
    assert document.payload == canonical_json(LETTER)
    payload = canonical_json(LETTER)
    ann = sim_signer("ann")
    assert document.signatures == (Signature(ann.key_id, ann.sign(payload)),)


def test_signatures_stand_in_the_order_of_their_key_ids() -> None:
    """Whoever signs first, the bytes are the same."""
    assert signed_by("ann", "bob") == signed_by("bob", "ann")


@pytest.mark.parametrize(
    ("threshold", "signers"),
    [(1, ["ann"]), (2, ["ann", "bob"]), (2, ["ann", "bob", "eve"])],
    ids=["one", "two", "two and a stranger"],
)
def test_enough_holders_are_enough(threshold: int, signers: list[str]) -> None:
    """A quorum passes; a stranger's signature beside it takes nothing away."""
    seats = bench(threshold, ann="Ann", bob="Bob")
    seats.require_quorum(parse_document(signed_by(*signers), KIND), CODE)
    with pytest.raises(Refused):
        seats.require_quorum(parse_document(signed_by(*signers[1:]), KIND), CODE)


SHORT = {
    "nobody": ([], (), ("Ann", "Bob")),
    "one": (["ann"], ("Ann",), ("Bob",)),
    "two keys of one holder": (["ann", "ann2"], ("Ann",), ("Bob",)),
    "strangers": (["ann", "eve", "mallory"], ("Ann",), ("Bob",)),
}


@pytest.mark.parametrize("case", SHORT)
def test_too_few_holders_are_refused_and_named(case: str) -> None:
    """Holders are counted, not signatures; who signed and who is missing is told."""
    signers, signed, missing = SHORT[case]
    document = parse_document(signed_by(*signers), KIND)
    seats = bench(2, ann="Ann", ann2="Ann", bob="Bob")
    assert refusal(lambda: seats.require_quorum(document, CODE)) == QuorumUnmet(
        code=CODE,
        role="letters",
        delegator="the post",
        threshold=2,
        signed=signed,
        missing=missing,
    )


def test_a_signature_over_something_else_counts_for_nothing() -> None:
    """A signature is for one text."""
    envelope = json.loads(signed_by("ann"))
    envelope["signed"]["text"] = "other"
    document = parse_document(json.dumps(envelope).encode(), KIND)
    fault = refusal(lambda: bench(1, ann="Ann").require_quorum(document, CODE))
    assert isinstance(fault, QuorumUnmet)
    assert fault.signed == ()


def test_a_document_of_another_kind_is_refused() -> None:
    """A genuine document of one kind stands for no other kind."""
    other = signed_by("ann", letter={**LETTER, "tag": "letter 2"})
    assert refusal(lambda: parse_document(other, KIND)) == Mismatch(
        code=Code.TUF_DOMAIN_CHANGED, what="tag", expected="letter 1", found="letter 2"
    )


def test_a_document_beyond_its_bound_is_not_read() -> None:
    """Each kind has a bound of its own."""
    fault = refusal(lambda: parse_document(b" " * 4097, KIND))
    assert fault.code is Code.ENCODING_TOO_LARGE


SIGNATURE = {"keyid": "a", "sig": "00"}
MALFORMED: dict[str, tuple[Any, str]] = {
    "no object": ([], "document"),
    "nothing signed": ({"signatures": []}, "document.signed"),
    "no signatures": ({"signed": LETTER}, "document.signatures"),
    "something beside": ({"signed": LETTER, "signatures": [], "x": 1}, "document.x"),
    "signed is a text": ({"signed": "x", "signatures": []}, "signed"),
    "no tag": ({"signed": {}, "signatures": []}, "signed.tag"),
    "signatures are none": ({"signed": LETTER, "signatures": {}}, "signatures"),
    "a signature is none": ({"signed": LETTER, "signatures": ["x"]}, "signatures[0]"),
    "too many signatures": (
        {"signed": LETTER, "signatures": [SIGNATURE] * (MAX_SIGNATURES + 1)},
        "signatures",
    ),
    "a key id twice": ({"signed": LETTER, "signatures": [SIGNATURE] * 2}, "signatures"),
    "key id is a number": (
        {"signed": LETTER, "signatures": [{"keyid": 1, "sig": "00"}]},
        "signatures[0].keyid",
    ),
    "signature is a number": (
        {"signed": LETTER, "signatures": [{"keyid": "a", "sig": 1}]},
        "signatures[0].sig",
    ),
    "a signature says more": (
        {"signed": LETTER, "signatures": [{**SIGNATURE, "method": "x"}]},
        "signatures[0].method",
    ),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_an_envelope_of_another_shape_is_refused_and_named(case: str) -> None:
    """The envelope has two members, and each signature has two."""
    value, where = MALFORMED[case]
    fault = refusal(lambda: parse_document(json.dumps(value).encode(), KIND))
    assert isinstance(fault, Malformed)
    assert (fault.code, fault.where) == (Code.TUF_SHAPE, where)


def test_as_many_signatures_as_are_permitted_are_read() -> None:
    """The bound itself is inside the bounds."""
    pairs = [(KeyId(str(number)), "00") for number in range(MAX_SIGNATURES)]
    assert len(parse_document(document_bytes(LETTER, pairs), KIND).signatures) == MAX_SIGNATURES
