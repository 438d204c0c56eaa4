"""A check-in: the device asks what there is, and is told the time with the proof that it is for it.

Of a repository whose timestamp the device has already it is told nothing more. The nonce for its
next report comes with the answer.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from firmhold.fleet.gateway.identify import Caller
from firmhold.fleet.gateway.ticks import Asked, Ticks
from firmhold.fleet.nonces import Nonces
from firmhold.protocol.check_in import Answer, Known, News, parse_question
from firmhold.protocol.identity import CertificateClass
from firmhold.trust.device_id import DeviceId

RECOVERY_NOTICE = {"certificate": "recovery class: ask for a full one"}


@dataclass(frozen=True, slots=True)
class Desk:
    """What answering needs."""

    ticks: Ticks
    nonces: Nonces
    wait: int


async def check_in(desk: Desk, caller: Caller, body: bytes, now: datetime) -> bytes:
    """Return the answer to a device's question. Raises `Refused` or `Unavailable`."""
    question, device = parse_question(body), caller.identity.device
    told = await desk.ticks.ask(Asked(device, question.nonce, question.director))
    recovery = caller.identity.certificate_class is CertificateClass.RECOVERY
    return Answer(
        statement=told.statement,
        proof=told.proof,
        image=_news_for(question.image, told.image),
        director=_news_for(question.director, told.director),
        report_nonce=desk.nonces.make(report_purpose(device), now),
        wait=desk.wait,
        notices=MappingProxyType(RECOVERY_NOTICE if recovery else {}),
    ).to_bytes()


def report_purpose(device: DeviceId) -> str:
    """What a report nonce is for."""
    return f"report {device}"


def _news_for(known: Known, news: News) -> News:
    """Leave out the timestamp that the device has."""
    timestamp = news.timestamp or b""
    if hashlib.sha256(timestamp).digest() == known.timestamp_sha256:
        return News(news.root)
    return news
