"""A signed statement answers one device's nonce, or is refused: each check alone."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmhold.sim.clock import BEGIN
from firmhold.sim.freshness import TICK, SimFreshness
from firmhold.sim.signer import sim_signer
from firmhold.sim.vendor import SimReader, SimVendor
from firmhold.trust.device_id import DeviceId
from firmhold.trust.errors import Code, Fault, Refused
from firmhold.trust.faults import (
    Absent,
    DigestMismatch,
    Expired,
    Malformed,
    Mismatch,
    QuorumUnmet,
    TooEarly,
    VersionMismatch,
)
from firmhold.trust.freshness.statement import (
    MOST_CHECKPOINT_CHARACTERS,
    MOST_LIFETIME,
    MOST_PATH,
    Proof,
    Question,
    SignedTime,
    parse_proof,
    require_current,
    require_newest,
    verify_statement,
)
from firmhold.trust.settings.trust_settings import SETTINGS_PATH, TrustSettings
from firmhold.trust.tuf.roles import Root, Timestamp
from firmhold.trust.tuf.root_fields import FRESHNESS_FIELD, FreshnessEpoch, RootFields
from firmhold.trust.verified import Verified, seal

SECOND = timedelta(seconds=1)
NOON = BEGIN + timedelta(hours=12)
OTHERS = [Question(DeviceId(f"camera-{n}"), bytes([n]) * 32, n, bytes(32)) for n in range(1, 5)]


@dataclass
class Exchange:
    """An honest answer to a question and all that it is judged by, open for editing."""

    question: Question
    settings: Verified[TrustSettings]
    root: Verified[Root]
    server: SimFreshness = field(default_factory=SimFreshness)
    issued_at: datetime = NOON
    now: datetime = NOON
    asked: Question | None = None
    """The question that the server answers, where it is another one than the device's."""

    def answer(self) -> tuple[bytes, bytes]:
        """The statement and the device's proof, among four other devices."""
        own = self.question if self.asked is None else self.asked
        statement, proofs = self.server.answer(self.issued_at, *OTHERS[:2], own, *OTHERS[2:])
        return statement, proofs[2]

    def judge(self, statement: bytes, proof: bytes) -> Verified[SignedTime]:
        """What the device makes of an answer."""
        return verify_statement(
            statement,
            proof,
            self.question,
            settings=self.settings,
            root=self.root,
            now=self.now,
        )

    def verify(self) -> Verified[SignedTime]:
        """What the device makes of this answer."""
        return self.judge(*self.answer())

    def refusal(self) -> Fault:
        """The fault with which this answer is refused."""
        return refused(self.verify)


def refused(act: Callable[[], object]) -> Fault:
    """The fault with which `act` is refused."""
    with pytest.raises(Refused) as error:
        act()
    return error.value.fault


@pytest.fixture(name="exchange")
def _exchange(
    question: Question, settings: Verified[TrustSettings], root: Verified[Root]
) -> Exchange:
    """A device that asked at noon and was answered at noon."""
    return Exchange(question, settings, root)


def test_an_answer_tells_the_time_to_who_asked(exchange: Exchange) -> None:
    """Time, epoch and the newest timestamp come with the question that they answer."""
    exchange.server.timestamp_version = 9
    exchange.server.timestamp_sha256 = b"t" * 32
    assert exchange.verify().value == SignedTime(
        question=exchange.question,
        issued_at=NOON,
        not_after=NOON + TICK,
        epoch=1,
        timestamp_version=9,
        timestamp_sha256=b"t" * 32,
        checkpoint=None,
    )


@given(st.integers(1, 40).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1))))
def test_every_device_of_a_tick_has_its_own_proof(
    question: Question,
    settings: Verified[TrustSettings],
    root: Verified[Root],
    place: tuple[int, int],
) -> None:
    """However many ask, wherever a device stands among them, one signature answers it."""
    size, index = place
    crowd = [replace(question, nonce=bytes([n]) * 32) for n in range(1, size + 1)]
    crowd[index] = question
    statement, proofs = SimFreshness().answer(NOON, *crowd)
    exchange = Exchange(question, settings, root)
    assert exchange.judge(statement, proofs[index]).value.issued_at == NOON
    for other in range(size):
        if other != index:
            fault = refused(partial(exchange.judge, statement, proofs[other]))
            assert fault.code is Code.FRESHNESS_OTHER_QUESTION


