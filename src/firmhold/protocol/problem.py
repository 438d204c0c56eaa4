"""What a server says when it does not do what was asked (RFC 9457): never more than a code.

The code tells the owner of a device what to look for; it tells an attacker nothing that its own
request did not. No path, no name of another device and no text of an exception leaves the server.
"""

from dataclasses import dataclass

from firmhold.trust.encoding import parse_json, pretty_json
from firmhold.trust.errors import Code
from firmhold.trust.shape import Shape

MEDIA_TYPE = "application/problem+json"
MAX_BYTES = 4096

_SHAPE = Shape(Code.PROTOCOL_SHAPE)


@dataclass(frozen=True, slots=True)
class Problem:
    """A refusal as it travels."""

    status: int
    code: str

    def to_bytes(self) -> bytes:
        """Return the body; `parse_problem` reads it back."""
        return pretty_json({"type": "about:blank", "status": self.status, "code": self.code})


def parse_problem(data: bytes) -> Problem:
    """Read a problem body. Raises `Refused`."""
    members = _SHAPE.members(
        parse_json(data, max_bytes=MAX_BYTES), "problem", ("type", "status", "code")
    )
    return Problem(
        _SHAPE.a_number(members["status"], "problem.status", 400, 599),
        _SHAPE.a_name(members["code"], "problem.code"),
    )
