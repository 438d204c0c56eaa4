"""Who gets a certificate, and of which class.

A new device brings a token. An enrolled one brings a request that its own signing key has signed.
It gets the *full* class if nothing speaks against it and a certificate of its is still good; else
the *recovery* class: who was away for too long, or is in quarantine, can always come back.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum, unique

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate
from sqlalchemy import Connection, Engine, func, insert, select, update

from firmhold.fleet.authorities import authority_id
from firmhold.fleet.ca.authority import Authority
from firmhold.fleet.ca.hardware import Hardware, Roots
from firmhold.fleet.ca.requests import linked, server_key, signing_key, tls_key
from firmhold.fleet.ca.tokens import make_token, spend
from firmhold.fleet.nonces import Nonces
from firmhold.fleet.tables import CERTIFICATES, ENROLLED
from firmhold.pkix.public import PublicKey
from firmhold.protocol.enrolment import (
    Enrolment,
    Issued,
    asked_by,
    challenge_in,
    parse_activation,
    parse_enrolment,
    verify_request,
)
from firmhold.protocol.identity import CertificateClass, Identity
from firmhold.trust.device_id import DeviceId
from firmhold.trust.encoding import JsonObject, parse_json, pretty_json
from firmhold.trust.errors import Code, Misuse, Refused
from firmhold.trust.keys import derived_key_id, parse_public_key
from firmhold.trust.outer_faults import FleetFault
from firmhold.trust.tuf.schema import an_object

LIFETIME = timedelta(days=7)
"""Of a device's certificate, where nobody says otherwise; the recovery class has no longer one."""

OVERLAP = timedelta(hours=1)
"""How long a certificate is still good when another one has taken its place."""

SHORTEST, LONGEST = timedelta(hours=1), timedelta(days=90)
CHALLENGE = "certificate"
FILE, TPM = "file", "tpm"
"""Where a device's signing key lives, as far as it was proven."""

Issuer = Callable[[str | None], Authority]

_MAX_KEY_BYTES = 4096


@unique
class State(StrEnum):
    """What is thought of a device."""

    ACTIVE = "active"
    QUARANTINED = "quarantined"
    REVOKED = "revoked"


_TAKEN_AWAY: dict[State, tuple[str, ...]] = {
    State.ACTIVE: (),
    State.QUARANTINED: (CertificateClass.FULL.value,),
    State.REVOKED: tuple(each.value for each in CertificateClass),
}


