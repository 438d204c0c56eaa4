"""A rollout act: an operator's signed word that a release goes out, is halted, or goes on.

Director targets are derived from acts and from nothing else. An act names one release by the path
and digest of its manifest, so it can be taken for no other; its `sequence` grows with every act of
a rollout, so that an old word cannot be replayed over a newer one. In order:

1. signed by an operator whom the trust settings name, whose scheme may still be believed;
2. who may direct this product, now;
3. not before it was issued, nor after it ended;
4. later in its rollout than the last act that is known.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum, unique
from types import MappingProxyType

from firmhold.trust.document import Bench, Kind, document_bytes, parse_document
from firmhold.trust.encoding import JsonObject, JsonValue, canonical_json
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Absent, Expired, TooEarly, VersionMismatch
from firmhold.trust.keys import KeyId
from firmhold.trust.settings.trust_settings import SETTINGS_PATH, Operator, TrustSettings
from firmhold.trust.shape import Shape, written_date
from firmhold.trust.verified import Verified, seal

TAG = "firmhold rollout act 1"
ROLLOUT_ACT = "rollout act"
MOST_WAVES = 64
MOST_BUCKETS = 10_000
MOST_PERCENT = 100
MOST_SECONDS = 366 * 86_400
MAX_BYTES = 65_536

_SHAPE = Shape(Code.ACT_SHAPE)
KIND = Kind(TAG, MAX_BYTES, _SHAPE, Code.ACT_TAG)
_MEMBERS = (
    "tag",
    "rollout",
    "sequence",
    "action",
    "product",
    "release",
    "issued_at",
    "expires",
    "waves",
)


@unique
class Action(StrEnum):
    """What an act does to its rollout."""

    START = "start"
    HALT = "halt"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class Wave:
    """Devices in buckets below `buckets` may go, and what must be seen before the next wave."""

    buckets: int
    soak_seconds: int
    """How long the wave must have been open."""
    confirmed_percent: int
    """So many of its devices must have confirmed the release, in percent."""
    failed_percent: int
    """More failures than that among those who answered halt the rollout."""


@dataclass(frozen=True, slots=True)
class RolloutAct:
    """One word of an operator about one rollout."""

    rollout: str
    sequence: int
    action: Action
    product: str
    path: str
    """Target path of the release manifest."""
    sha256: bytes
    """Digest of the release manifest."""
    issued_at: datetime
    expires: datetime
    waves: tuple[Wave, ...]

    def to_json(self) -> JsonObject:
        """Return the signed part of the document; `read_act` reads it back."""
        waves: list[JsonValue] = [
            {
                "buckets": wave.buckets,
                "soak_seconds": wave.soak_seconds,
                "confirmed_percent": wave.confirmed_percent,
                "failed_percent": wave.failed_percent,
            }
            for wave in self.waves
        ]
        return {
            "tag": TAG,
            "rollout": self.rollout,
            "sequence": self.sequence,
            "action": self.action.value,
            "product": self.product,
            "release": {"path": self.path, "sha256": self.sha256.hex()},
            "issued_at": written_date(self.issued_at),
            "expires": written_date(self.expires),
            "waves": waves,
        }

    @property
    def payload(self) -> bytes:
        """What the operator signs."""
        return canonical_json(self.to_json())

    def to_bytes(self, signatures: Iterable[tuple[KeyId, str]]) -> bytes:
        """Return the document with signatures over `payload`."""
        return document_bytes(self.to_json(), signatures)


def verify_act(
    data: bytes, settings: Verified[TrustSettings], newest: int, now: datetime
) -> Verified[RolloutAct]:
    """Return the act in `data`; `newest` is the last known sequence of its rollout, or 0."""
    document = parse_document(data, KIND)
    act = read_act(document.signed)
    # 1. by an operator
    operators = _operators(settings.value, act, now)
    seats = {operator.key.key_id: operator.key.seat for operator in operators.values()}
    bench = Bench(ROLLOUT_ACT, SETTINGS_PATH, 1, seats)
    bench.require_quorum(document, Code.ACT_SIGNATURES)
    # 2. who may direct the product
    signed = (operators.get(each.key_id) for each in document.signatures)
    if not any(each is not None and each.may_direct(act.product, now) for each in signed):
        raise Refused(Absent(code=Code.ACT_SCOPE, name=act.product, listed_in="operators"))
    # 3. now
    _require_now(act, now)
    # 4. later than what is known
    if act.sequence <= newest:
        code, least = Code.ACT_SEQUENCE, newest + 1
        role, found = act.rollout, act.sequence
        raise Refused(VersionMismatch(code=code, role=role, expected=least, found=found))
    return seal(act)


def named_rollout(data: bytes) -> str:
    """Return which rollout an act names: nothing is verified, only looked up."""
    signed = parse_document(data, KIND).signed
    return _SHAPE.a_name(signed.get("rollout"), "signed.rollout")


def read_act(signed: JsonObject) -> RolloutAct:
    """Read the signed part of an act. Raises `Refused`."""
    members = _SHAPE.members(signed, "signed", _MEMBERS)
    release = _SHAPE.members(members["release"], "signed.release", ("path", "sha256"))
    action = _SHAPE.a_name(members["action"], "signed.action")
    if action not in set(Action):
        raise _SHAPE.refusal("signed.action", " or ".join(Action))
    act = RolloutAct(
        rollout=_SHAPE.a_name(members["rollout"], "signed.rollout"),
        sequence=_SHAPE.a_number(members["sequence"], "signed.sequence", 1),
        action=Action(action),
        product=_SHAPE.a_name(members["product"], "signed.product"),
        path=_SHAPE.a_name(release["path"], "signed.release.path"),
        sha256=_SHAPE.some_bytes(release["sha256"], "signed.release.sha256"),
        issued_at=_SHAPE.a_date(members["issued_at"], "signed.issued_at"),
        expires=_SHAPE.a_date(members["expires"], "signed.expires"),
        waves=_SHAPE.a_list(members["waves"], "signed.waves", MOST_WAVES, _wave),
    )
    bounds = [wave.buckets for wave in act.waves]
    if sorted(set(bounds)) != bounds or bounds[-1:] != [MOST_BUCKETS]:
        raise _SHAPE.refusal("signed.waves", f"each larger than the last, the last {MOST_BUCKETS}")
    return act


def _wave(value: JsonValue, where: str) -> Wave:
    names = ("buckets", "soak_seconds", "confirmed_percent", "failed_percent")
    found = _SHAPE.members(value, where, names)
    return Wave(
        _SHAPE.a_number(found["buckets"], f"{where}.buckets", 1, MOST_BUCKETS),
        _SHAPE.a_number(found["soak_seconds"], f"{where}.soak_seconds", 0, MOST_SECONDS),
        _SHAPE.a_number(found["confirmed_percent"], f"{where}.confirmed_percent", 0, MOST_PERCENT),
        _SHAPE.a_number(found["failed_percent"], f"{where}.failed_percent", 0, MOST_PERCENT),
    )


def _operators(settings: TrustSettings, act: RolloutAct, now: datetime) -> Mapping[KeyId, Operator]:
    """The operators whose scheme may be believed, by key id."""
    return MappingProxyType(
        {
            operator.key.key_id: operator
            for operator in settings.operators
            if settings.accepts(operator.key.seat.key.scheme, act.issued_at, now)
        }
    )


def _require_now(act: RolloutAct, now: datetime) -> None:
    if now < act.issued_at - CLOCKS_APART:
        begins = act.issued_at
        raise Refused(TooEarly(code=Code.ACT_NOT_YET, what=act.rollout, begins=begins, now=now))
    if act.expires <= now:
        code, role = Code.ACT_EXPIRED, act.rollout
        raise Refused(Expired(code=code, role=role, expires=act.expires, now=now))


CLOCKS_APART = timedelta(minutes=5)
"""How far an operator's clock may be ahead of the Director's."""
