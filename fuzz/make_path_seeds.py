"""Makes the seeds of `fuzz.path_words` anew: the same in every run, keys are made from names.

python fuzz/make_path_seeds.py
"""

import sys
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from firmhold.device.fetch.config import Base, FetchConfig
from firmhold.protocol.challenge import challenge_bytes
from firmhold.protocol.check_in import Answer, Known, News, Question
from firmhold.protocol.enrolment import CertificateRequest, Enrolment, Issued
from firmhold.protocol.identity import CertificateClass, Identity
from firmhold.protocol.invitation import Invitation
from firmhold.protocol.problem import Problem
from firmhold.sim.signer import sim_signer
from fuzz.path_words import CHALLENGE, DEVICE, REQUEST
from fuzz.planting import plant


def main() -> None:
    """Replace the seeds of every target of `fuzz.path_words`."""
    plant("path", _messages())
    plant("certificate_request", _requests())
    plant("ranges", _ranges())


def _messages() -> dict[str, bytes]:
    notices = MappingProxyType({"support": "ends in May"})
    base = Base("http://cdn.example/payloads/", ())
    floor = datetime(2030, 1, 1, tzinfo=UTC)
    pins = (bytes(32),)
    return {
        "question": Question(bytes(32), Known(3, 7, bytes([2] * 32)), Known(1)).to_bytes(),
        "answer": Answer(
            b"{}", b"proof", News(3, b"{}"), News(1), bytes(32), 3600, notices
        ).to_bytes(),
        "enrolment": Enrolment("token", DEVICE, b"signing", b"tls").to_bytes(),
        "issued": Issued(b"certificate", (b"one", b"two")).to_bytes(),
        "invitation": Invitation(
            DEVICE, "camera", "main", "camera-1", 2, "updates.example", 8443, 8444,
            "-----BEGIN CERTIFICATE-----", "token", b"{}", b"{}", b"{}",
        ).to_bytes(),
        "problem": Problem(403, "gateway.revoked").to_bytes(),
        "challenge": challenge_bytes(CHALLENGE),
        "fetch": FetchConfig("updates", 8443, 8444, pins, floor, (base,), 1 << 30).to_bytes(),
        "full": Identity(DEVICE, CertificateClass.FULL).uri.encode(),
        "recovery": Identity(DEVICE, CertificateClass.RECOVERY).uri.encode(),
        "two_identities": b"urn:firmhold:full:a urn:firmhold:full:b",
    }  # fmt: skip


def _requests() -> dict[str, bytes]:
    request = CertificateRequest(DEVICE, CHALLENGE, b"tls")
    key, stranger = sim_signer(DEVICE), sim_signer("stranger")
    return {
        REQUEST: request.to_bytes([(key.key_id, key.sign(request.payload))]),
        "unsigned": request.to_bytes([]),
        "stranger": request.to_bytes([(stranger.key_id, stranger.sign(request.payload))]),
        "under_its_name": request.to_bytes([(key.key_id, stranger.sign(request.payload))]),
    }


def _ranges() -> dict[str, bytes]:
    return {
        "whole": b"bytes 0-999/1000",
        "rest": b"bytes 1-999/1000",
        "unknown": b"bytes 999-999/*",
        "shifted": b"bytes 2-999/1000",
        "longer": b"bytes 1-999/1001",
        "endless": b"bytes " + b"9" * 5000 + b"-1/1000",
        "none": b"bytes */1000",
        "lines": b"bytes 0-999/1000\n",
    }


if __name__ == "__main__":
    main()
