"""Two things that are in a certificate: whose key it is, and until when it is good.

Read by a few lines of strict DER, so that the process with the network stays small. The certificate
was verified already, by the TLS library and under the private authority; nothing is decided here.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

_SEQUENCE, _UTC_TIME, _GENERALIZED_TIME, _VERSION = 0x30, 0x17, 0x18, 0xA0
_LONG_FORM = 0x80
_MOST_LENGTH_BYTES = 4
_HALF_CENTURY = b"50"
_TIME = re.compile(rb"[0-9]{14}Z")
_NOT_DER = "not the DER of a certificate"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a server shows of itself."""

    key_sha256: bytes
    """Of the whole SubjectPublicKeyInfo: what a pin names."""
    not_after: datetime


@dataclass(frozen=True, slots=True)
class _Element:
    tag: int
    content: bytes
    whole: bytes


def read_certificate(der: bytes) -> Shown:
    """Return what is in a certificate. Raises `ValueError`."""
    certificate = list(_elements(_content(next(_elements(der), None), _SEQUENCE)))
    fields = list(_elements(_content(certificate[0] if certificate else None, _SEQUENCE)))
    if fields and fields[0].tag == _VERSION:
        fields = fields[1:]
    # serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo (RFC 5280 4.1)
    try:
        _, _, _, validity, _, key = fields[:6]
        _, not_after = _elements(_content(validity, _SEQUENCE))
    except ValueError as error:
        raise ValueError(_NOT_DER) from error
    _content(key, _SEQUENCE)
    return Shown(hashlib.sha256(key.whole).digest(), _moment(not_after))


def _elements(data: bytes) -> Iterator[_Element]:
    while data:
        begin, end = _span(data)
        yield _Element(data[0], data[begin:end], data[:end])
        data = data[end:]


def _span(data: bytes) -> tuple[int, int]:
    """Return where the content of the first element begins and ends."""
    begin, length = 2, data[1] if len(data) > 1 else _LONG_FORM
    if length >= _LONG_FORM:
        size = length - _LONG_FORM
        begin, length = 2 + size, int.from_bytes(data[2 : 2 + size])
        if not 1 <= size <= _MOST_LENGTH_BYTES or length < max(_LONG_FORM, 1 << 8 * (size - 1)):
            raise ValueError(_NOT_DER)  # no length, or one that has a shorter form
    if begin + length > len(data):
        raise ValueError(_NOT_DER)
    return begin, begin + length


def _content(element: _Element | None, tag: int) -> bytes:
    if element is None or element.tag != tag:
        raise ValueError(_NOT_DER)
    return element.content


def _moment(element: _Element) -> datetime:
    text = element.content
    if element.tag == _UTC_TIME:  # two digits of a year from 1950 to 2049
        text = (b"19" if text[:2] >= _HALF_CENTURY else b"20") + text
    elif element.tag != _GENERALIZED_TIME:
        raise ValueError(_NOT_DER)
    if not _TIME.fullmatch(text):
        raise ValueError(_NOT_DER)
    return datetime.strptime(text.decode(), "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
