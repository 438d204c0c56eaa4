"""The signed statement of what is newest now, and how it answers the nonce of one device.

One statement serves every device that asked within a tick: it signs the Merkle root over a leaf of
each, and each device gets its path. The leaf binds the device, its nonce and its own Director
timestamp, so an answer can be kept for nobody else and for no other question, and a Director
timestamp that is withheld is noticed.

The order of a device: `parse` both parts, then `verify_statement`; raise the floor
(`time_floor.TimeFloor.heard`); before anything new is accepted, `require_current` and, once the
image repository's timestamp was accepted, `require_newest`.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from firmhold.trust.device_id import DeviceId
from firmhold.trust.document import Kind, parse_document
from firmhold.trust.encoding import JsonObject, parse_json, pretty_json
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import (
    Absent,
    DigestMismatch,
    Expired,
    Mismatch,
    TooEarly,
    VersionMismatch,
)
from firmhold.trust.settings.trust_settings import TrustSettings
from firmhold.trust.shape import Shape, written_date
from firmhold.trust.tlog.merkle import hash_leaf, proves_inclusion
from firmhold.trust.tuf.roles import Root, Timestamp
from firmhold.trust.tuf.root_fields import FRESHNESS_FIELD
from firmhold.trust.verified import Verified, seal

TAG = "firmhold freshness statement 1"
MOST_LIFETIME = timedelta(days=1)
MOST_CHECKPOINT_CHARACTERS = 16_384
MOST_PATH = 64
"""Hashes in a path: a tree of that depth has a leaf for every device there can be."""

FRESHNESS = "freshness"
STATEMENT_SHAPE = Shape(Code.FRESHNESS_SHAPE)
PROOF_SHAPE = Shape(Code.FRESHNESS_PROOF_SHAPE)
KIND = Kind(TAG, 65_536, STATEMENT_SHAPE, Code.FRESHNESS_TAG)

_MAX_PROOF_BYTES = 16_384
_MEMBERS = (
    "tag",
    "issued_at",
    "not_after",
    "epoch",
    "timestamp",
    "checkpoint",
    "merkle_root",
)


@dataclass(frozen=True, slots=True)
class Question:
    """What a device asked: who it is, its nonce, and which Director timestamp it was given."""

    device: DeviceId
    nonce: bytes
    director_version: int
    director_sha256: bytes

    @property
    def leaf(self) -> bytes:
        """The leaf hash: each part behind its length, so that no two questions have one leaf."""
        parts = (
            TAG.encode(),
            self.device.encode(),
            self.nonce,
            self.director_version.to_bytes(8, "big"),
            self.director_sha256,
        )
        return hash_leaf(b"".join(len(part).to_bytes(4, "big") + part for part in parts))


@dataclass(frozen=True, slots=True)
class Statement:
    """What a freshness key signs, once for all devices of a tick."""

    issued_at: datetime
    not_after: datetime
    epoch: int
    timestamp_version: int
    timestamp_sha256: bytes
    checkpoint: str | None
    merkle_root: bytes

    def to_json(self) -> JsonObject:
        """Return the signed part of the document."""
        return {
            "tag": TAG,
            "issued_at": written_date(self.issued_at),
            "not_after": written_date(self.not_after),
            "epoch": self.epoch,
            "timestamp": {
                "version": self.timestamp_version,
                "sha256": self.timestamp_sha256.hex(),
            },
            "checkpoint": self.checkpoint,
            "merkle_root": self.merkle_root.hex(),
        }


@dataclass(frozen=True, slots=True)
class Proof:
    """Where a device's leaf stands below the Merkle root of a statement."""

    index: int
    size: int
    path: Sequence[bytes]

    def to_bytes(self) -> bytes:
        """Return the proof as it travels; `parse_proof` reads it back."""
        path: JsonObject = {"index": self.index, "size": self.size}
        return pretty_json({**path, "path": [node.hex() for node in self.path]})


@dataclass(frozen=True, slots=True)
class SignedTime:
    """A verified answer to one question: the time, and what is newest at that time."""

    question: Question
    issued_at: datetime
    not_after: datetime
    epoch: int
    timestamp_version: int
    timestamp_sha256: bytes
    checkpoint: str | None


def read_statement(signed: JsonObject) -> Statement:
    """Read the signed part of a statement. Raises `Refused`."""
    shape = STATEMENT_SHAPE
    members = shape.members(signed, "signed", _MEMBERS)
    place = "signed.timestamp"
    timestamp = shape.members(members["timestamp"], place, ("version", "sha256"))
    checkpoint = members["checkpoint"]
    if checkpoint is not None:
        most = MOST_CHECKPOINT_CHARACTERS
        checkpoint = shape.a_text(checkpoint, "signed.checkpoint", most)
    return Statement(
        issued_at=shape.a_date(members["issued_at"], "signed.issued_at"),
        not_after=shape.a_date(members["not_after"], "signed.not_after"),
        epoch=shape.a_number(members["epoch"], "signed.epoch", 1),
        timestamp_version=shape.a_number(timestamp["version"], f"{place}.version", 1),
        timestamp_sha256=shape.some_bytes(timestamp["sha256"], f"{place}.sha256"),
        checkpoint=checkpoint,
        merkle_root=shape.some_bytes(members["merkle_root"], "signed.merkle_root"),
    )


