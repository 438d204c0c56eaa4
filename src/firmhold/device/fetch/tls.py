"""TLS 1.3 to a server that is known beforehand: by a private authority, a name and a pinned key.

The system's clock decides nothing here, for a device may think that it is 1970 or 2100. All that it
knows is a floor, a time that has passed for certain: a certificate that ended before it is refused.
What comes after the handshake is checked before the first byte of a request leaves.

A server that shows another key than those that are pinned, or another authority's certificate, may
be the right one all the same: this device was away while keys were changed. It is asked for each
key that this device knows by its own name (`protocol.server_name`), and shows that one if it still
has it. Who it is, is decided by the pin then as before.
"""

import http.client
import re
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from firmhold.device.adapters.disk import read_file
from firmhold.device.fetch.certificate import read_certificate
from firmhold.device.fetch.spool import own_disk
from firmhold.protocol.server_name import server_name
from firmhold.trust.errors import Code, Refused, Unavailable
from firmhold.trust.outer_faults import FetchFault
from firmhold.trust.shape import written_date
from firmhold.wire.sockets import Connection, Patience, PlainSocket, TlsSocket

NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which the module `ssl` has no name for."""

MOST_NAMES = 32
"""For how many a server is asked that shows nothing that is meant."""

MAX_AUTHORITY_BYTES = 65_536

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_ALERT = "_ALERT_"
_ABOUT_US = ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED")
"""What is in the name of an alert by which a server says no to whom it was shown."""


class Meant(Protocol):
    """What makes a server the one that is meant."""

    def context(self) -> ssl.SSLContext:
        """Return how to shake hands."""
        ...

    def names(self, host: str) -> Sequence[str]:
        """Return the names to ask for, one after another, until it shows what is meant."""
        ...

    def answered(self, name: str) -> None:
        """Note by which name it was the one that is meant."""
        ...

    def require(self, url: str, certificate: bytes) -> None:
        """Pass if it is the server that showed this certificate (DER), else raise `Refused`."""
        ...


@dataclass(slots=True)
class Pinned:
    """The gateway: of a private authority, with a pinned key."""

    authority: Path
    identity: Path | None
    """The device's own certificate with its key; None: nobody in particular asks."""
    pins: Sequence[bytes]
    """SHA-256 of each SubjectPublicKeyInfo that is taken, likeliest first."""
    floor: datetime
    authorities: Sequence[str] = ()
    """Certificates (PEM) of further private authorities."""
    _known_as: str | None = None

    def context(self) -> ssl.SSLContext:
        """Return how to shake hands, with the device's certificate if it has one yet."""
        return context(self.authority, self.identity, self.authorities)

    def names(self, host: str) -> Sequence[str]:
        """Return the name by which it answered last, its host, and one for each key."""
        first = host if self._known_as is None else self._known_as
        keys = [_key_of(pem) for pem in reversed(self._all_authorities())]
        each = [server_name(pin, authority) for pin in self.pins for authority in keys]
        return [*dict.fromkeys([first, host, *each])][:MOST_NAMES]

    def answered(self, name: str) -> None:
        """Note by which name it was the one that is meant."""
        self._known_as = name

    def _all_authorities(self) -> list[str]:
        with own_disk(self.authority):
            enrolled = read_file(self.authority, MAX_AUTHORITY_BYTES).decode("ascii", "replace")
        return [*_PEM.findall(enrolled), *self.authorities]

    def require(self, url: str, certificate: bytes) -> None:
        """Pass if the certificate has not ended and the key is one of the pins."""
        key = require_current(url, certificate, self.floor)
        if key not in self.pins:
            raise Refused(FetchFault(code=Code.FETCH_PIN, url=url, detail=key.hex()))


