"""Small readers of what others name: certificates, names in a spool, names in a site."""

import hashlib
import json
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import create_engine

from firmhold.device.fetch.certificate import read_certificate
from firmhold.device.fetch.config import FetchConfig, parse_fetch_config
from firmhold.device.fetch.spool import Spool
from firmhold.device.fetch.tls import Authorised, require_current
from firmhold.fleet.gateway.files import Files
from firmhold.sim.caller import described
from firmhold.sim.owner import tls_key
from firmhold.trust.errors import Code, Refused

KEY = tls_key("server")
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


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


def test_a_certificate_that_ended_before_the_floor_is_refused() -> None:
    """The system's clock decides nothing; a time that has passed for certain does."""
    end = datetime(2030, 1, 1, tzinfo=UTC)
    der = certificate(end)
    assert require_current("here", der, end) == read_certificate(der).key_sha256
    with pytest.raises(Refused) as caught:
        require_current("here", der, end + timedelta(seconds=1))
    assert caught.value.code is Code.FETCH_CERTIFICATE
    with pytest.raises(Refused) as caught:
        require_current("here", b"", end)
    assert caught.value.code is Code.FETCH_CERTIFICATE


def test_a_configuration_of_before_there_were_more_authorities_is_read() -> None:
    """A device that is updated has its own file of before."""
    config = FetchConfig("updates", 1, 2, (bytes(32), bytes([1]) * 32), NOON, (), 9, ("PEM",))
    assert parse_fetch_config(config.to_bytes()) == config
    before = json.loads(config.to_bytes())
    del before["authorities"]
    assert parse_fetch_config(json.dumps(before).encode()) == replace(config, authorities=())


def test_the_half_with_the_network_speaks_nothing_older_than_tls_1_3() -> None:
    """To a payload server as to the gateway, whatever the other side would accept."""
    authority = x509.load_der_x509_certificate(certificate(datetime(2100, 1, 1, tzinfo=UTC)))
    pem = authority.public_bytes(Encoding.PEM).decode()
    meant = Authorised((pem,), datetime(1970, 1, 1, tzinfo=UTC))
    assert meant.context().minimum_version is ssl.TLSVersion.TLSv1_3
    assert meant.context().verify_mode is ssl.CERT_REQUIRED
    assert meant.context().check_hostname
    assert not meant.context().hostname_checks_common_name


NAMES = (
    "",
    "metadata",
    "other/name",
    "metadata/",
    "metadata/../device.json",
    "metadata/./x",
    "metadata//x",
    "/metadata/x",
    "../metadata/x",
    "metadata/x\0y",
    "metadata/" + "x" * 256,
    "metadata/\ud800",
    "metadata/.unfinished",
)


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_no_name_leads_out_of_the_spool(tmp_path: Path, name: str) -> None:
    """Whatever the other half asks for, it is a file in one of four folders, or refused."""
    spool = Spool(tmp_path / "spool", 1 << 20)
    with pytest.raises(Refused) as caught:
        spool.put(name, b"x")
    assert caught.value.code is Code.FETCH_URL
    with pytest.raises(Refused):
        spool.drop(name)
    assert not [place for place in tmp_path.rglob("*") if place.is_file()]


@pytest.mark.parametrize("path", ["../secret", "a/../../secret", "/etc/hostname", "link", "\0"])
def test_no_name_leads_out_of_the_published_site(tmp_path: Path, path: str) -> None:
    """A gateway serves what lies below one folder, and no link out of it."""
    site = tmp_path / "site"
    (site / "targets").mkdir(parents=True)
    (site / "secret").write_bytes(b"secret")
    (site / "targets" / "link").symlink_to(site / "secret")
    files = Files(site, tmp_path, create_engine("sqlite://"))
    with pytest.raises(Refused) as caught:
        files.published("targets", path)
    assert caught.value.code is Code.GATEWAY_NOT_FOUND


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
