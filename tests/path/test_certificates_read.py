"""The few lines that read a certificate say what a whole library says, and choke on nothing."""

import hashlib
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from firmhold.device.fetch.certificate import read_certificate
from firmhold.sim.caller import described
from firmhold.sim.owner import tls_key

KEY = tls_key("server")


def certificate(end: datetime) -> bytes:
    """A certificate that ends then (DER)."""
    builder = described(KEY, end - timedelta(days=1)).issuer_name(x509.Name([]))
    return builder.sign(KEY, SHA256()).public_bytes(Encoding.DER)


@pytest.mark.parametrize("year", [1951, 1999, 2000, 2049, 2050, 2100, 9000])
def test_end_and_key_are_those_that_the_library_finds(year: int) -> None:
    """Both forms of dates, in every century."""
    der = certificate(datetime(year, 5, 6, 7, 8, 9, tzinfo=UTC))
    shown = read_certificate(der)
    found = x509.load_der_x509_certificate(der)
    assert shown.not_after == found.not_valid_after_utc
    key = found.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert shown.key_sha256 == hashlib.sha256(key).digest()


def test_what_is_no_certificate_is_told() -> None:
    """Cut anywhere, or with a byte changed: an answer or a `ValueError`, and nothing else."""
    der, chance = certificate(datetime(2030, 1, 1, tzinfo=UTC)), Random(5)
    spoilt = [der[:length] for length in range(len(der))]
    for _ in range(3000):
        place = chance.randrange(len(der))
        spoilt.append(der[:place] + bytes([chance.randrange(256)]) + der[place + 1 :])
    refused = 0
    for each in spoilt:
        try:
            read_certificate(each)
        except ValueError:
            refused += 1
    assert refused > len(der) - 2