OTHER_QUESTIONS = {
    "another device": {"device": DeviceId("camera-8")},
    "another nonce": {"nonce": b"m" * 32},
    "an older Director timestamp": {"director_version": 4},
    "another Director timestamp": {"director_sha256": b"e" * 32},
    "a byte moved from one part to the next": {"device": DeviceId("camera-"), "nonce": b"7"},
}


@pytest.mark.parametrize("case", OTHER_QUESTIONS)
def test_an_answer_to_another_question_is_refused(exchange: Exchange, case: str) -> None:
    """What was said to somebody else, or on another occasion, says nothing here."""
    exchange.asked = replace(exchange.question, **OTHER_QUESTIONS[case])  # type: ignore[arg-type]
    fault = exchange.refusal()
    assert isinstance(fault, Mismatch)
    assert (fault.code, fault.what) == (Code.FRESHNESS_OTHER_QUESTION, "leaf")
    assert fault.expected == exchange.question.leaf.hex()


@given(st.data())
def test_no_two_questions_have_one_leaf(data: st.DataObject) -> None:
    """The parts of a leaf cannot be cut in another place to mean something else."""
    texts, parts = st.text("ab", max_size=3), st.binary(max_size=3)
    questions = st.builds(Question, texts.map(DeviceId), parts, st.integers(0, 2), parts)
    one, two = data.draw(questions), data.draw(questions)
    assert (one.leaf == two.leaf) == (one == two)


def test_the_leaf_is_what_the_format_says() -> None:
    """Tag, device, nonce, version and digest, each behind its length in four bytes."""
    parts = (
        b"\x00\x00\x00\x1efirmhold freshness statement 1"
        b"\x00\x00\x00\x01d"
        b"\x00\x00\x00\x02no"
        b"\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x01\x02"
        b"\x00\x00\x00\x01x"
    )
    leaf = Question(DeviceId("d"), b"no", 258, b"x").leaf
    assert leaf == hashlib.sha256(b"\x00" + parts).digest()


def test_a_root_that_names_no_epoch_has_no_freshness_keys(exchange: Exchange) -> None:
    """Below a silent root nobody may sign the time."""
    exchange.root = seal(replace(exchange.root.value, fields=RootFields()))
    assert exchange.refusal() == Absent(
        code=Code.FRESHNESS_NO_EPOCH, name=FRESHNESS_FIELD, listed_in="root"
    )


@pytest.mark.parametrize("epoch", [1, 3], ids=["the one before", "the one to come"])
def test_a_statement_of_another_epoch_than_the_roots_is_refused(
    exchange: Exchange, epoch: int
) -> None:
    """A key counts in its epoch only, though the settings still name it."""
    fields = RootFields(freshness=FreshnessEpoch(2, BEGIN))
    exchange.root = seal(replace(exchange.root.value, fields=fields))
    exchange.server = SimFreshness(epoch, [sim_signer(f"freshness-{epoch}")])
    assert exchange.refusal() == VersionMismatch(
        code=Code.FRESHNESS_EPOCH, role="freshness", expected=2, found=epoch
    )


@pytest.mark.parametrize(
    "names", [[], ["stranger"], ["freshness-2"], ["timestamp", "offline-1"]], ids=str
)
def test_a_statement_that_no_freshness_key_of_the_epoch_signed_is_refused(
    exchange: Exchange, names: list[str]
) -> None:
    """Neither strangers nor keys of other epochs or roles tell the time."""
    exchange.server.signers = [sim_signer(name) for name in names]
    assert exchange.refusal() == QuorumUnmet(
        code=Code.FRESHNESS_SIGNATURES,
        role="freshness",
        delegator=SETTINGS_PATH,
        threshold=1,
        signed=(),
        missing=("director",),
    )


