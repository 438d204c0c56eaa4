"""Step 10, first half: take in what a check-in brought, each thing by what was verified before it.

Every completed step is kept; after a refusal what is believed equals the last one. In order:

1. the roots of both repositories, one by one, to the newest; no date is judged yet;
2. what the image repository's root says of time: a new freshness epoch resets it here;
3. the signed time: the answer to this device's own nonce and about its own Director timestamp. If
   nobody signed it whom the settings name, newer settings are learnt first, by the time that the
   device knows by itself: one that was away while the keys changed could believe nobody else;
4. unless the device doubts the time, the answer must be current;
5. everything below the image repository's root, by that time; its timestamp is not withheld;
6. everything below the Director's root; its timestamp is the one that the answer was about;
7. the trust settings, for this check-in's releases and the next one's time;
8. what the Director assigns, to this device and to no other.

`learn_offline` does without 3, 4 and 6: a medium has no time to tell, and its signed order plays
Director once. `verify` goes on from here.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from firmhold.device.case import Case
from firmhold.device.ports import Repository
from firmhold.trust.device_id import DeviceId
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import DigestMismatch
from firmhold.trust.freshness.statement import (
    Question,
    SignedTime,
    require_current,
    require_newest,
    verify_statement,
)
from firmhold.trust.freshness.time_floor import TimeFloor
from firmhold.trust.settings.authorised import verify_settings
from firmhold.trust.settings.trust_settings import SETTINGS_PATH
from firmhold.trust.tuf.schema import a_number
from firmhold.trust.tuf.trusted_set import TIMESTAMP, TrustedSet
from firmhold.trust.tuf.wire import parse_envelope
from firmhold.trust.uptane.component import Assignment, ComponentId
from firmhold.trust.uptane.full_verification import assignments_of, require_addressed
from firmhold.trust.uptane.offline import Addressee, verify_offline_update
from firmhold.trust.verified import Verified
from firmhold.update.admission import Moment


@dataclass(frozen=True, slots=True)
class Answer:
    """What a check-in says about the time, and the nonce with which this device asked."""

    statement: bytes
    proof: bytes
    nonce: bytes


@dataclass(frozen=True, slots=True)
class Learnt:
    """What is believed after a check-in, or after a medium was read."""

    image: TrustedSet
    assignments: Mapping[ComponentId, Assignment]
    moment: Moment


def learn(case: Case, device: DeviceId, answer: Answer) -> Learnt:
    """Take in what a check-in brought (1 to 8). Raises `Refused`, and what the ports raise."""
    # 1. the roots
    image, director = case.root(Repository.IMAGE), case.root(Repository.DIRECTOR)
    # 2. what the newest root says of time
    floor = _floor_under(case, image)
    # 3. the time
    question = _question(case, device, answer.nonce)
    image, signed = _told(case, answer, question, image, floor)
    moment = _heard(case, floor, signed)
    # 4. current, unless it is doubted
    if not moment.recovery:
        require_current(signed, moment.now)
    # 5. what exists
    image = case.below_root(Repository.IMAGE, image, moment.now)
    _require_newest(case, signed, image)
    # 6. what is meant for this device
    director = case.below_root(Repository.DIRECTOR, director, moment.now)
    _require_asked_about(case, signed)
    # 7. what is believed besides
    image = _learn_settings(case, image, moment)
    # 8. the Director's word
    assignments = assignments_of(director).value
    require_addressed(assignments.values(), device)
    return Learnt(image, assignments, moment)


def learn_offline(case: Case, addressee: Addressee, order: bytes) -> Learnt:
    """Take in what lies on a medium; the time is what the device knows by itself."""
    image = case.root(Repository.IMAGE)
    floor = _floor_under(case, image)
    moment = Moment(floor.now(case.uptime), floor.recovery)
    image = case.below_root(Repository.IMAGE, image, moment.now)
    image = _learn_settings(case, image, moment)
    store = case.store
    update = verify_offline_update(
        order, store.settings, addressee, store.newest_offline, moment.now
    )
    store.keep_newest_offline(update.value.version)
    return Learnt(image, update.value.assignments, moment)


def _floor_under(case: Case, image: TrustedSet) -> TimeFloor:
    known = case.store.floor or TimeFloor.begin(image.root, case.uptime)
    permitted = case.store.settings.value.permitted_jump
    floor = known.under(image.root, case.uptime, permitted)
    case.store.keep_floor(floor)
    return floor


def _told(
    case: Case, answer: Answer, question: Question, image: TrustedSet, floor: TimeFloor
) -> tuple[TrustedSet, Verified[SignedTime]]:
    """Return the time that was told, and the image repository as far as it had to be learnt."""

    def verified() -> Verified[SignedTime]:
        return verify_statement(
            answer.statement,
            answer.proof,
            question,
            settings=case.store.settings,
            root=image.root,
            now=floor.now(case.uptime),
        )

    try:
        return image, verified()
    except Refused as refused:
        if refused.code is not Code.FRESHNESS_SIGNATURES:
            raise
    known = Moment(floor.now(case.uptime), floor.recovery)
    image = _learn_settings(case, case.below_root(Repository.IMAGE, image, known.now), known)
    return image, verified()


def _heard(case: Case, floor: TimeFloor, signed: Verified[SignedTime]) -> Moment:
    permitted = case.store.settings.value.permitted_jump
    after = floor.heard(signed, case.uptime, permitted)
    case.store.keep_floor(after)
    return Moment(after.now(case.uptime), after.recovery)


def _question(case: Case, device: DeviceId, nonce: bytes) -> Question:
    """What this device asked about: the Director timestamp that was brought with the answer."""
    data = case.timestamp(Repository.DIRECTOR) or b""
    signed = parse_envelope(data, TIMESTAMP, TIMESTAMP).signed
    version = a_number(signed.get("version"), "signed.version", 1)
    return Question(device, nonce, version, hashlib.sha256(data).digest())


def _require_newest(case: Case, signed: Verified[SignedTime], image: TrustedSet) -> None:
    accepted, data = image.timestamp, case.store.load(Repository.IMAGE, TIMESTAMP)
    if accepted is not None and data is not None:
        require_newest(signed, accepted, data)


def _require_asked_about(case: Case, signed: Verified[SignedTime]) -> None:
    """Pass if the Director timestamp that is believed now is the one of the question."""
    data = case.store.load(Repository.DIRECTOR, TIMESTAMP) or b""
    expected, found = signed.value.question.director_sha256, hashlib.sha256(data).digest()
    if found != expected:
        raise Refused(
            DigestMismatch(
                code=Code.FRESHNESS_OTHER_DIRECTOR,
                what="Director timestamp",
                algorithm="sha256",
                expected=expected.hex(),
                found=found.hex(),
            )
        )


def _learn_settings(case: Case, image: TrustedSet, moment: Moment) -> TrustedSet:
    image, target = case.find(image, SETTINGS_PATH, moment.now)
    data = case.document(image, target)
    verify_settings(data, target, image.root)
    case.store.keep_settings(data)
    return image
