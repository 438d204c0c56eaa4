"""What travels between a device and its server comes back as it was, or is refused at its place."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType

import pytest
from tests.places import misplaced

from firmhold.protocol.challenge import challenge_bytes, parse_challenge
from firmhold.protocol.check_in import (
    MOST_NOTICES,
    MOST_WAIT_SECONDS,
    Answer,
    Known,
    News,
    Question,
    parse_answer,
    parse_question,
)
from firmhold.protocol.enrolment import Enrolment, Issued, parse_enrolment, parse_issued
from firmhold.protocol.invitation import Invitation, parse_invitation
from firmhold.protocol.problem import Problem, parse_problem
from firmhold.trust.device_id import DeviceId
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Malformed
from firmhold.trust.shape import MAX_TEXT

QUESTION = Question(bytes([1] * 32), Known(3, 7, bytes([2] * 32)), Known(1))
ANSWER = Answer(
    statement=b'{"statement":1}',
    proof=b"proof",
    image=News(3, b'{"timestamp":8}'),
    director=News(1),
    report_nonce=bytes([3] * 32),
    wait=3600,
    notices=MappingProxyType({"support": "ends in May"}),
)
ENROLMENT = Enrolment("token", DeviceId("camera-7"), b"signing", b"tls")
ISSUED = Issued(b"certificate", (b"one", b"two"))
INVITATION = Invitation(
    device=DeviceId("camera-7"),
    product="camera",
    component="main",
    model="camera-1",
    revision=2,
    host="updates.example",
    device_port=8443,
    enrolment_port=8444,
    authority="-----BEGIN CERTIFICATE-----",
    token="token",  # noqa: S106 - of nobody
    image_root=b"{}",
    director_root=b"{}",
    settings=b"{}",
)
PROBLEM = Problem(403, "gateway.revoked")


@dataclass(frozen=True)
class Case:
    """One kind of document."""

    value: object
    data: bytes
    read: Callable[[bytes], object]
    root: str


CASES = {
    "question": Case(QUESTION, QUESTION.to_bytes(), parse_question, "question"),
    "answer": Case(ANSWER, ANSWER.to_bytes(), parse_answer, "answer"),
    "enrolment": Case(ENROLMENT, ENROLMENT.to_bytes(), parse_enrolment, "enrolment"),
    "issued": Case(ISSUED, ISSUED.to_bytes(), parse_issued, "issued"),
    "invitation": Case(INVITATION, INVITATION.to_bytes(), parse_invitation, "invitation"),
    "problem": Case(PROBLEM, PROBLEM.to_bytes(), parse_problem, "problem"),
    "challenge": Case(bytes(32), challenge_bytes(bytes(32)), parse_challenge, "challenge document"),
}

each = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


@each
def test_what_is_written_is_read_back(case: Case) -> None:
    """Nothing is lost or changed on the way."""
    assert case.read(case.data) == case.value


@each
def test_whatever_is_wrong_the_refusal_points_at_it(case: Case) -> None:
    """A value of another type anywhere is refused, by the name of its place."""
    wrong, taken = misplaced(json.loads(case.data), case.read, case.root)
    assert wrong.keys() <= {"challenge document.challenge", "problem.type"}
    assert taken <= {"problem.type"}  # a link for people, which no program follows


@each
def test_what_nobody_knows_is_refused(case: Case) -> None:
    """A member more and a member less are not what these formats are."""
    members = json.loads(case.data)
    for spoilt in ({**members, "more": 1}, dict(list(members.items())[1:])):
        with pytest.raises(Refused):
            case.read(json.dumps(spoilt).encode())


@pytest.mark.parametrize("name", ["question", "answer", "enrolment", "issued", "invitation"])
@pytest.mark.parametrize("version", [0, 2])
def test_another_format_is_refused(name: str, version: int) -> None:
    """A format of which nothing is known is not guessed at."""
    case = CASES[name]
    with pytest.raises(Refused) as caught:
        case.read(json.dumps({**json.loads(case.data), "format": version}).encode())
    assert caught.value.code is Code.PROTOCOL_SHAPE
    assert isinstance(caught.value.fault, Malformed)
    assert caught.value.fault.where.endswith(".format")


@pytest.mark.parametrize(
    "notices",
    [{f"kind {number}": "text" for number in range(MOST_NOTICES + 1)}, {"k" * 300: "text"}],
    ids=["too many", "too long a kind"],
)
def test_notices_have_their_bounds(notices: dict[str, str]) -> None:
    """A server cannot fill a device's log with notices."""
    flooded = replace(ANSWER, notices=MappingProxyType(notices))
    with pytest.raises(Refused) as caught:
        parse_answer(flooded.to_bytes())
    assert caught.value.code is Code.PROTOCOL_SHAPE
    assert "answer.notices" in str(caught.value)
    most = {f"kind {number}": "text" for number in range(MOST_NOTICES)}
    full = replace(ANSWER, notices=MappingProxyType(most))
    assert parse_answer(full.to_bytes()) == full


@pytest.mark.parametrize("field", ["device_port", "enrolment_port"])
@pytest.mark.parametrize("port", [0, 65_536])
def test_an_invitation_names_ports_that_there_are(field: str, port: int) -> None:
    """A port is from 1 to 65535."""
    with pytest.raises(Refused, match=rf"invitation\.{field}"):
        parse_invitation(replace(INVITATION, **{field: port}).to_bytes())  # type: ignore[arg-type]


@pytest.mark.parametrize("wait", [0, 30 * 86_400 + 1])
def test_no_device_is_sent_away_for_good(wait: int) -> None:
    """A device waits from a second to thirty days before it asks again."""
    with pytest.raises(Refused, match=r"answer\.wait"):
        parse_answer(replace(ANSWER, wait=wait).to_bytes())


EDGES = {
    "revision": replace(INVITATION, revision=0),
    "lowest ports": replace(INVITATION, device_port=1, enrolment_port=1),
    "highest ports": replace(INVITATION, device_port=65_535, enrolment_port=65_535),
    "wait": replace(ANSWER, wait=1),
    "longest wait": replace(ANSWER, wait=MOST_WAIT_SECONDS),
    "kind": replace(ANSWER, notices=MappingProxyType({"k" * MAX_TEXT: "text"})),
    "first error": Problem(400, "a"),
    "last error": Problem(599, "a"),
}


@pytest.mark.parametrize("value", EDGES.values(), ids=EDGES)
def test_what_is_just_within_its_bounds_is_taken(value: Invitation | Answer | Problem) -> None:
    """A bound is where it is said to be, and not one before."""
    parse = {Invitation: parse_invitation, Answer: parse_answer, Problem: parse_problem}
    assert parse[type(value)](value.to_bytes()) == value
