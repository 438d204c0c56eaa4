"""Row 61: certificates that are none, of others, of another time, use or name; older TLS."""

import http.client
import ssl
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID

from firmhold.fleet.ca.authority import Authority, make_authority
from firmhold.fleet.ca.issue import State
from firmhold.pkix.borrowed import public_half, sign_certificate
from firmhold.protocol.check_in import Known, Question
from firmhold.protocol.identity import CertificateClass, Identity
from firmhold.protocol.paths import CHECK_IN
from firmhold.protocol.problem import parse_problem
from firmhold.sim.caller import Caller, PrivateKey, Shown, described
from firmhold.sim.fleet import SimFleet
from firmhold.sim.owner import tls_key
from firmhold.sim.signer import sim_signer
from firmhold.trust.device_id import DeviceId
from firmhold.trust.errors import Code

QUESTION = Question(bytes(32), Known(1), Known(1)).to_bytes()
ME = "camera-1"
LEAF = x509.BasicConstraints(ca=False, path_length=None)


def own(fleet: SimFleet) -> Authority:
    """The authority of the fleet, stolen for the test."""
    certificate = x509.load_pem_x509_certificate(fleet.home.authority.read_bytes())
    return Authority(sim_signer("ca"), certificate)


def bent(
    fleet: SimFleet,
    key: PrivateKey,
    names: list[x509.GeneralName] | None = None,
    usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.CLIENT_AUTH,
    begins: timedelta = timedelta(0),
    serial: int | None = None,
) -> x509.Certificate:
    """A certificate that the authority has signed and a device should not have."""
    authority = own(fleet)
    identity = Identity(DeviceId(ME), CertificateClass.FULL)
    given = [x509.UniformResourceIdentifier(identity.uri)] if names is None else names
    builder = described(key, fleet.clock.now() + begins, serial=serial)
    builder = builder.issuer_name(authority.certificate.subject)
    builder = builder.add_extension(LEAF, critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(public_half(authority.key))
    builder = builder.add_extension(issuer, critical=False)
    subject = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = builder.add_extension(subject, critical=False)
    if given:
        builder = builder.add_extension(x509.SubjectAlternativeName(given), critical=True)
    return sign_certificate(authority.key, builder)


def foreign(fleet: SimFleet, key: PrivateKey) -> x509.Certificate:
    """One of another authority of the same name."""
    thief, now = sim_signer("thief"), fleet.clock.now()
    authority = Authority(thief, make_authority(thief, "test devices", now))
    identity = Identity(DeviceId(ME), CertificateClass.FULL)
    assert not isinstance(key, rsa.RSAPrivateKey)
    return authority.for_device(identity, key.public_key(), now, timedelta(days=1))


def self_signed(fleet: SimFleet, key: PrivateKey) -> x509.Certificate:
    """One that nobody else stands for."""
    builder = described(key, fleet.clock.now()).issuer_name(x509.Name([]))
    return builder.sign(key, SHA256())


def uri(text: str) -> list[x509.GeneralName]:
    """One name."""
    return [x509.UniformResourceIdentifier(text)]


REFUSED_BY_TLS: dict[str, Callable[[SimFleet, PrivateKey], x509.Certificate]] = {
    "another authority's": foreign,
    "self-signed": self_signed,
    "expired": lambda fleet, key: bent(fleet, key, begins=timedelta(days=-2)),
    "not yet valid": lambda fleet, key: bent(fleet, key, begins=timedelta(days=2)),
    "for servers": lambda fleet, key: bent(fleet, key, usage=ExtendedKeyUsageOID.SERVER_AUTH),
    "without a name": lambda fleet, key: bent(fleet, key, []),
    "of a weak key": bent,
}

REFUSED_BY_NAME: dict[str, list[x509.GeneralName]] = {
    "a host's name": [x509.DNSName(ME)],
    "two names": [*uri(f"urn:firmhold:full:{ME}"), *uri("urn:firmhold:full:camera-2")],
    "a class that there is not": uri(f"urn:firmhold:root:{ME}"),
    "another scheme": uri(f"https://firmhold/full/{ME}"),
}


@pytest.fixture(name="honest")
def _honest(fleet: SimFleet) -> Shown:
    """What a device that has enrolled shows: it is let in."""
    device = fleet.device(ME)
    shown = Shown.of_device(device.state)
    with Caller(fleet.home.device_port, shown) as caller:
        assert caller.ask("POST", CHECK_IN, QUESTION)[0] == 200
    return shown


def refused(fleet: SimFleet, shown: Shown | None) -> bool:
    """Whether somebody who shows this is refused before his first request is read."""
    with Caller(fleet.home.device_port, shown) as caller:
        try:
            caller.ask("POST", CHECK_IN, QUESTION)
        except (ssl.SSLError, ConnectionError, http.client.RemoteDisconnected):
            return True
    return False


def code_for(fleet: SimFleet, shown: Shown, path: str = CHECK_IN) -> str:
    """The code of the problem with which a request is refused."""
    with Caller(fleet.home.device_port, shown) as caller:
        status, body = caller.ask("POST", path, QUESTION)
    assert status == 403
    return parse_problem(body).code


@pytest.mark.parametrize("case", ["none", *REFUSED_BY_TLS])
def test_whoever_shows_no_good_certificate_is_refused_in_the_handshake(
    fleet: SimFleet, honest: Shown, tmp_path: Path, case: str
) -> None:
    """None, foreign, self-signed, of another time or use, of a weak key: nothing is read."""
    shown = None
    if case != "none":
        key: PrivateKey = tls_key(ME)
        if case == "of a weak key":
            key = rsa.generate_private_key(65_537, 1024)  # noqa: S505 - weak by intent
        shown = Shown.keep(tmp_path, REFUSED_BY_TLS[case](fleet, key), key)
    assert refused(fleet, shown)
    assert not refused(fleet, honest)


@pytest.mark.parametrize("case", REFUSED_BY_NAME)
def test_a_certificate_that_names_no_device_lets_nobody_in(
    fleet: SimFleet, honest: Shown, tmp_path: Path, case: str
) -> None:
    """Signed by the authority, and still nobody's: no route answers."""
    key = tls_key(ME)
    shown = Shown.keep(tmp_path, bent(fleet, key, REFUSED_BY_NAME[case]), key)
    assert code_for(fleet, shown) in {Code.GATEWAY_CERTIFICATE, Code.PROTOCOL_IDENTITY}
    assert not refused(fleet, honest)


def test_a_certificate_that_the_server_has_not_issued_lets_nobody_in(
    fleet: SimFleet, honest: Shown, tmp_path: Path
) -> None:
    """A thief of the authority's key alone makes certificates that nobody has written down."""
    key = tls_key(ME)
    shown = Shown.keep(tmp_path, bent(fleet, key), key)
    assert code_for(fleet, shown) == Code.GATEWAY_REVOKED
    assert not refused(fleet, honest)


def test_a_stolen_authority_cannot_copy_what_was_issued(
    fleet: SimFleet, honest: Shown, tmp_path: Path
) -> None:
    """With its key, and the serial number of a certificate that is good, a thief is still out."""
    known = x509.load_pem_x509_certificate(honest.certificate.read_bytes())
    key = tls_key("thief")
    copied = bent(fleet, key, serial=known.serial_number)
    assert copied.serial_number == known.serial_number
    shown = Shown.keep(tmp_path, copied, key)
    assert code_for(fleet, shown) == Code.GATEWAY_REVOKED


def test_a_certificate_for_another_key_is_none(
    fleet: SimFleet, honest: Shown, tmp_path: Path
) -> None:
    """Whoever has copied a certificate from the wire has not its key."""
    other = Shown.keep(tmp_path, bent(fleet, tls_key("thief")), tls_key("thief"))
    with pytest.raises(ssl.SSLError):
        Caller(fleet.home.device_port, Shown(honest.certificate, other.key)).connect()


def test_a_revoked_certificate_ends_an_open_connection_too(fleet: SimFleet, honest: Shown) -> None:
    """Revoked between two requests of one connection: the second one is refused."""
    with Caller(fleet.home.device_port, honest) as caller:
        assert caller.ask("POST", CHECK_IN, QUESTION)[0] == 200
        with fleet.operator("ca") as ca:
            ca.post(f"/devices/{ME}/state", {"state": State.REVOKED.value})
        status, body = caller.ask("POST", CHECK_IN, QUESTION)
    assert (status, parse_problem(body).code) == (403, Code.GATEWAY_REVOKED)
    assert code_for(fleet, honest) == Code.GATEWAY_REVOKED


def test_nothing_older_than_tls_1_3_is_spoken(fleet: SimFleet, honest: Shown) -> None:
    """A client that is made to speak an older version is not answered, on either port."""
    for port in (fleet.home.device_port, fleet.home.enrolment_port):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            Caller(port, honest, newest=ssl.TLSVersion.TLSv1_2).connect()


def test_no_session_is_resumed(fleet: SimFleet, honest: Shown) -> None:
    """Each connection shows its certificate anew: nobody gets a ticket to come back by."""
    with Caller(fleet.home.device_port, honest) as caller:
        line = caller.connect()
        assert caller.ask("POST", CHECK_IN, QUESTION)[0] == 200
        assert line.session is None or not line.session.has_ticket