@dataclass(frozen=True, slots=True)
class Desk:
    """The CA at work on its tables."""

    database: Engine
    host: str
    """Of the server, for which its own certificates are."""
    issuer: Issuer
    """Finds the authority at work, or one by its id. Raises `Unavailable`."""
    nonces: Nonces
    roots: Roots = tuple
    """Makers of TPMs, by the trust settings."""
    lifetime: timedelta = LIFETIME

    def invite(self, device: DeviceId, now: datetime, lifetime: timedelta) -> str:
        """Return a token for a device that is not enrolled yet."""
        with self.database.begin() as connection:
            if _state(connection, device) is not None:
                raise Misuse(_fault(Code.FLEET_DEVICE_THERE, device, "it is enrolled"))
            return make_token(connection, device, now, lifetime)

    def enrol(self, data: bytes, now: datetime) -> bytes:
        """Enrol a device, wholly or not at all; return its certificate. Raises `Refused`."""
        return self._enrol(parse_enrolment(data), now)

    def enrol_by_est(self, device: DeviceId, token: str, csr: bytes, now: datetime) -> bytes:
        """Enrol a device that speaks EST; return its certificate. Raises `Refused`."""
        signing_csr, tls_csr = linked(csr)
        return self._enrol(Enrolment(token, device, signing_csr, tls_csr), now)

    def renew_by_est(self, device: DeviceId, csr: bytes, now: datetime) -> bytes:
        """Return a certificate for the new key of a device that speaks EST. Raises `Refused`.

        Whoever hands the request on may lie about the device: the signing key of this one has
        signed for this TLS key, or nothing is issued.
        """
        signing_csr, tls_csr = linked(csr)
        with self.database.begin() as connection:
            state = _state(connection, device)
            if state in (None, State.REVOKED):
                raise Refused(_fault(Code.CA_DEVICE, device, "not one of these"))
            if _entry(connection, device) != signing_key(signing_csr):
                raise Refused(_fault(Code.CA_DEVICE, device, "signed by another's key"))
            return self._issue_again(connection, device, state, tls_key(tls_csr), now)

    def _enrol(self, asked: Enrolment, now: datetime) -> bytes:
        entry, key = signing_key(asked.signing_csr), tls_key(asked.tls_csr)
        endorsement = Hardware(self.roots, self.nonces).proven(asked, entry, now)
        with self.database.begin() as connection:
            spend(connection, asked.token, asked.device, now)
            if _state(connection, asked.device) is not None:
                raise Refused(_fault(Code.CA_DEVICE, asked.device, "enrolled already"))
            _require_new_tpm(connection, asked.device, endorsement)
            row = {
                "device": asked.device,
                "key": pretty_json(entry),
                "state": State.ACTIVE.value,
                "tier": FILE if endorsement is None else TPM,
                "endorsement": endorsement,
                "enrolled_at": int(now.timestamp()),
            }
            connection.execute(insert(ENROLLED), row)
            identity = Identity(asked.device, CertificateClass.FULL)
            return self._issue(connection, identity, key, now)

    def activate(self, data: bytes, now: datetime) -> bytes:
        """Return a secret that the TPM of a device is to open. Raises `Refused`."""
        hardware = Hardware(self.roots, self.nonces)
        return hardware.challenge(parse_activation(data), now).to_bytes()

    def for_server(self, name: str, spki: bytes, now: datetime) -> bytes:
        """Return a certificate for a key that the gateway shows, by the authority of that id.

        Devices take it for what it is by the pins in their trust settings; it opens nothing else.
        So one that is revoked may still sign it, for devices that were away and know no other.
        Raises `Refused`, and `Unavailable` where the key of that authority is not here.
        """
        authority = self.issuer(name)
        return _issued(authority, authority.for_server(self.host, server_key(spki), now))

    def challenge(self, now: datetime) -> bytes:
        """Return what the next request has to answer."""
        return self.nonces.make(CHALLENGE, now)

    def certificate(self, data: bytes, now: datetime) -> bytes:
        """Return a certificate for an enrolled device's new key. Raises `Refused`."""
        device, challenge = asked_by(data), challenge_in(data)
        with self.database.begin() as connection:
            state = _state(connection, device)
            if state in (None, State.REVOKED):
                raise Refused(_fault(Code.CA_DEVICE, device, "not one of these"))
            if not self.nonces.good(challenge, CHALLENGE, now):
                raise Refused(_fault(Code.CA_CHALLENGE, device, "not one of now"))
            entry = _entry(connection, device)
            known = parse_public_key(entry)
            if known is None:
                raise Refused(_fault(Code.CA_DEVICE, device, "its key cannot be read"))
            asked = verify_request(data, device, derived_key_id(entry), known, challenge).value
            return self._issue_again(connection, device, state, tls_key(asked.tls_csr), now)

    def good_by_authority(self, now: datetime) -> dict[str, int]:
        """Return how many certificates are good now, by the id of their authority."""
        query = (
            select(CERTIFICATES.c.authority, func.count())
            .where(CERTIFICATES.c.revoked.is_(False))
            .where(CERTIFICATES.c.superseded_at.is_(None))
            .where(CERTIFICATES.c.not_after > int(now.timestamp()))
            .group_by(CERTIFICATES.c.authority)
        )
        with self.database.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def set_state(self, device: DeviceId, state: State) -> None:
        """Let a device in again, put it in quarantine, or end it. Its certificates follow."""
        with self.database.begin() as connection:
            changed = connection.execute(
                update(ENROLLED).where(ENROLLED.c.device == device).values(state=state.value)
            )
            if changed.rowcount != 1:
                raise Misuse(_fault(Code.FLEET_NO_DEVICE, device, "not enrolled"))
            connection.execute(
                update(CERTIFICATES)
                .where(CERTIFICATES.c.device == device)
                .where(CERTIFICATES.c["class"].in_(_TAKEN_AWAY[state]))
                .values(revoked=True)
            )

    def _issue_again(
        self,
        connection: Connection,
        device: DeviceId,
        state: State | None,
        key: PublicKey,
        now: datetime,
    ) -> bytes:
        """In full, if nothing speaks against the device and a certificate of its is still good."""
        full = state is State.ACTIVE and _has_a_good_one(connection, device, now)
        kind = CertificateClass.FULL if full else CertificateClass.RECOVERY
        return self._issue(connection, Identity(device, kind), key, now)

    def _issue(
        self, connection: Connection, identity: Identity, key: PublicKey, now: datetime
    ) -> bytes:
        full = identity.certificate_class is CertificateClass.FULL
        lifetime = self.lifetime if full else min(self.lifetime, LIFETIME)
        authority = self.issuer(None)
        made = authority.for_device(identity, key, now, lifetime)
        der = made.public_bytes(Encoding.DER)
        self._supersede(connection, identity.device, now)
        connection.execute(
            insert(CERTIFICATES),
            {
                "serial": f"{made.serial_number:x}",
                "device": identity.device,
                "class": identity.certificate_class.value,
                "not_before": int(made.not_valid_before_utc.timestamp()),
                "not_after": int(made.not_valid_after_utc.timestamp()),
                "revoked": False,
                "sha256": hashlib.sha256(der).hexdigest(),
                "authority": authority_id(authority.certificate),
            },
        )
        return _issued(authority, made)

    def _supersede(self, connection: Connection, device: DeviceId, now: datetime) -> None:
        """Let the certificates of a device that a new one replaces end soon, and not at once.

        The answer with the new one may be lost; and whoever has copied an old one has it no longer.
        """
        ends = now + min(OVERLAP, self.lifetime / 10)
        connection.execute(
            update(CERTIFICATES)
            .where(CERTIFICATES.c.device == device)
            .where(CERTIFICATES.c.superseded_at.is_(None))
            .values(superseded_at=int(ends.timestamp()))
        )


