"""Enrolment over Secure Transport (RFC 7030): certificates for those who speak it.

A request is a PKCS #10 for the TLS key, in base64. What RFC 7030 leaves to the server, and what the
server tells by `csrattrs`: the request bears a second one, by the *device signing key*, which names
the digest of the TLS key. So a device has two keys here too, and whoever stands between it and the
authority can have no certificate issued for a key of his own.
"""

import base64
import binascii
import re

from firmhold.protocol.identity import device_id
from firmhold.trust.device_id import DeviceId
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Malformed

FOLDER = "/.well-known/est"
CA_CERTIFICATES = f"{FOLDER}/cacerts"
ATTRIBUTES = f"{FOLDER}/csrattrs"
ENROL = f"{FOLDER}/simpleenroll"
RENEW = f"{FOLDER}/simplereenroll"

REQUEST_TYPE = "application/pkcs10"
CERTIFICATES_TYPE = "application/pkcs7-mime; smime-type=certs-only"
ATTRIBUTES_TYPE = "application/csrattrs"

SIGNING_REQUEST = "2.25.141730487955832823874416884100948682479"
"""Of the attribute with the signing key's own request: its DER in base64, as UTF8String."""
NAMES_KEY = "2.25.331429274364937266542512797939941048843"
"""Of that request's attribute with the SHA-256 of the TLS key's SubjectPublicKeyInfo, in hex."""

MAX_BODY_BYTES = 16_384
MOST_CREDENTIALS = 512

_BASE64 = re.compile(rb"[A-Za-z0-9+/]*={0,2}")
_EC_PUBLIC_KEY, _P256 = "1.2.840.10045.2.1", "1.2.840.10045.3.1.7"
_ECDSA_SHA256 = "1.2.840.10045.4.3.2"
_SEQUENCE, _SET, _OID = 0x30, 0x31, 0x06


def decoded(body: bytes) -> bytes:
    """Return the bytes of a body in base64, with line breaks anywhere. Raises `Refused`."""
    text = b"".join(body.split())
    try:
        if not _BASE64.fullmatch(text):
            raise _refusal("body", "base64")
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise _refusal("body", "base64") from error


def encoded(data: bytes) -> bytes:
    """Return bytes as a body in base64, in lines (RFC 4648, RFC 8951)."""
    return base64.encodebytes(data)


def credentials(header: str | None) -> tuple[DeviceId, str]:
    """Return the device and its token in an `Authorization` header (RFC 7617). Raises `Refused`."""
    scheme, _, text = (header or "").partition(" ")
    if scheme.lower() != "basic" or len(text) > MOST_CREDENTIALS:
        raise _refusal("authorization", "Basic, with the device and its token")
    try:
        name, colon, token = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise _refusal("authorization", "base64 of device:token") from error
    if not colon:
        raise _refusal("authorization", "device:token")
    return device_id(name, "authorization"), token


def attributes() -> bytes:
    """Return what a request must bear (RFC 7030 4.5.2), DER: our attribute, a key on P-256."""
    key = _der(_SEQUENCE, _oid(_EC_PUBLIC_KEY), _der(_SET, _oid(_P256)))
    return _der(_SEQUENCE, _oid(SIGNING_REQUEST), key, _oid(_ECDSA_SHA256))


def _oid(text: str) -> bytes:
    first, second, *others = (int(number) for number in text.split("."))
    return _der(_OID, *(_arc(number) for number in (40 * first + second, *others)))


def _arc(number: int) -> bytes:
    found = [number & 0x7F]
    while number := number >> 7:
        found.append(number & 0x7F | 0x80)
    return bytes(reversed(found))


def _der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return bytes([tag, len(content)]) + content  # nothing here is longer than 127 bytes


def _refusal(where: str, expected: str) -> Refused:
    return Refused(Malformed(code=Code.PROTOCOL_SHAPE, where=where, expected=expected))
