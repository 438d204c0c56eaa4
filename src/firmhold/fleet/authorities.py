"""The authorities of a server: the one that issues, those before it, and those that count no more.

Two files say it, each a list of certificates; what stands in both counts no more. They are read
again when they change, so a new authority, or the end of an old one, is there with the next
request.
"""

from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate, load_pem_x509_certificates

from firmhold.fleet.home import Home
from firmhold.pkix.public import spki_sha256
from firmhold.storage.atomic import replace_file
from firmhold.storage.disk import own_disk, read_file
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.outer_faults import PlaceFault

MAX_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Authorities:
    """Newest first, in both."""

    accepted: tuple[Certificate, ...]
    """Under which devices come in; the first is the one that issues."""
    revoked: tuple[Certificate, ...]

    @property
    def issuing(self) -> Certificate:
        """The one that issues."""
        return self.accepted[0]

    @property
    def accepted_keys(self) -> frozenset[str]:
        """SHA-256 of the SubjectPublicKeyInfo of each that is accepted, in hexadecimal."""
        return frozenset(authority_id(each) for each in self.accepted)

    @property
    def all(self) -> tuple[Certificate, ...]:
        """Every one that there ever was here."""
        return (*self.accepted, *self.revoked)


def authority_id(certificate: Certificate) -> str:
    """Return the SHA-256 of the SubjectPublicKeyInfo of an authority, in hexadecimal."""
    return spki_sha256(certificate.public_key()).hex()


def read_authorities(home: Home) -> Authorities:
    """Return the authorities of a server. Raises `Misuse`."""
    revoked = _certificates(home.revoked) if home.revoked.exists() else ()
    ended = {authority_id(each) for each in revoked}
    accepted = tuple(
        each for each in _certificates(home.authority) if authority_id(each) not in ended
    )
    if not accepted:
        raise _misuse(home.authority, "none of its authorities counts any more")
    return Authorities(accepted, revoked)


def keep_authorities(home: Home, authorities: Authorities) -> None:
    """Write them down: those that are revoked first, so that none counts again in between."""
    with own_disk(home.authority):
        for place, each in (
            (home.revoked, authorities.revoked),
            (home.authority, authorities.accepted),
        ):
            if each or place.exists():
                replace_file(place, b"".join(one.public_bytes(Encoding.PEM) for one in each))
                place.chmod(0o644)


@dataclass(slots=True)
class Known:
    """The authorities of a server, as they are now."""

    home: Home
    _read: tuple[tuple[int, int], Authorities] | None = field(default=None)

    def __call__(self) -> Authorities:
        """Return them; read again if one of the files has changed."""
        now = _changed(self.home.authority), _changed(self.home.revoked)
        if self._read is None or self._read[0] != now:
            self._read = now, read_authorities(self.home)
        return self._read[1]


def _changed(place: Path) -> int:
    return place.stat().st_mtime_ns if place.exists() else 0


def _certificates(place: Path) -> tuple[Certificate, ...]:
    with own_disk(place):
        data = read_file(place, MAX_BYTES)
    try:
        return tuple(load_pem_x509_certificates(data))
    except ValueError as error:
        raise _misuse(place, "no certificates (PEM)") from error


def _misuse(place: Path, detail: str) -> Misuse:
    return Misuse(PlaceFault(code=Code.FLEET_HOME, path=str(place), detail=detail))
