"""A challenge: what the server wants to have signed, so that no request is used a second time."""

from firmhold.protocol.enrolment import CHALLENGE_BYTES
from firmhold.trust.encoding import parse_json, pretty_json
from firmhold.trust.errors import Code
from firmhold.trust.shape import Shape

MAX_BYTES = 4096

_SHAPE = Shape(Code.PROTOCOL_SHAPE)


def challenge_bytes(challenge: bytes) -> bytes:
    """Return the body in which a challenge travels; `parse_challenge` reads it back."""
    return pretty_json({"challenge": challenge.hex()})


def parse_challenge(data: bytes) -> bytes:
    """Read a challenge. Raises `Refused`."""
    members = _SHAPE.members(
        parse_json(data, max_bytes=MAX_BYTES), "challenge document", ("challenge",)
    )
    return _SHAPE.some_bytes(members["challenge"], "challenge", CHALLENGE_BYTES)
