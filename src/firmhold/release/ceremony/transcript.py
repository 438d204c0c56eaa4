"""A transcript: what was signed and by whom, vouched for by somebody who did not sign.

Whoever verifies a ceremony works everything out again from the plan and the partial signatures, and
signs the transcript with a key of his own. It is what an auditor is shown, and what a desk demands
before it adopts the document.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firmhold.release.ceremony.assemble import assemble
from firmhold.release.ceremony.cards import Card, read_card
from firmhold.release.ceremony.outcome import Outcome
from firmhold.release.ceremony.partial import Partial
from firmhold.release.ceremony.plan import Plan
from firmhold.release.ceremony.words import words_of
from firmhold.signing.ports import Signer
from firmhold.trust.document import Kind, document_bytes, parse_document
from firmhold.trust.encoding import JsonObject, JsonValue, canonical_json
from firmhold.trust.errors import Code, Refused
from firmhold.trust.keys import KeyIdentity, parse_public_key
from firmhold.trust.outer_faults import CeremonyFault
from firmhold.trust.quorum import Holder
from firmhold.trust.shape import Shape, written_date

TAG = "firmhold ceremony transcript 1"
MAX_BYTES = 1_048_576

_SHAPE = Shape(Code.CEREMONY_SHAPE)
KIND = Kind(TAG, MAX_BYTES, _SHAPE, Code.CEREMONY_TAG)
_MEMBERS = (
    "tag", "kind", "repository", "role", "version", "plan", "document", "says", "signatures",
    "verified_by", "verified_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Files:
    """What a ceremony leaves behind: the plan, what it comes to, who signed, and the document."""

    plan: Plan
    outcome: Outcome
    partials: Sequence[Partial]
    document: bytes


def verify(files: Files, verifier: str, signer: Signer, now: datetime) -> bytes:
    """Return a transcript, signed by somebody who has not signed the document. Raises `Refused`.

    1. plan and signatures make just this document, again;
    2. whoever verifies did not sign it, neither under his name nor with his key.
    """
    # 1. the same document, again
    if assemble(files.plan, files.outcome, files.partials) != files.document:
        raise _refused(Code.CEREMONY_OTHER_DOCUMENT, "document", "not what was signed")
    # 2. by somebody else
    card = Card(Holder(verifier), {**signer.entry}, signer.tier)
    _require_apart(card, files)
    words = _transcript(files, card, now)
    return document_bytes(words, [(signer.key_id, signer.sign(canonical_json(words)))])


def require_verified(transcript: bytes, files: Files) -> None:
    """Pass if `transcript` is of this ceremony and somebody apart has signed it."""
    document = parse_document(transcript, KIND)
    members = _SHAPE.members(document.signed, "transcript", _MEMBERS)
    vouched = _SHAPE.an_object(members["verified_by"], "transcript.verified_by")
    card, key = read_card(vouched, "transcript.verified_by")
    good = any(
        each.key_id == card.key_id and key.verifies(each.sig, document.payload)
        for each in document.signatures
    )
    if not good:
        raise _refused(Code.CEREMONY_SIGNATURE, card.holder, "the transcript is not signed")
    _require_apart(card, files)
    when = _SHAPE.a_date(members["verified_at"], "transcript.verified_at")
    if document.signed != _transcript(files, card, when):
        raise _refused(Code.CEREMONY_OTHER_DOCUMENT, "transcript", "of another ceremony")


def _require_apart(card: Card, files: Files) -> None:
    key = parse_public_key(card.entry)
    if key is None:
        raise _refused(Code.CEREMONY_NOT_APART, card.holder, "not a key that can be believed")
    holders = {each.holder for each in files.partials}
    if card.holder in holders or key.identity in _identities(files):
        raise _refused(Code.CEREMONY_NOT_APART, card.holder, "signed the document too")


def _identities(files: Files) -> set[KeyIdentity]:
    seats = {
        key_id: seat for each in files.outcome.must_sign for key_id, seat in each.seats.items()
    }
    return {
        seats[partial.key_id].key.identity for partial in files.partials if partial.key_id in seats
    }


def _transcript(files: Files, card: Card, now: datetime) -> JsonObject:
    plan, outcome = files.plan, files.outcome
    says: list[JsonValue] = [*words_of(plan, outcome)]
    signatures: list[JsonValue] = [
        {
            "holder": each.holder,
            "keyid": str(each.key_id),
            "sha256": hashlib.sha256(each.to_bytes()).hexdigest(),
        }
        for each in sorted(files.partials, key=lambda each: (each.holder, each.key_id))
    ]
    return {
        "tag": TAG,
        "kind": plan.kind.value,
        "repository": plan.repository.value,
        "role": outcome.role,
        "version": outcome.version,
        "plan": plan.sha256,
        "document": hashlib.sha256(files.document).hexdigest(),
        "says": says,
        "signatures": signatures,
        "verified_by": card.to_json(),
        "verified_at": written_date(now),
    }


def _refused(code: Code, what: str, detail: str) -> Refused:
    return Refused(CeremonyFault(code=code, what=what, detail=detail))
