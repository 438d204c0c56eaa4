"""Signed documents of our own: the envelope of TUF around something that is no TUF metadata.

`{"signatures": [{keyid, sig}, …], "signed": {"tag": …, …}}`. What is signed is the canonical form
of `signed`. Its `tag` says what the document is and in which version of its format; no two kinds
have one tag, and none has the `_type` that every role of TUF has, so a signature under one kind of
document can never be taken for one under another. `quorum` counts; nothing here does.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from firmhold.trust.encoding import (
    JsonObject,
    JsonValue,
    canonical_json,
    parse_json,
    pretty_json,
)
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Mismatch, QuorumUnmet
from firmhold.trust.keys import KeyId, Signature
from firmhold.trust.quorum import Seat, tally
from firmhold.trust.shape import Shape

TAG = "tag"
MAX_SIGNATURES = 64
"""Signatures in one envelope: they are not signed themselves, so anybody on the wire can add."""

_MAX_SIGNATURE_CHARACTERS = 16_384


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of document: its tag, its bound, and the codes of the two checks made here."""

    tag: str
    max_bytes: int
    shape: Shape
    wrong_tag: Code


@dataclass(frozen=True, slots=True)
class Document:
    """A well-formed envelope around a document of the expected kind, not yet verified."""

    signed: JsonObject
    payload: bytes
    signatures: tuple[Signature, ...]


@dataclass(frozen=True, slots=True)
class Bench:
    """Who may sign a kind of document: seats by key id, and how many holders must."""

    role: str
    appointed_by: str
    threshold: int
    seats: Mapping[KeyId, Seat]

    def require_quorum(self, document: Document, code: Code) -> None:
        """Pass if enough holders signed `document`, else refuse under `code`."""
        good = {
            signature.key_id
            for signature in document.signatures
            if (seat := self.seats.get(signature.key_id)) is not None
            and seat.key.verifies(signature.sig, document.payload)
        }
        count = tally(self.threshold, self.seats, good)
        if not count.met:
            raise Refused(
                QuorumUnmet(
                    code=code,
                    role=self.role,
                    delegator=self.appointed_by,
                    threshold=self.threshold,
                    signed=tuple(count.signed),
                    missing=tuple(count.missing),
                )
            )


def parse_document(data: bytes, kind: Kind) -> Document:
    """Read `data` as an envelope around a document of `kind`. Raises `Refused`."""
    shape = kind.shape
    value = parse_json(data, max_bytes=kind.max_bytes)
    envelope = shape.members(value, "document", ("signed", "signatures"))

    def signature(entry: JsonValue, where: str) -> Signature:
        pair = shape.members(entry, where, ("keyid", "sig"))
        key_id = shape.a_name(pair["keyid"], f"{where}.keyid")
        sig = shape.a_text(pair["sig"], f"{where}.sig", _MAX_SIGNATURE_CHARACTERS)
        return Signature(KeyId(key_id), sig)

    signatures = shape.a_list(envelope["signatures"], "signatures", MAX_SIGNATURES, signature)
    if len({each.key_id for each in signatures}) != len(signatures):
        raise shape.refusal("signatures", "each key id once")
    signed = shape.an_object(envelope["signed"], "signed")
    found = shape.a_name(signed.get(TAG), f"signed.{TAG}")
    if found != kind.tag:
        fault = Mismatch(code=kind.wrong_tag, what=TAG, expected=kind.tag, found=found)
        raise Refused(fault)
    return Document(signed, canonical_json(signed), signatures)


def document_bytes(signed: JsonObject, signatures: Iterable[tuple[KeyId, str]]) -> bytes:
    """Return the envelope around `signed`, signatures in the order of their key ids."""
    listed: list[JsonValue] = [
        {"keyid": str(key_id), "sig": sig} for key_id, sig in sorted(signatures)
    ]
    # Not the canonical form, which leaves line breaks in a text bare: no reader would take it back.
    return pretty_json({"signed": signed, "signatures": listed})
