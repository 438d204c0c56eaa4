"""Whether a TPM is one that its maker vouches for: its endorsement certificate, up to a root.

The roots, and intermediate authorities beside them, stand in the trust settings (`ek_roots`). In
order (TCG EK Credential Profile 2.x):

1. the certificate is for the endorsement key that the device shows;
2. it is an end's, not an authority's;
3. it was issued, step by step, by authorities that may issue, up to one of the settings';
4. none of them is out of date.
"""

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from firmhold.trust.attestation.tpm_public import TpmPublic
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Mismatch
from firmhold.trust.verified import Verified, seal

MAX_BYTES = 8192
MOST_STEPS = 4


def verify_endorsement(
    certificate: bytes,
    chain: Sequence[bytes],
    endorsement: TpmPublic,
    roots: Sequence[bytes],
    now: datetime,
) -> Verified[TpmPublic]:
    """Return the endorsement key, believed to be one that a maker put into a TPM.

    `certificate` is that of the key, `chain` the authorities that the device brings, `roots` those
    of the trust settings, all DER. Raises `Refused` (`attestation.endorsement`).
    """
    shown = _read(certificate)
    # 1. of this key
    if _spki(shown) != _public(endorsement):
        raise _refusal("key", "the endorsement key that was shown", "another one")
    # 2. of an end
    if _is_authority(shown):
        raise _refusal("certificate", "one of an end", "one of an authority")
    # 3. up to the settings, 4. of today
    _climb(shown, [_read(each) for each in chain], [_read(each) for each in roots], now)
    return seal(endorsement)


def _climb(
    certificate: x509.Certificate,
    brought: Sequence[x509.Certificate],
    trusted: Sequence[x509.Certificate],
    now: datetime,
) -> None:
    for _ in range(MOST_STEPS):
        _require_of_today(certificate, now)
        root = _issuer(certificate, trusted)
        if root is not None:
            _require_of_today(root, now)
            return
        issuer = _issuer(certificate, brought)
        if issuer is None:
            raise _refusal("issuer", "an authority of the settings", "somebody else")
        certificate = issuer
    raise _refusal("chain", f"at most {MOST_STEPS} steps", "more")


def _require_of_today(certificate: x509.Certificate, now: datetime) -> None:
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise _refusal("certificate", "one of today", "one that is out of date")


def _issuer(
    certificate: x509.Certificate, authorities: Sequence[x509.Certificate]
) -> x509.Certificate | None:
    """Return which of these authorities has issued a certificate."""
    for authority in authorities:
        try:
            certificate.verify_directly_issued_by(authority)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            continue
        if _is_authority(authority):
            return authority
    return None


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        found = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except (x509.ExtensionNotFound, ValueError):
        return False
    return bool(found.value.ca)


def _read(der: bytes) -> x509.Certificate:
    if len(der) > MAX_BYTES:
        raise _refusal("certificate", f"at most {MAX_BYTES} bytes", f"{len(der)}")
    try:
        return x509.load_der_x509_certificate(der)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _refusal("certificate", "one in DER", "something else") from error


def _spki(certificate: x509.Certificate) -> bytes:
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _refusal("key", "one that can be read", "another kind") from error
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _public(key: TpmPublic) -> bytes:
    return key.key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _refusal(what: str, expected: str, found: str) -> Refused:
    code = Code.ATTESTATION_ENDORSEMENT
    return Refused(Mismatch(code=code, what=what, expected=expected, found=found))