def test_a_signature_of_an_algorithm_past_its_date_is_none(exchange: Exchange) -> None:
    """A freshness key counts only as long as its algorithm does."""
    exchange.settings = seal(replace(exchange.settings.value, algorithms={}))
    fault = exchange.refusal()
    assert isinstance(fault, QuorumUnmet)
    assert fault.code is Code.FRESHNESS_SIGNATURES
    assert fault.missing == ()


@pytest.mark.parametrize(
    ("lifetime", "accepted"),
    [
        (timedelta(0), True),
        (MOST_LIFETIME, True),
        (-SECOND, False),
        (MOST_LIFETIME + SECOND, False),
    ],
    ids=["a moment", "a day", "over before it began", "more than a day"],
)
def test_a_statement_lives_for_a_while_and_no_longer(
    exchange: Exchange, lifetime: timedelta, *, accepted: bool
) -> None:
    """A lifetime that cannot be meant is refused, whoever signed it."""
    exchange.server.lifetime, exchange.now = lifetime, BEGIN
    if accepted:
        assert exchange.verify().value.not_after == NOON + lifetime
        return
    fault = exchange.refusal()
    assert isinstance(fault, Mismatch)
    assert (fault.code, fault.expected) == (Code.FRESHNESS_LIFETIME, "2030-01-01T12:00:00Z")


def test_an_answer_that_was_held_back_is_refused(exchange: Exchange) -> None:
    """What is over by the device's own count is a word of the past."""
    exchange.now = NOON + TICK
    exchange.verify()
    exchange.now += SECOND
    assert exchange.refusal() == Expired(
        code=Code.FRESHNESS_OVER, role="freshness", expires=NOON + TICK, now=exchange.now
    )


def test_a_device_whose_time_is_behind_may_be_told(exchange: Exchange) -> None:
    """The device's own time is a lower bound: a statement ahead of it is what it asked for."""
    exchange.now = BEGIN - timedelta(days=365 * 60)
    assert exchange.verify().value.issued_at == NOON


def test_where_everything_is_logged_the_log_has_its_say(
    exchange: Exchange, logged: Verified[TrustSettings]
) -> None:
    """A statement without a checkpoint is for places where nothing is logged."""
    exchange.settings = logged
    assert exchange.refusal() == Absent(
        code=Code.FRESHNESS_CHECKPOINT, name="checkpoint", listed_in="freshness"
    )
    exchange.server.checkpoint = "log.example\n7\nAAAA\n"
    assert exchange.verify().value.checkpoint == "log.example\n7\nAAAA\n"


def test_a_document_of_another_kind_is_no_statement(exchange: Exchange) -> None:
    """The tag says what was signed."""
    statement, proof = exchange.answer()
    other = statement.replace(b"freshness statement 1", b"freshness statement 2")
    assert refused(lambda: exchange.judge(other, proof)) == Mismatch(
        code=Code.FRESHNESS_TAG,
        what="tag",
        expected="firmhold freshness statement 1",
        found="firmhold freshness statement 2",
    )


MALFORMED: dict[str, Any] = {
    "issued_at": "noon",
    "not_after": 7,
    "epoch": 0,
    "timestamp": {"version": 1},
    "timestamp.version": {"version": 0, "sha256": "00" * 32},
    "timestamp.sha256": {"version": 1, "sha256": "00"},
    "checkpoint": "c" * (MOST_CHECKPOINT_CHARACTERS + 1),
    "merkle_root": "xx" * 32,
    "proof": None,
}


