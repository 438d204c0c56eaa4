"""A partial signature: one holder's signature over what a plan comes to, and the words he read."""

import hashlib
from dataclasses import dataclass

from firmhold.release.ceremony.outcome import Outcome
from firmhold.release.ceremony.plan import Plan
from firmhold.release.ceremony.words import words_of
from firmhold.release.documents import parse
from firmhold.signing.ports import Signer
from firmhold.trust.encoding import JsonObject, JsonValue, parse_json, pretty_json
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Mismatch
from firmhold.trust.keys import KeyId
from firmhold.trust.outer_faults import CeremonyFault
from firmhold.trust.quorum import Seat
from firmhold.trust.shape import Shape

TAG = "firmhold ceremony signature 1"
MAX_BYTES = 262_144
MOST_WORDS, MOST_CHARACTERS = 1024, 4096
MOST_SIGNATURE = 16_384

_SHAPE = Shape(Code.CEREMONY_SHAPE)
_MEMBERS = ("tag", "says", "plan", "document", "holder", "keyid", "sig")


@dataclass(frozen=True, slots=True)
class Partial:
    """What a holder hands back."""

    says: tuple[str, ...]
    plan: str
    """The plan's digest."""
    document: str
    """The digest of the bytes that were signed."""
    holder: str
    key_id: KeyId
    sig: str

    def to_bytes(self) -> bytes:
        """Return the file; `parse_partial` reads it back."""
        says: list[JsonValue] = [*self.says]
        found: JsonObject = {
            "tag": TAG,
            "says": says,
            "plan": self.plan,
            "document": self.document,
            "holder": self.holder,
            "keyid": str(self.key_id),
            "sig": self.sig,
        }
        return pretty_json(found)


def parse_partial(data: bytes) -> Partial:
    """Read a partial signature; it is judged by `require_good`. Raises `Refused`."""
    members = _SHAPE.members(parse_json(data, max_bytes=MAX_BYTES), "signature", _MEMBERS)
    if members["tag"] != TAG:
        found = str(members["tag"])[:64]
        raise Refused(Mismatch(code=Code.CEREMONY_TAG, what="tag", expected=TAG, found=found))

    def sentence(value: JsonValue, where: str) -> str:
        return _SHAPE.a_text(value, where, MOST_CHARACTERS)

    return Partial(
        _SHAPE.a_list(members["says"], "signature.says", MOST_WORDS, sentence),
        _SHAPE.some_bytes(members["plan"], "signature.plan").hex(),
        _SHAPE.some_bytes(members["document"], "signature.document").hex(),
        _SHAPE.a_name(members["holder"], "signature.holder"),
        KeyId(_SHAPE.a_name(members["keyid"], "signature.keyid")),
        _SHAPE.a_text(members["sig"], "signature.sig", MOST_SIGNATURE),
    )


def sign_plan(plan: Plan, outcome: Outcome, signer: Signer) -> Partial:
    """Return the signature of a holder over what the plan comes to.

    Raises `Refused` before the key is used if it has no seat among those who must sign.
    """
    seat = _seat(outcome, signer.key_id)
    payload = parse(outcome.unsigned, outcome.role).payload
    return Partial(
        says=words_of(plan, outcome),
        plan=plan.sha256,
        document=hashlib.sha256(payload).hexdigest(),
        holder=seat.holder,
        key_id=signer.key_id,
        sig=signer.sign(payload),
    )


def require_good(partial: Partial, plan: Plan, outcome: Outcome) -> Seat:
    """Return whose signature it is, if it is for this plan, says what this says, and is good."""
    payload = parse(outcome.unsigned, outcome.role).payload
    if partial.plan != plan.sha256:
        raise _refused(Code.CEREMONY_OTHER_PLAN, partial, "made for another plan")
    if partial.document != hashlib.sha256(payload).hexdigest():
        raise _refused(Code.CEREMONY_OTHER_PLAN, partial, "over another document")
    if partial.says != words_of(plan, outcome):
        raise _refused(Code.CEREMONY_OTHER_PLAN, partial, "its words are not those of the plan")
    seat = _seat(outcome, partial.key_id)
    if seat.holder != partial.holder or not seat.key.verifies(partial.sig, payload):
        raise _refused(Code.CEREMONY_SIGNATURE, partial, "not a signature of this holder")
    return seat


def _seat(outcome: Outcome, key_id: KeyId) -> Seat:
    for authority in outcome.must_sign:
        if (seat := authority.seats.get(key_id)) is not None and seat.may_sign(outcome.expires):
            return seat
    names = sorted({s.holder for each in outcome.must_sign for s in each.seats.values()})
    detail = f"must be one of {', '.join(names)}, with a key that has not retired by then"
    raise Refused(CeremonyFault(code=Code.CEREMONY_NOT_A_HOLDER, what=str(key_id), detail=detail))


def _refused(code: Code, partial: Partial, detail: str) -> Refused:
    return Refused(CeremonyFault(code=code, what=partial.holder, detail=detail))
