"""What an operator hands to whoever sets a device up: all that it needs, and a one-time token.

It is a file, carried by hand or by the production line. Whoever has it before the device is
enrolled can enrol in its place, so it is kept as secret as the token in it; afterwards it is worth
nothing. Its roots and settings are what the device believes at first.
"""

from dataclasses import dataclass

from firmhold.protocol.enrolment import MOST_TOKEN_CHARACTERS
from firmhold.protocol.identity import device_id
from firmhold.trust.device_id import DeviceId
from firmhold.trust.encoding import parse_json, pretty_json
from firmhold.trust.errors import Code
from firmhold.trust.shape import Shape

FORMAT = 1
MAX_BYTES = 2_000_000
MOST_CHARACTERS = 600_000
MOST_REVISION = 65_535
MOST_PORT = 65_535

_SHAPE = Shape(Code.PROTOCOL_SHAPE)
_MEMBERS = (
    "format",
    "device",
    "product",
    "component",
    "model",
    "revision",
    "host",
    "device_port",
    "enrolment_port",
    "authority",
    "token",
    "image_root",
    "director_root",
    "settings",
)


@dataclass(frozen=True, slots=True)
class Invitation:
    """One device, where its server is, and what it begins to believe with."""

    device: DeviceId
    product: str
    component: str
    model: str
    revision: int
    host: str
    device_port: int
    enrolment_port: int
    authority: str
    """The certificate (PEM) under which the server has its own."""
    token: str
    image_root: bytes
    director_root: bytes
    settings: bytes

    def to_bytes(self) -> bytes:
        """Return the file; `parse_invitation` reads it back."""
        return pretty_json(
            {
                "format": FORMAT,
                "device": self.device,
                "product": self.product,
                "component": self.component,
                "model": self.model,
                "revision": self.revision,
                "host": self.host,
                "device_port": self.device_port,
                "enrolment_port": self.enrolment_port,
                "authority": self.authority,
                "token": self.token,
                "image_root": self.image_root.decode(),
                "director_root": self.director_root.decode(),
                "settings": self.settings.decode(),
            }
        )


def parse_invitation(data: bytes) -> Invitation:
    """Read an invitation. Raises `Refused`."""
    members = _SHAPE.members(parse_json(data, max_bytes=MAX_BYTES), "invitation", _MEMBERS)
    _SHAPE.a_number(members["format"], "invitation.format", FORMAT, FORMAT)

    def name(member: str) -> str:
        return _SHAPE.a_name(members[member], f"invitation.{member}")

    def number(member: str, least: int, most: int) -> int:
        return _SHAPE.a_number(members[member], f"invitation.{member}", least, most)

    def text(member: str) -> str:
        return _SHAPE.a_text(members[member], f"invitation.{member}", MOST_CHARACTERS)

    return Invitation(
        device=device_id(name("device"), "invitation.device"),
        product=name("product"),
        component=name("component"),
        model=name("model"),
        revision=number("revision", 0, MOST_REVISION),
        host=name("host"),
        device_port=number("device_port", 1, MOST_PORT),
        enrolment_port=number("enrolment_port", 1, MOST_PORT),
        authority=text("authority"),
        token=_SHAPE.a_text(members["token"], "invitation.token", MOST_TOKEN_CHARACTERS),
        image_root=text("image_root").encode(),
        director_root=text("director_root").encode(),
        settings=text("settings").encode(),
    )
