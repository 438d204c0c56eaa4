"""Whether a device's signing key is in a TPM: what it shows, and what its TPM alone could open.

First the device shows its TPM's endorsement key, with the certificate of the maker, and its signing
key; it gets a secret that opens in that TPM while that key is in it. It enrols with the secret. The
secret says by itself for whom it was made, so nothing is kept in between.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from firmhold.fleet.ca.credential import make_credential
from firmhold.fleet.nonces import Nonces
from firmhold.pkix.public import entry_of, spki_sha256
from firmhold.protocol.enrolment import Activation, Enrolment, Sealed, TpmShown
from firmhold.trust.attestation.endorsement import verify_endorsement
from firmhold.trust.attestation.tpm_public import TpmPublic, parse_public
from firmhold.trust.device_id import DeviceId
from firmhold.trust.encoding import JsonObject
from firmhold.trust.errors import Code, Refused
from firmhold.trust.outer_faults import FleetFault
from firmhold.trust.verified import Verified

Roots = Callable[[], Sequence[bytes]]
"""The makers' roots that the trust settings name today, DER."""


@dataclass(frozen=True, slots=True)
class Hardware:
    """Judges TPMs."""

    roots: Roots
    nonces: Nonces

    def challenge(self, asked: Activation, now: datetime) -> Sealed:
        """Return a secret for the TPM that is shown. Raises `Refused`."""
        endorsement, key = self._judged(asked.shown, asked.device, now)
        secret = self.nonces.make(_purpose(asked.device, endorsement.value, key), now)
        made = make_credential(endorsement.value, key.name, secret)
        return Sealed(made.blob, made.secret)

    def proven(self, asked: Enrolment, entry: JsonObject, now: datetime) -> str | None:
        """Return the SHA-256 of the endorsement key behind a signing key; None: it is in a file.

        1. the TPM is of a maker whom the settings name, and the key may do nothing but sign;
        2. the secret was made for this device, this TPM and this key, a moment ago;
        3. it is the key that is being enrolled.
        """
        if asked.tpm is None:
            return None
        # 1. a TPM, and a key that cannot leave it
        endorsement, key = self._judged(asked.tpm.shown, asked.device, now)
        # 2. this TPM holds this key
        purpose = _purpose(asked.device, endorsement.value, key)
        if not self.nonces.good(asked.tpm.secret, purpose, now):
            raise _refusal(asked.device, "the secret is not the one that was made for it")
        # 3. the key that is enrolled
        if _entry(key) != entry:
            raise _refusal(asked.device, "another key is in the TPM than the one that enrols")
        return _digest(endorsement.value)

    def _judged(
        self, shown: TpmShown, device: DeviceId, now: datetime
    ) -> tuple[Verified[TpmPublic], TpmPublic]:
        own, key = parse_public(shown.endorsement), parse_public(shown.key)
        endorsement = verify_endorsement(shown.certificate, shown.chain, own, self.roots(), now)
        if not key.signs_for_its_tpm_alone:
            raise _refusal(device, "a signing key that could leave its TPM, or does more than sign")
        return endorsement, key


def _purpose(device: DeviceId, endorsement: TpmPublic, key: TpmPublic) -> str:
    return f"tpm {device} {_digest(endorsement)} {key.name.hex()}"


def _digest(endorsement: TpmPublic) -> str:
    return spki_sha256(endorsement.key).hex()


def _entry(key: TpmPublic) -> JsonObject | None:
    """The key as an entry of a key table; None for a kind that signs no reports."""
    return entry_of(key.key) if isinstance(key.key, EllipticCurvePublicKey) else None


def _refusal(device: DeviceId, detail: str) -> Refused:
    return Refused(FleetFault(code=Code.CA_TPM, what=device, detail=detail))
