"""A check-in: what a device asks, and what it is told. Nothing of the answer is believed as such.

The device says which documents it has, so that an unchanged device is sent the time and nothing
else. What has changed and is small comes with the answer; the rest is fetched by its name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from firmhold.trust.encoding import JsonObject, JsonValue, parse_json, pretty_json
from firmhold.trust.errors import Code
from firmhold.trust.shape import MAX_TEXT, Shape

FORMAT = 1
NONCE_BYTES = 32
MAX_QUESTION_BYTES = 4096
MAX_ANSWER_BYTES = 262_144
MOST_NOTICES = 16
MOST_DOCUMENT_CHARACTERS = 131_072
MOST_WAIT_SECONDS = 30 * 86_400

_SHAPE = Shape(Code.PROTOCOL_SHAPE)
_QUESTION = ("format", "nonce", "image", "director")
_ANSWER = ("format", "statement", "proof", "image", "director", "report_nonce", "notices", "wait")


@dataclass(frozen=True, slots=True)
class Known:
    """What a device has of a repository: the version of its root, its timestamp by digest."""

    root: int
    timestamp: int = 0
    """Version of the timestamp; 0: none."""
    timestamp_sha256: bytes = bytes(32)


@dataclass(frozen=True, slots=True)
class Question:
    """What a device asks."""

    nonce: bytes
    image: Known
    director: Known

    def to_bytes(self) -> bytes:
        """Return the body of the request; `parse_question` reads it back."""
        return pretty_json(
            {
                "format": FORMAT,
                "nonce": self.nonce.hex(),
                "image": _known(self.image),
                "director": _known(self.director),
            }
        )


@dataclass(frozen=True, slots=True)
class News:
    """What there is of a repository: the newest root's version, a timestamp that is new."""

    root: int
    timestamp: bytes | None = None
    """None: the one that the device has."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a device is told: the time, news, and the nonce for its next report."""

    statement: bytes
    proof: bytes
    image: News
    director: News
    report_nonce: bytes
    wait: int
    """Seconds until the next check-in, before jitter."""
    notices: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """What the owner of the device should know, by kind."""

    def to_bytes(self) -> bytes:
        """Return the body of the answer; `parse_answer` reads it back."""
        notices: JsonObject = {**self.notices}
        return pretty_json(
            {
                "format": FORMAT,
                "statement": self.statement.decode(),
                "proof": self.proof.decode(),
                "image": _news(self.image),
                "director": _news(self.director),
                "report_nonce": self.report_nonce.hex(),
                "notices": notices,
                "wait": self.wait,
            }
        )


def parse_question(data: bytes) -> Question:
    """Read what a device asks. Raises `Refused`."""
    members = _SHAPE.members(parse_json(data, max_bytes=MAX_QUESTION_BYTES), "question", _QUESTION)
    _SHAPE.a_number(members["format"], "question.format", FORMAT, FORMAT)
    return Question(
        _SHAPE.some_bytes(members["nonce"], "question.nonce", NONCE_BYTES),
        _read_known(members["image"], "question.image"),
        _read_known(members["director"], "question.director"),
    )


def parse_answer(data: bytes) -> Answer:
    """Read what a device is told. Raises `Refused`."""
    members = _SHAPE.members(parse_json(data, max_bytes=MAX_ANSWER_BYTES), "answer", _ANSWER)
    _SHAPE.a_number(members["format"], "answer.format", FORMAT, FORMAT)
    return Answer(
        statement=_document(members["statement"], "answer.statement"),
        proof=_document(members["proof"], "answer.proof"),
        image=_read_news(members["image"], "answer.image"),
        director=_read_news(members["director"], "answer.director"),
        report_nonce=_SHAPE.some_bytes(members["report_nonce"], "answer.report_nonce"),
        wait=_SHAPE.a_number(members["wait"], "answer.wait", 1, MOST_WAIT_SECONDS),
        notices=_read_notices(members["notices"]),
    )


def _known(known: Known) -> JsonObject:
    return {
        "root": known.root,
        "timestamp": known.timestamp,
        "timestamp_sha256": known.timestamp_sha256.hex(),
    }


def _read_known(value: JsonValue, where: str) -> Known:
    members = _SHAPE.members(value, where, ("root", "timestamp", "timestamp_sha256"))
    return Known(
        _SHAPE.a_number(members["root"], f"{where}.root", 1),
        _SHAPE.a_number(members["timestamp"], f"{where}.timestamp"),
        _SHAPE.some_bytes(members["timestamp_sha256"], f"{where}.timestamp_sha256"),
    )


def _news(news: News) -> JsonObject:
    timestamp = None if news.timestamp is None else news.timestamp.decode()
    return {"root": news.root, "timestamp": timestamp}


def _read_news(value: JsonValue, where: str) -> News:
    members = _SHAPE.members(value, where, ("root", "timestamp"))
    root, found = _SHAPE.a_number(members["root"], f"{where}.root", 1), members["timestamp"]
    return News(root, None if found is None else _document(found, f"{where}.timestamp"))


def _document(value: JsonValue, where: str) -> bytes:
    return _SHAPE.a_text(value, where, MOST_DOCUMENT_CHARACTERS).encode()


def _read_notices(value: JsonValue) -> Mapping[str, str]:
    found = _SHAPE.an_object(value, "answer.notices")
    if len(found) > MOST_NOTICES or any(len(kind) > MAX_TEXT for kind in found):
        raise _SHAPE.refusal("answer.notices", f"at most {MOST_NOTICES}, with short names")
    return MappingProxyType(
        {kind: _SHAPE.a_name(text, f"answer.notices.{kind}") for kind, text in found.items()}
    )