@pytest.mark.parametrize("where", MALFORMED)
def test_a_statement_of_another_shape_is_refused_and_named(exchange: Exchange, where: str) -> None:
    """Every member of a statement is there, in its type, and none besides."""
    statement, proof = exchange.answer()
    document = json.loads(statement)
    document["signed"][where.partition(".")[0]] = MALFORMED[where]
    fault = refused(lambda: exchange.judge(json.dumps(document).encode(), proof))
    assert isinstance(fault, Malformed)
    assert fault.code is Code.FRESHNESS_SHAPE
    assert fault.where == {"timestamp": "signed.timestamp.sha256"}.get(where, f"signed.{where}")


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"index": -1}, "proof.index"),
        ({"size": 0}, "proof.size"),
        ({"path": ["00"]}, "proof.path[0]"),
        ({"path": ["00" * 32] * (MOST_PATH + 1)}, "proof.path"),
        ({"more": 1}, "proof.more"),
    ],
    ids=["index", "size", "hash", "path", "more"],
)
def test_a_proof_of_another_shape_is_refused_and_named(
    exchange: Exchange, change: dict[str, object], where: str
) -> None:
    """A proof is a place in a tree and the hashes on the way."""
    statement, proof = exchange.answer()
    bent = json.dumps({**json.loads(proof), **change}).encode()
    fault = refused(lambda: exchange.judge(statement, bent))
    assert isinstance(fault, Malformed)
    assert (fault.code, fault.where) == (Code.FRESHNESS_PROOF_SHAPE, where)


def test_a_proof_that_was_written_is_read_back() -> None:
    """Place, size and path come back as they were written."""
    proof = Proof(3, 9, (b"a" * 32, b"b" * 32))
    assert parse_proof(proof.to_bytes()) == proof


def test_an_answer_is_current_between_its_two_dates(exchange: Exchange) -> None:
    """Before it, the device did not believe the jump; after it, the device must ask again."""
    signed = exchange.verify()
    require_current(signed, NOON)
    require_current(signed, NOON + TICK)
    assert refused(lambda: require_current(signed, NOON - SECOND)) == TooEarly(
        code=Code.FRESHNESS_NOT_YET, what="freshness", begins=NOON, now=NOON - SECOND
    )
    late = NOON + TICK + SECOND
    assert refused(lambda: require_current(signed, late)) == Expired(
        code=Code.FRESHNESS_OVER, role="freshness", expires=NOON + TICK, now=late
    )


@pytest.fixture(name="timestamps", scope="module")
def _timestamps() -> dict[int, tuple[Verified[Timestamp], bytes]]:
    """Three timestamps of one repository, by version, as accepted and as bytes."""
    vendor = SimVendor()
    reader = SimReader(vendor.site, vendor.root, vendor.clock)
    accepted: dict[int, tuple[Verified[Timestamp], bytes]] = {}
    for version in (1, 2, 3):
        vendor.publish()
        timestamp = reader.refresh().timestamp
        assert timestamp is not None
        assert timestamp.value.version == version
        accepted[version] = timestamp, reader.stored["timestamp"]
        vendor.clock.advance(timedelta(days=1))
    return accepted


@pytest.mark.parametrize("version", [2, 3], ids=["the stated one", "a newer one"])
def test_a_timestamp_that_is_as_new_as_stated_passes(
    exchange: Exchange, timestamps: dict[int, tuple[Verified[Timestamp], bytes]], version: int
) -> None:
    """The statement was made a tick ago: the repository may have moved on since."""
    exchange.server.timestamp_version = 2
    exchange.server.timestamp_sha256 = hashlib.sha256(timestamps[2][1]).digest()
    require_newest(exchange.verify(), *timestamps[version])


def test_a_timestamp_older_than_stated_is_refused(
    exchange: Exchange, timestamps: dict[int, tuple[Verified[Timestamp], bytes]]
) -> None:
    """A mirror that stands still is noticed, long before its timestamp expires."""
    exchange.server.timestamp_version = 2
    signed = exchange.verify()
    assert refused(lambda: require_newest(signed, *timestamps[1])) == VersionMismatch(
        code=Code.FRESHNESS_OLD_TIMESTAMP, role="timestamp", expected=2, found=1
    )


def test_another_timestamp_of_the_stated_version_is_refused(
    exchange: Exchange, timestamps: dict[int, tuple[Verified[Timestamp], bytes]]
) -> None:
    """Two timestamps of one version are one too many."""
    exchange.server.timestamp_version = 2
    signed = exchange.verify()
    assert refused(lambda: require_newest(signed, *timestamps[2])) == DigestMismatch(
        code=Code.FRESHNESS_OTHER_TIMESTAMP,
        what="timestamp",
        algorithm="sha256",
        expected="00" * 32,
        found=hashlib.sha256(timestamps[2][1]).hexdigest(),
    )
