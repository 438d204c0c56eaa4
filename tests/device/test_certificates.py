"""A device's TLS certificate: when it is renewed, and what counts as having one."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from firmhold.device.certificates import due, over, whole_identity
from firmhold.fleet.ca.authority import Authority, make_authority
from firmhold.protocol.identity import CertificateClass, Identity
from firmhold.sim.signer import sim_signer
from firmhold.trust.device_id import DeviceId

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
KEY = ec.generate_private_key(ec.SECP256R1())
LIVES = [timedelta(hours=1), timedelta(days=7), timedelta(days=90)]


def issued(life: timedelta, key: ec.EllipticCurvePrivateKey = KEY) -> x509.Certificate:
    """A certificate that was issued at noon."""
    signer = sim_signer("ca")
    authority = Authority(signer, make_authority(signer, "test", NOON))
    identity = Identity(DeviceId("camera-1"), CertificateClass.FULL)
    return authority.for_device(identity, key.public_key(), NOON, life)


def pem(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> bytes:
    """A certificate's file, with a key."""
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private + certificate.public_bytes(Encoding.PEM)


@pytest.mark.parametrize("life", LIVES, ids=str)
def test_a_certificate_is_renewed_at_about_half_its_life(life: timedelta) -> None:
    """Never before 45 and always after 55 parts of a hundred: there is time left to try again."""
    certificate = issued(life)
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    assert not due(certificate, begin + (end - begin) * 0.449)
    assert due(certificate, begin + (end - begin) * 0.551)
    assert not over(certificate, end)
    assert over(certificate, end + timedelta(seconds=1))


def test_devices_that_were_enrolled_together_do_not_come_together() -> None:
    """Of many certificates of one moment about half are due when half of their life is over."""
    made = [issued(timedelta(days=7)) for _ in range(200)]
    begin, end = made[0].not_valid_before_utc, made[0].not_valid_after_utc
    shares = [
        sum(due(each, begin + (end - begin) * part) for each in made) / len(made)
        for part in (0.47, 0.5, 0.53)
    ]
    assert 0.05 < shares[0] < shares[1] < shares[2] < 0.95
    assert 0.3 < shares[1] < 0.7


def test_a_certificate_counts_with_its_own_key() -> None:
    """Another key, half a file, or none of both: the device has no identity, and gets one anew."""
    certificate = issued(timedelta(days=7))
    good = pem(certificate, KEY)
    assert whole_identity(good) == certificate
    other = ec.generate_private_key(ec.SECP256R1())
    for spoilt in (
        pem(certificate, other),
        certificate.public_bytes(Encoding.PEM),
        good[: len(good) // 2],
        b"",
        b"\0" * 500,
    ):
        assert whole_identity(spoilt) is None
