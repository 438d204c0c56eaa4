"""Where the process with the network may go: a file that the other half of the device writes.

It is read anew for each request, so a new pin, or a new time below which no certificate has ended,
counts at once. Paths are relative to the file's own folder.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from firmhold.device.adapters.disk import own_disk, read_file
from firmhold.trust.encoding import JsonValue, parse_json, pretty_json
from firmhold.trust.errors import Code
from firmhold.trust.shape import Shape, written_date

CONFIG = "fetch.json"
AUTHORITY, CERTIFICATE, SPOOL = "authority.pem", "client.pem", "spool"
"""`client.pem` has the certificate and its key in one file: never one without the other."""
MAX_BYTES = 1_048_576
MOST_PINS, MOST_AUTHORITIES = 512, 64
"""As many as trust settings may name."""
MOST_BASES = 64
MOST_TEXT = 16_384
MOST_PORT = 65_535
MOST_SPOOL = 1 << 50

_SHAPE = Shape(Code.DEVICE_CONFIG)

_MEMBERS = ("host", "device_port", "enrolment_port", "pins", "floor", "bases", "most_bytes")


@dataclass(frozen=True, slots=True)
class Base:
    """A server of payloads: a URL, and its authorities (PEM); none means plain HTTP."""

    url: str
    authorities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FetchConfig:
    """Where to ask, whom to believe to be there, and how much may lie in the spool."""

    host: str
    device_port: int
    enrolment_port: int
    pins: tuple[bytes, ...]
    """SHA-256 of the SubjectPublicKeyInfo of each key that may be the server's, likeliest first."""
    floor: datetime
    """It is not earlier than this."""
    bases: tuple[Base, ...]
    most_bytes: int
    authorities: tuple[str, ...] = ()
    """Certificates (PEM) under which the server may have its own, besides `authority.pem`."""

    def to_bytes(self) -> bytes:
        """Return the file; `parse_fetch_config` reads it back."""
        pins: list[JsonValue] = [pin.hex() for pin in self.pins]
        bases: list[JsonValue] = [
            {"url": base.url, "authorities": [*base.authorities]} for base in self.bases
        ]
        return pretty_json(
            {
                "host": self.host,
                "device_port": self.device_port,
                "enrolment_port": self.enrolment_port,
                "pins": pins,
                "floor": written_date(self.floor),
                "bases": bases,
                "most_bytes": self.most_bytes,
                "authorities": [*self.authorities],
            }
        )


def read_fetch_config(path: Path) -> FetchConfig:
    """Return what stands in a file. Raises `Damaged` or `Refused`."""
    with own_disk(path):
        data = read_file(path, MAX_BYTES)
    return parse_fetch_config(data)


def parse_fetch_config(data: bytes) -> FetchConfig:
    """Read what `FetchConfig.to_bytes` wrote. Raises `Refused`."""
    value = parse_json(data, max_bytes=MAX_BYTES)
    members = _SHAPE.members(value, "fetch", _MEMBERS, optional=("authorities",))

    def a_port(name: str) -> int:
        return _SHAPE.a_number(members[name], f"fetch.{name}", 1, MOST_PORT)

    return FetchConfig(
        host=_SHAPE.a_name(members["host"], "fetch.host"),
        device_port=a_port("device_port"),
        enrolment_port=a_port("enrolment_port"),
        pins=_SHAPE.a_list(members["pins"], "fetch.pins", MOST_PINS, _SHAPE.some_bytes),
        floor=_SHAPE.a_date(members["floor"], "fetch.floor"),
        bases=_SHAPE.a_list(members["bases"], "fetch.bases", MOST_BASES, _base),
        most_bytes=_SHAPE.a_number(members["most_bytes"], "fetch.most_bytes", 1, MOST_SPOOL),
        authorities=_SHAPE.a_list(
            members.get("authorities", []), "fetch.authorities", MOST_AUTHORITIES, _pem
        ),
    )


def _base(value: JsonValue, where: str) -> Base:
    members = _SHAPE.members(value, where, ("url", "authorities"))
    return Base(
        _SHAPE.a_name(members["url"], f"{where}.url"),
        _SHAPE.a_list(members["authorities"], f"{where}.authorities", MOST_BASES, _pem),
    )


def _pem(value: JsonValue, where: str) -> str:
    return _SHAPE.a_text(value, where, MOST_TEXT)
