"""Words between a device and its server, thrown as any bytes at who reads them.

* `path`: each reader of a message refuses, or reads what it would write again.
* `certificate_request`: an attacker without the device's key gets no certificate.
* `ranges`: what a payload server says of its answer never leads past what was asked for.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from typing import Protocol

from firmhold.device.fetch.client import Response
from firmhold.device.fetch.config import parse_fetch_config
from firmhold.device.fetch.payloads import goes_on
from firmhold.protocol.challenge import challenge_bytes, parse_challenge
from firmhold.protocol.check_in import parse_answer, parse_question
from firmhold.protocol.enrolment import (
    KIND,
    asked_by,
    challenge_in,
    parse_enrolment,
    parse_issued,
    verify_request,
)
from firmhold.protocol.identity import read_identity
from firmhold.protocol.invitation import parse_invitation
from firmhold.protocol.problem import parse_problem
from firmhold.sim.signer import sim_signer
from firmhold.trust.device_id import DeviceId
from firmhold.trust.document import parse_document
from firmhold.trust.errors import Refused
from firmhold.trust.keys import PublicKey, parse_public_key
from fuzz.promises import SEEDS, BrokenPromise, require_same_payload

DEVICE = DeviceId("camera-7")
CHALLENGE = b"c" * 32
REQUEST = "request.json"
PAYLOAD_BYTES = 1000

_PARTIAL = 206


class _Word(Protocol):
    def to_bytes(self) -> bytes: ...


READERS: tuple[Callable[[bytes], _Word], ...] = (
    parse_question,
    parse_answer,
    parse_enrolment,
    parse_issued,
    parse_invitation,
    parse_problem,
    parse_fetch_config,
)


def fuzz_path(data: bytes) -> None:
    """Messages in both directions: refused, or the same again when they were written anew."""
    for parse in READERS:
        with suppress(Refused):
            word = parse(data)
            if parse(word.to_bytes()) != word:
                raise BrokenPromise("a_message_reads_back", parse.__name__)
    with suppress(Refused):
        challenge = parse_challenge(data)
        if parse_challenge(challenge_bytes(challenge)) != challenge:
            raise BrokenPromise("a_challenge_reads_back")
    with suppress(Refused):
        uri = data.decode(errors="replace")
        if read_identity(uri).uri != uri:
            raise BrokenPromise("an_identity_has_one_spelling")


def fuzz_certificate_request(data: bytes) -> None:
    """A certificate request: refused, or the one that the device signed."""
    if requested(data):
        require_same_payload(genuine(REQUEST), data)
    for look in (asked_by, challenge_in):
        with suppress(Refused):
            look(data)
            parse_document(data, KIND)  # whoever it names, it is a document


def fuzz_ranges(data: bytes) -> None:
    """The header of a partial answer: the rest that was asked for, of the payload's length."""
    said = data.decode("latin-1")
    for at in (0, 1, PAYLOAD_BYTES - 1):
        response = Response(_PARTIAL, {"content-range": said}, iter(()))
        if goes_on(response, at, PAYLOAD_BYTES):
            first, _, length = said.removeprefix("bytes ").partition("/")
            if int(first.partition("-")[0]) != at or length not in {"*", str(PAYLOAD_BYTES)}:
                raise BrokenPromise("what_goes_on_begins_where_it_ended", said)


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "path": fuzz_path,
    "certificate_request": fuzz_certificate_request,
    "ranges": fuzz_ranges,
}


@cache
def genuine(name: str) -> bytes:
    """The bytes of an honest certificate request, as they stand among the seeds."""
    return (SEEDS / "certificate_request" / name).read_bytes()


def requested(data: bytes) -> bool:
    """Whether an honest server takes a certificate request."""
    try:
        verify_request(data, DEVICE, sim_signer(DEVICE).key_id, _key(), CHALLENGE)
    except Refused:
        return False
    return True


@cache
def _key() -> PublicKey:
    key = parse_public_key(sim_signer(DEVICE).entry)
    if key is None:
        raise BrokenPromise("a_signer_has_a_key")
    return key
