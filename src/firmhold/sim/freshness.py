"""Whoever holds a freshness key: answers many devices with one signature."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from firmhold.signing.ports import Signer
from firmhold.sim.signer import sim_signer
from firmhold.trust.document import document_bytes
from firmhold.trust.encoding import canonical_json
from firmhold.trust.freshness.statement import Proof, Question, Statement
from firmhold.trust.tlog.merkle import inclusion_proof, root_hash

TICK = timedelta(minutes=5)


@dataclass(slots=True)
class SimFreshness:
    """A freshness key at work; every field may be bent."""

    epoch: int = 1
    signers: list[Signer] = field(default_factory=lambda: [sim_signer("freshness-1")])
    lifetime: timedelta = TICK
    timestamp_version: int = 1
    timestamp_sha256: bytes = bytes(32)
    checkpoint: str | None = None

    def answer(self, issued_at: datetime, *questions: Question) -> tuple[bytes, list[bytes]]:
        """Return one statement for all who asked, and the proof of each."""
        leaves = [question.leaf for question in questions]
        proofs = [
            Proof(index, len(leaves), inclusion_proof(index, leaves)).to_bytes()
            for index in range(len(leaves))
        ]
        return self.sign(self.statement(issued_at, root_hash(leaves))), proofs

    def statement(self, issued_at: datetime, merkle_root: bytes) -> Statement:
        """Return what would be signed."""
        return Statement(
            issued_at=issued_at,
            not_after=issued_at + self.lifetime,
            epoch=self.epoch,
            timestamp_version=self.timestamp_version,
            timestamp_sha256=self.timestamp_sha256,
            checkpoint=self.checkpoint,
            merkle_root=merkle_root,
        )

    def sign(self, statement: Statement) -> bytes:
        """Return the document with the signatures of all signers."""
        signed = statement.to_json()
        payload = canonical_json(signed)
        return document_bytes(signed, [(each.key_id, each.sign(payload)) for each in self.signers])
