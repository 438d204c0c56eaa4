"""The TLS side of both ports: keys and certificates that change while connections go on.

The gateway asks the ca for a certificate of each of its keys under each authority, and again when
half of its life is over. Those under earlier authorities are kept when the key of these is gone: a
device that was away knows no other. What changes counts from the next handshake on.

Devices may shake hands with a certificate of any of these authorities. Whether it still counts is
looked up for each request (`identify`), and said there in words: a device that is turned away in
the handshake may hear no more than that the line broke, and not that it should ask for another one.
"""

import asyncio
import logging
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import Certificate, load_der_x509_certificate, load_pem_x509_certificate
from starlette.concurrency import run_in_threadpool

from firmhold.fleet.authorities import Authorities, Known, authority_id
from firmhold.fleet.gateway.shown import Face, first_face
from firmhold.fleet.home import Home
from firmhold.fleet.listen import server_context
from firmhold.pkix.public import PublicKey, spki_sha256
from firmhold.protocol.enrolment import parse_issued
from firmhold.protocol.server_name import ENDING
from firmhold.storage.atomic import replace_file
from firmhold.storage.disk import own_disk, read_file
from firmhold.trust.errors import Code, FirmholdError, Unavailable
from firmhold.trust.outer_faults import FleetFault
from firmhold.trust.settings.trust_settings import ServerPins, TrustSettings

LOOK_SECONDS = 1
PAUSE_SECONDS = 10
LATER_SECONDS = 600
MAX_PEM_BYTES = 65_536
_OK = 200
_NO_PINS = ServerPins(frozenset(), frozenset())

log = logging.getLogger("firmhold.fleet.gateway")

Contexts = Mapping[ssl.VerifyMode, ssl.SSLContext]


@dataclass(frozen=True, slots=True)
class TlsKey:
    """A key in a file, which TLS reads itself."""

    path: Path
    passphrase: str
    spki: bytes
    """SubjectPublicKeyInfo (DER)."""
    sha256: bytes


def tls_key(key: PublicKey, path: Path, passphrase: str) -> TlsKey:
    """Return a key in a file by its public half."""
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return TlsKey(path, passphrase, spki, spki_sha256(key))


