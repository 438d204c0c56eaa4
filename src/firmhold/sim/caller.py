"""Somebody who calls a port of the server by hand, with whatever certificate and bytes he likes."""

import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self, cast

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

HOST = "127.0.0.1"
PATIENCE_SECONDS = 15.0
NO_HEADERS: Mapping[str, str] = {}

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Shown:
    """A certificate and its key, in files."""

    certificate: Path
    key: Path

    @classmethod
    def of_device(cls, state: Path) -> "Shown":
        """What the device with this state folder shows."""
        return cls(state / "fetch" / "client.pem", state / "fetch" / "client.pem")

    @classmethod
    def keep(cls, folder: Path, certificate: x509.Certificate, key: PrivateKey) -> "Shown":
        """Write both to a folder."""
        shown = cls(folder / "shown.pem", folder / "shown.key")
        shown.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
        shown.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return shown


@dataclass(slots=True)
class Caller:
    """One who calls a port; without `shown` he shows nothing."""

    port: int
    shown: Shown | None = None
    newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    place: str = HOST
    """The address that he calls from: any of this machine's."""
    _connection: http.client.HTTPSConnection | None = None

    def __enter__(self) -> Self:
        """Call."""
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up."""
        self.close()

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = NO_HEADERS
    ) -> tuple[int, bytes]:
        """Ask over one connection that is kept; return status and body. Raises `OSError`."""
        connection = self._connection or self._connected()
        connection.request(method, path, body=body or None, headers=dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read()

    def connect(self) -> ssl.SSLSocket:
        """Shake hands; return the socket. Raises `OSError`."""
        return cast("ssl.SSLSocket", self._connected().sock)

    def _connected(self) -> http.client.HTTPSConnection:
        self._connection = http.client.HTTPSConnection(
            HOST,
            self.port,
            timeout=PATIENCE_SECONDS,
            context=self._context(),
            source_address=(self.place, 0),
        )
        try:
            self._connection.connect()
        except OSError:
            self.close()
            raise
        return self._connection

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # a caller who means ill asks nobody who he is
        context.maximum_version = self.newest
        context.set_ciphers("ALL:@SECLEVEL=0")
        if self.shown is not None:
            context.load_cert_chain(self.shown.certificate, self.shown.key)
        return context


def described(
    subject: PrivateKey,
    now: datetime,
    lifetime: timedelta = timedelta(days=1),
    serial: int | None = None,
) -> x509.CertificateBuilder:
    """Begin a certificate for a key; what it is good for, whoever bends it says."""
    return (
        x509.CertificateBuilder()
        .serial_number(x509.random_serial_number() if serial is None else serial)
        .public_key(subject.public_key())
        .subject_name(x509.Name([]))
        .not_valid_before(now)
        .not_valid_after(now + lifetime)
    )