@dataclass(frozen=True, slots=True)
class Authorised:
    """A payload server: of authorities of its own. It is never told who asks."""

    authorities: Sequence[str]
    """Certificates in PEM form."""
    floor: datetime

    def context(self) -> ssl.SSLContext:
        """Return how to shake hands."""
        found = _context()
        found.load_verify_locations(cadata="\n".join(self.authorities))
        return found

    def names(self, host: str) -> Sequence[str]:
        """Return its host: it has no other name."""
        return (host,)

    def answered(self, name: str) -> None:
        """It has one name."""

    def require(self, url: str, certificate: bytes) -> None:
        """Pass if the certificate has not ended."""
        require_current(url, certificate, self.floor)


class SecureConnection(Connection):
    """A connection to the server that is meant."""

    def __init__(self, host: str, port: int, patience: Patience, meant: Meant) -> None:
        super().__init__(host, port, patience)
        self._meant = meant

    def opened(self) -> PlainSocket:
        """Return a new socket to the server, when it is known to be the one that is meant.

        Raises the first refusal, if it is not under any name.
        """
        first: Refused | None = None
        for name in self._meant.names(self.host):
            try:
                secured = self._opened_as(name)
            except Refused as refused:
                first = first or refused
            else:
                self._meant.answered(name)
                return secured
        raise first or http.client.NotConnected

    def _opened_as(self, name: str) -> TlsSocket:
        url = f"https://{self.host}:{self.port}"
        found = self._meant.context()
        found.sslsocket_class = TlsSocket
        plain = super().opened()
        plain.settimeout(self.patience.grace_seconds)
        try:
            with said_no(url):
                secured = found.wrap_socket(plain, server_hostname=name)
        finally:
            plain.close()  # wrapped, it is another one's; else it is left over
        try:
            self._meant.require(url, secured.getpeercert(binary_form=True) or b"")
        except BaseException:
            secured.close()
            raise
        if not isinstance(secured, TlsSocket):
            raise TypeError
        return secured


def context(authority: Path, identity: Path | None, others: Sequence[str] = ()) -> ssl.SSLContext:
    """Return how to shake hands with a server of the private authorities, and of no other.

    The device's certificate is shown if its file is there. Raises `Damaged`.
    """
    found = _context()
    with own_disk(authority):
        found.load_verify_locations(authority)
    if others:
        found.load_verify_locations(cadata="\n".join(others))
    if identity is not None and identity.exists():
        with own_disk(identity):
            # A key that is enciphered is not one that this process could use: nobody is asked.
            found.load_cert_chain(identity, password="")
    return found


def require_current(url: str, certificate: bytes, floor: datetime) -> bytes:
    """Return the SHA-256 of the key, if the certificate had not ended when `floor` had come."""
    try:
        shown = read_certificate(certificate)
    except ValueError as error:
        fault = FetchFault(code=Code.FETCH_CERTIFICATE, url=url, detail=str(error))
        raise Refused(fault) from error
    if shown.not_after < floor:
        detail = f"ended {written_date(shown.not_after)}, it is {written_date(floor)} at least"
        raise Refused(FetchFault(code=Code.FETCH_CERTIFICATE, url=url, detail=detail))
    return shown.key_sha256


def _key_of(pem: str) -> bytes:
    """SHA-256 of the SubjectPublicKeyInfo of a certificate; of nobody's, where it is none."""
    try:
        return read_certificate(ssl.PEM_cert_to_DER_cert(pem)).key_sha256
    except ValueError:
        return b""


@contextmanager
def said_no(url: str) -> Iterator[None]:
    """Tell a server that is not believed, and one that does not believe, from any other failure."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        detail = error.verify_message
        fault = FetchFault(code=Code.FETCH_CERTIFICATE, url=url, detail=detail)
        raise Refused(fault) from error
    except ssl.SSLError as error:
        alert = error.reason or ""
        if _ALERT not in alert or not any(word in alert for word in _ABOUT_US):
            raise
        raise Unavailable(FetchFault(code=Code.FETCH_REFUSED, url=url, detail=alert)) from error


def _context() -> ssl.SSLContext:
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    found.minimum_version = ssl.TLSVersion.TLSv1_3
    found.hostname_checks_common_name = False
    found.verify_flags |= ssl.VerifyFlags(NO_CHECK_TIME)
    return found