@dataclass(slots=True)
class Ports:
    """What the ports of a gateway show, and whom they let in."""

    home: Home
    keys: Sequence[TlsKey]
    """In the order in which they were named."""
    known: Known
    settings: Callable[[], TrustSettings]
    """The trust settings of now. Raises `FirmholdError`."""
    ca: httpx.AsyncClient
    clock: Callable[[], datetime]
    _shown: Mapping[str, Contexts] = field(default_factory=dict)
    """By the name of each face."""
    _first: str = ""
    _authorities: Authorities | None = None
    _stamps: Mapping[str, int] = field(default_factory=dict)
    """When each of them was made."""
    _told: str = ""
    _later: dict[Certificate, float] = field(default_factory=dict)
    """Authorities whose key was not here, and when to ask again."""

    async def begin(self) -> None:
        """Have something to show; wait for the ca as long as there is nothing."""
        await self._look()
        while not self._first:
            await asyncio.sleep(LOOK_SECONDS)
            await self._look()

    async def keep(self) -> None:
        """Look after it, until cancelled."""
        while True:
            await asyncio.sleep(PAUSE_SECONDS if self._told else LOOK_SECONDS)
            await self._look()

    def tls(self, clients: ssl.VerifyMode) -> ssl.SSLContext:
        """Return the context for a port: what it shows is chosen anew at each handshake."""
        base = self._context(self._faces()[self._first], clients)

        def chosen(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
            if self.known() is not self._authorities:  # its devices may come in a moment
                self._build()
            shown = self._shown.get(name or "") or self._shown[self._first]
            connection.context = shown[clients]

        base.sni_callback = chosen
        return base

    async def _look(self) -> None:
        """Get certificates that are wanting, and show what there is; what fails is told once."""
        told = ""
        try:
            await self._certify_all()
        except FirmholdError as error:
            told = f"a certificate is wanting: {error}"
        try:
            settings = await run_in_threadpool(self.settings)
        except FirmholdError as error:  # what cannot be read now decides nothing now
            settings, told = None, f"the trust settings cannot be read: {error}"
        if told and told != self._told:
            log.warning("%s", told)
        self._told = told
        await run_in_threadpool(self._refresh, settings)

    async def _certify_all(self) -> None:
        """Have a certificate for each key under each authority whose key is still here."""
        issuing, now = self.known().issuing, time.monotonic()
        for key in self.keys:
            await self._certify(key, issuing)
        for authority in self.known().all:
            if now < self._later.get(authority, 0.0):
                continue
            try:
                for key in self.keys:
                    await self._certify(key, authority)
            except Unavailable:
                self._later[authority] = now + LATER_SECONDS

    async def _certify(self, key: TlsKey, authority: Certificate) -> None:
        place = self._place(Face(key.sha256, spki_sha256(authority.public_key())))
        if place.exists() and not _half_over(_certificate(place), self.clock()):
            return
        data = await self._asked(authority_id(authority), key.spki)
        try:
            made = load_der_x509_certificate(parse_issued(data).certificate)
            made.verify_directly_issued_by(authority)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise _unavailable("ca", f"no certificate of its authority: {error}") from error
        if spki_sha256(made.public_key()) != key.sha256:
            raise _unavailable("ca", f"not a certificate for {key.path.name}")
        with own_disk(place):
            replace_file(place, made.public_bytes(Encoding.PEM))

    async def _asked(self, authority: str, spki: bytes) -> bytes:
        try:
            found = await self.ca.post(f"/server/{authority}", content=spki)
        except httpx.HTTPError as error:
            raise _unavailable("ca", f"no answer: {type(error).__name__}") from error
        if found.status_code != _OK:
            raise _unavailable("ca", f"status {found.status_code}")
        return found.content

    def _refresh(self, settings: TrustSettings | None) -> None:
        """Show what is there now, if it is not shown already."""
        faces = self._faces()
        first = _appointed([face for face, _ in faces.values()], settings)
        stamps = {name: self._place(face).stat().st_mtime_ns for name, (face, _) in faces.items()}
        if first is None:
            return
        if stamps != self._stamps or self.known() is not self._authorities:
            self._build()
            self._stamps = stamps
        self._first = first.name

    def _build(self) -> None:
        authorities, faces = self.known(), self._faces()
        modes = (ssl.CERT_REQUIRED, ssl.CERT_NONE)
        self._shown = {
            name: {mode: self._context(face, mode) for mode in modes}
            for name, face in faces.items()
        }
        self._authorities = authorities

    def _faces(self) -> dict[str, tuple[Face, TlsKey]]:
        """What there are certificates for: oldest authority first, keys as they were named."""
        found = {}
        for authority in reversed(self.known().all):
            for key in self.keys:
                face = Face(key.sha256, spki_sha256(authority.public_key()))
                if self._place(face).exists():
                    found[face.name] = face, key
        return found

    def _context(self, shown: tuple[Face, TlsKey], clients: ssl.VerifyMode) -> ssl.SSLContext:
        face, key = shown
        known = "".join(each.public_bytes(Encoding.PEM).decode() for each in self.known().all)
        place = self._place(face)
        return server_context(place, key.path, key.passphrase, known, clients)

    def _place(self, face: Face) -> Path:
        return self.home.server_certificates / f"{face.name.removesuffix(f'.{ENDING}')}.pem"


def _appointed(faces: Sequence[Face], settings: TrustSettings | None) -> Face | None:
    if settings is None:
        return first_face(faces, _NO_PINS, frozenset())
    named = frozenset(
        spki_sha256(load_der_x509_certificate(each).public_key())
        for each in settings.server_authorities
    )
    return first_face(faces, settings.server_pins, named)


def _certificate(place: Path) -> Certificate:
    with own_disk(place):
        return load_pem_x509_certificate(read_file(place, MAX_PEM_BYTES))


def _half_over(certificate: Certificate, now: datetime) -> bool:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return now > begin + (end - begin) / 2


def _unavailable(what: str, detail: str) -> Unavailable:
    return Unavailable(FleetFault(code=Code.GATEWAY_BUSY, what=what, detail=detail))
