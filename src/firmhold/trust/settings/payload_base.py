"""Where payloads may be fetched from: a URL without secrets, with CAs of its own or none at all.

What is fetched there is believed by its digest alone; metadata never come from here. A base is
`https://` with the certificates of its own authorities, or plain `http://`. It has no user, no
password, no query and no fragment, so nothing that a device knows can leak to a payload server.
"""

import re
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import InvalidVersion, load_pem_x509_certificate

from firmhold.trust.encoding import JsonValue
from firmhold.trust.errors import Code
from firmhold.trust.shape import Shape

MAX_URL = 2048
MAX_AUTHORITIES = 64

_BASE = Shape(Code.SETTINGS_PAYLOAD_BASE)
_MAX_PEM_CHARACTERS = 16_384
_PORTS = range(1, 65_536)
_URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>(?:/[A-Za-z0-9._~!$&'()*+,;=:-]+)*)/?"
)


@dataclass(frozen=True, slots=True)
class PayloadBase:
    """A base URL without a slash at its end, and certificates (DER); none means plain HTTP."""

    url: str
    authorities: tuple[bytes, ...]


def read_payload_base(value: JsonValue, where: str) -> PayloadBase:
    """Read `{url, ca}`; `ca` is a list of certificates for `https` and null for `http`."""
    members = _BASE.members(value, where, ("url", "ca"))
    url = _BASE.a_text(members["url"], f"{where}.url", MAX_URL)
    found = _URL.fullmatch(url)
    if found is None or {".", ".."} & set(found["path"].split("/")):
        raise _BASE.refusal(f"{where}.url", "http(s)://host[:port][/path], and nothing else")
    if found["port"] is not None and int(found["port"]) not in _PORTS:
        raise _BASE.refusal(f"{where}.url", "a port")
    if found["scheme"] == "http":
        if members["ca"] is not None:
            raise _BASE.refusal(f"{where}.ca", "null: plain HTTP has no certificates")
        return PayloadBase(url.removesuffix("/"), ())
    authorities = read_certificates(_BASE, members["ca"], f"{where}.ca")
    if not authorities:
        raise _BASE.refusal(f"{where}.ca", "at least one certificate of its own")
    return PayloadBase(url.removesuffix("/"), authorities)


def read_certificates(shape: Shape, value: JsonValue, where: str) -> tuple[bytes, ...]:
    """Read a list of certificates, each a PEM text, as DER."""

    def certificate(entry: JsonValue, place: str) -> bytes:
        text = shape.a_text(entry, place, _MAX_PEM_CHARACTERS)
        try:
            return load_pem_x509_certificate(text.encode()).public_bytes(Encoding.DER)
        except (ValueError, InvalidVersion, UnsupportedAlgorithm) as error:
            raise shape.refusal(place, "a certificate in PEM form") from error

    return shape.a_list(value, where, MAX_AUTHORITIES, certificate)