def parse_proof(data: bytes) -> Proof:
    """Read a proof from bytes. Raises `Refused`."""
    shape = PROOF_SHAPE
    value = parse_json(data, max_bytes=_MAX_PROOF_BYTES)
    members = shape.members(value, "proof", ("index", "size", "path"))
    return Proof(
        shape.a_number(members["index"], "proof.index"),
        shape.a_number(members["size"], "proof.size", 1),
        shape.a_list(members["path"], "proof.path", MOST_PATH, shape.some_bytes),
    )


def verify_statement(
    data: bytes,
    proof: bytes,
    question: Question,
    *,
    settings: Verified[TrustSettings],
    root: Verified[Root],
    now: datetime,
) -> Verified[SignedTime]:
    """Return the time that a statement tells to who asked `question`.

    `now` is what the device knows by its floor: at most the true time, never a clock on the wall.
    """
    document = parse_document(data, KIND)
    statement = read_statement(document.signed)
    # 1. of the epoch that the newest root names
    _require_epoch(root, statement)
    # 2. signed by a key that the settings name for this epoch
    bench = settings.value.freshness_bench(statement.epoch, statement.issued_at, now)
    bench.require_quorum(document, Code.FRESHNESS_SIGNATURES)
    # 3. of a lifetime that can be meant
    if not timedelta(0) <= statement.not_after - statement.issued_at <= MOST_LIFETIME:
        issued, ends = written_date(statement.issued_at), written_date(statement.not_after)
        code = Code.FRESHNESS_LIFETIME
        raise Refused(Mismatch(code=code, what="not_after", expected=issued, found=ends))
    # 4. not a word of the past
    _require_not_over(statement.not_after, now)
    # 5. with the log's own word, unless nothing is logged
    if statement.checkpoint is None and settings.value.log_policy is not None:
        code = Code.FRESHNESS_CHECKPOINT
        raise Refused(Absent(code=code, name="checkpoint", listed_in=FRESHNESS))
    # 6. an answer to this very question
    _require_answer(statement, parse_proof(proof), question)
    return seal(
        SignedTime(
            question=question,
            issued_at=statement.issued_at,
            not_after=statement.not_after,
            epoch=statement.epoch,
            timestamp_version=statement.timestamp_version,
            timestamp_sha256=statement.timestamp_sha256,
            checkpoint=statement.checkpoint,
        )
    )


def require_current(signed: Verified[SignedTime], now: datetime) -> None:
    """Pass if the answer is good at `now`, the device's time after it heard the answer.

    Before `issued_at` lies a device that did not believe the jump; behind `not_after` one whose
    question was answered too long ago.
    """
    if now < signed.value.issued_at:
        code, begins = Code.FRESHNESS_NOT_YET, signed.value.issued_at
        raise Refused(TooEarly(code=code, what=FRESHNESS, begins=begins, now=now))
    _require_not_over(signed.value.not_after, now)


def require_newest(
    signed: Verified[SignedTime], timestamp: Verified[Timestamp], data: bytes
) -> None:
    """Pass if the accepted image repository's `timestamp`, read from `data`, is not withheld.

    It may be newer than the statement, which was made a tick ago, and never older.
    """
    least, found = signed.value.timestamp_version, timestamp.value.version
    if found < least:
        code = Code.FRESHNESS_OLD_TIMESTAMP
        raise Refused(VersionMismatch(code=code, role="timestamp", expected=least, found=found))
    digest, expected = hashlib.sha256(data).hexdigest(), signed.value.timestamp_sha256.hex()
    if found == least and digest != expected:
        raise Refused(
            DigestMismatch(
                code=Code.FRESHNESS_OTHER_TIMESTAMP,
                what="timestamp",
                algorithm="sha256",
                expected=expected,
                found=digest,
            )
        )


def _require_epoch(root: Verified[Root], statement: Statement) -> None:
    freshness = root.value.fields.freshness
    if freshness is None:
        code = Code.FRESHNESS_NO_EPOCH
        raise Refused(Absent(code=code, name=FRESHNESS_FIELD, listed_in="root"))
    if statement.epoch != freshness.epoch:
        raise Refused(
            VersionMismatch(
                code=Code.FRESHNESS_EPOCH,
                role=FRESHNESS,
                expected=freshness.epoch,
                found=statement.epoch,
            )
        )


def _require_not_over(not_after: datetime, now: datetime) -> None:
    if now > not_after:
        code = Code.FRESHNESS_OVER
        raise Refused(Expired(code=code, role=FRESHNESS, expires=not_after, now=now))


def _require_answer(statement: Statement, proof: Proof, question: Question) -> None:
    leaf, root = question.leaf, statement.merkle_root
    if not proves_inclusion(leaf, proof.index, proof.size, proof.path, root):
        code = Code.FRESHNESS_OTHER_QUESTION
        raise Refused(Mismatch(code=code, what="leaf", expected=leaf.hex(), found=root.hex()))
