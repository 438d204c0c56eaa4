"""Tells the time: one signature for all devices that asked within a moment, a proof for each.

Each answer is about the device's own word as the director has it, never about what the gateway
says that it is; so a gateway cannot have an older word vouched for.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from firmhold.fleet.beliefs import Beliefs
from firmhold.fleet.tables import WORDS
from firmhold.signing.ports import Signer
from firmhold.trust.device_id import DeviceId
from firmhold.trust.document import document_bytes
from firmhold.trust.encoding import canonical_json
from firmhold.trust.freshness.statement import Proof, Question, Statement
from firmhold.trust.tlog.merkle import inclusion_proof, root_hash

LIFETIME = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Asked:
    """A device that asked, its nonce, and the word of the Director that it has."""

    device: DeviceId
    nonce: bytes
    version: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Vouched:
    """A device's word, and the proof that the statement is about it."""

    timestamp: bytes
    proof: bytes


@dataclass(frozen=True, slots=True)
class Told:
    """What a tick says."""

    statement: bytes
    vouched: Mapping[DeviceId, Vouched]


def ahead(connection: Connection, asked: Sequence[Asked]) -> dict[DeviceId, int]:
    """Return devices that have seen a version of their word that we did not write so.

    The server came back from an older backup: their next word goes above what they have seen.
    """
    words = _words(connection, asked)
    return {
        each.device: each.version
        for each in asked
        if (word := words.get(each.device)) is not None
        and each.version >= word[0]
        and each.sha256 != hashlib.sha256(word[1]).digest()
    }


def tick(
    connection: Connection, beliefs: Beliefs, signer: Signer, asked: Sequence[Asked], now: datetime
) -> Told:
    """Answer all who asked and have a word."""
    words = _words(connection, asked)
    known = [each for each in asked if each.device in words]
    leaves = [_question(each, *words[each.device]).leaf for each in known]
    proofs = {
        each.device: Proof(place, len(leaves), inclusion_proof(place, leaves)).to_bytes()
        for place, each in enumerate(known)
    }
    vouched = {each.device: Vouched(words[each.device][1], proofs[each.device]) for each in known}
    return Told(_statement(beliefs, signer, root_hash(leaves), now), vouched)


def _question(asked: Asked, version: int, timestamp: bytes) -> Question:
    return Question(asked.device, asked.nonce, version, hashlib.sha256(timestamp).digest())


def _statement(beliefs: Beliefs, signer: Signer, root: bytes, now: datetime) -> bytes:
    now = now.replace(microsecond=0)
    signed = Statement(
        issued_at=now,
        not_after=now + LIFETIME,
        epoch=beliefs.epoch,
        timestamp_version=beliefs.timestamp_version,
        timestamp_sha256=hashlib.sha256(beliefs.timestamp).digest(),
        checkpoint=None,
        merkle_root=root,
    ).to_json()
    return document_bytes(signed, [(signer.key_id, signer.sign(canonical_json(signed)))])


def _words(connection: Connection, asked: Sequence[Asked]) -> dict[DeviceId, tuple[int, bytes]]:
    names = [each.device for each in asked]
    query = select(WORDS.c.device, WORDS.c.version, WORDS.c.timestamp).where(
        WORDS.c.device.in_(names)
    )
    return {
        DeviceId(row.device): (row.version, bytes(row.timestamp))
        for row in connection.execute(query)
    }