def _issued(authority: Authority, made: Certificate) -> bytes:
    own = authority.certificate.public_bytes(Encoding.DER)
    return Issued(made.public_bytes(Encoding.DER), (own,)).to_bytes()


def _state(connection: Connection, device: DeviceId) -> State | None:
    query = select(ENROLLED.c.state).where(ENROLLED.c.device == device)
    found = connection.execute(query).scalar_one_or_none()
    return None if found is None else State(found)


def _require_new_tpm(connection: Connection, device: DeviceId, endorsement: str | None) -> None:
    """Pass if no other device has this TPM: a TPM is one device."""
    query = select(ENROLLED.c.device).where(ENROLLED.c.endorsement == endorsement)
    if endorsement is not None and connection.execute(query).first() is not None:
        raise Refused(_fault(Code.CA_TPM, device, "its TPM is another device's already"))


def _entry(connection: Connection, device: DeviceId) -> JsonObject:
    """The device signing key, as an entry of a key table."""
    query = select(ENROLLED.c.key).where(ENROLLED.c.device == device)
    data = bytes(connection.execute(query).scalar_one())
    return an_object(parse_json(data, max_bytes=_MAX_KEY_BYTES), "key")


def _has_a_good_one(connection: Connection, device: DeviceId, now: datetime) -> bool:
    query = (
        select(CERTIFICATES.c.serial)
        .where(CERTIFICATES.c.device == device)
        .where(CERTIFICATES.c.revoked.is_(False))
        .where(CERTIFICATES.c.not_after > int(now.timestamp()))
        .limit(1)
    )
    return connection.execute(query).first() is not None


def _fault(code: Code, device: DeviceId, detail: str) -> FleetFault:
    return FleetFault(code=code, what=device, detail=detail)
