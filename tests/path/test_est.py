"""EST (RFC 7030): somebody else's device gets certificates, and with them its updates."""

import base64
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import load_der_pkcs7_certificates

from firmhold.fleet.ca.issue import State
from firmhold.protocol import est
from firmhold.protocol.identity import CertificateClass, Identity, read_identity
from firmhold.protocol.problem import parse_problem
from firmhold.sim.caller import Caller, Shown
from firmhold.sim.est_device import EstDevice
from firmhold.sim.fleet import SimFleet
from firmhold.trust.device_id import DeviceId
from firmhold.trust.errors import Code

ASKS = {"Content-Type": est.REQUEST_TYPE}


def basic(device: str, token: str) -> dict[str, str]:
    """The header with a device and its token."""
    text = base64.b64encode(f"{device}:{token}".encode()).decode()
    return {**ASKS, "Authorization": f"Basic {text}"}


def enrol(
    fleet: SimFleet, device: EstDevice, token: str, csr: bytes | None = None
) -> tuple[int, bytes]:
    """Ask the enrolment port for a certificate."""
    body = est.encoded(csr or device.request())
    with Caller(fleet.home.enrolment_port) as caller:
        return caller.ask("POST", est.ENROL, body, basic(device.name, token))


def renew(fleet: SimFleet, shown: Shown, csr: bytes) -> tuple[int, bytes]:
    """Ask the device port for the next certificate."""
    with Caller(fleet.home.device_port, shown) as caller:
        return caller.ask("POST", est.RENEW, est.encoded(csr), ASKS)


def issued(answer: tuple[int, bytes]) -> x509.Certificate:
    """The certificate in a good answer."""
    status, body = answer
    assert status == 200, body
    (certificate,) = load_der_pkcs7_certificates(base64.b64decode(body))
    return certificate


def named(certificate: x509.Certificate) -> Identity:
    """Whom a certificate names, and in which class."""
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    (name,) = names.get_values_for_type(x509.UniformResourceIdentifier)
    return read_identity(name)


def code_of(answer: tuple[int, bytes]) -> str:
    """The code of a refusal."""
    assert answer[0] in {400, 403}, answer
    return parse_problem(answer[1]).code


@pytest.fixture(name="device")
def _device() -> EstDevice:
    """A device of somebody else's making."""
    return EstDevice("camera-7")


def test_a_device_enrols_asks_and_renews(
    fleet: SimFleet, device: EstDevice, tmp_path: Path
) -> None:
    """A token, then a certificate; with that it is let in, and gets the next one for a new key."""
    token = fleet.invite(device.name).token
    first = issued(enrol(fleet, device, token))
    assert named(first) == Identity(DeviceId(device.name), CertificateClass.FULL)
    assert first.public_key() == device.tls.public_key()
    shown = Shown.keep(tmp_path, first, device.tls)
    with Caller(fleet.home.device_port, shown) as caller:
        assert caller.ask("GET", "/v1/director/timestamp.json")[0] == 200

    device.tls = ec.generate_private_key(ec.SECP256R1())
    second = issued(renew(fleet, shown, device.request()))
    assert named(second) == named(first)
    assert second.public_key() == device.tls.public_key()
    (tmp_path / "second").mkdir()
    with Caller(
        fleet.home.device_port, Shown.keep(tmp_path / "second", second, device.tls)
    ) as caller:
        assert caller.ask("GET", "/v1/director/timestamp.json")[0] == 200


def test_an_outside_tool_reads_what_is_answered(fleet: SimFleet, tmp_path: Path) -> None:
    """OpenSSL finds the authority in `cacerts`, and what is wanted in `csrattrs`."""
    tool = shutil.which("openssl")
    assert tool is not None
    with Caller(fleet.home.enrolment_port) as caller:
        _, authorities = caller.ask("GET", est.CA_CERTIFICATES)
        _, attributes = caller.ask("GET", est.ATTRIBUTES)
    (tmp_path / "ca.p7").write_bytes(base64.b64decode(authorities))
    (tmp_path / "attributes").write_bytes(base64.b64decode(attributes))
    shown = subprocess.run(  # noqa: S603 - own words
        [tool, "pkcs7", "-inform", "DER", "-in", tmp_path / "ca.p7", "-print_certs"],
        check=True,
        capture_output=True,
    )
    assert fleet.home.authority.read_bytes().strip() in shown.stdout
    parsed = subprocess.run(  # noqa: S603 - own words
        [tool, "asn1parse", "-inform", "DER", "-in", tmp_path / "attributes"],
        check=True,
        capture_output=True,
        text=True,
    )
    for word in (est.SIGNING_REQUEST, "id-ecPublicKey", "prime256v1", "ecdsa-with-SHA256"):
        assert word in parsed.stdout


def test_nobody_enrols_without_a_token(fleet: SimFleet, device: EstDevice) -> None:
    """Without one it is asked for; with a wrong or a used one nothing is issued."""
    body = est.encoded(device.request())
    with Caller(fleet.home.enrolment_port) as caller:
        assert caller.ask("POST", est.ENROL, body, ASKS)[0] == 401
        for header in ("Basic", "Basic !", "Bearer x", "Basic " + base64.b64encode(b"x").decode()):
            asked = {**ASKS, "Authorization": header}
            assert code_of(caller.ask("POST", est.ENROL, body, asked)) == Code.PROTOCOL_SHAPE
    token = fleet.invite(device.name).token
    assert code_of(enrol(fleet, device, "guessed")) == Code.CA_TOKEN
    issued(enrol(fleet, device, token))
    assert code_of(enrol(fleet, EstDevice(device.name), token)) == Code.CA_TOKEN


def other_requests(device: EstDevice) -> dict[str, bytes]:
    """Requests that are not what EST asks for here."""
    other, whole = EstDevice("another"), device.request()
    name = x509.Name([])
    plain = x509.CertificateSigningRequestBuilder(name).sign(device.tls, SHA256())
    return {
        "no signing key's": plain.public_bytes(Encoding.DER),
        "one that names another TLS key": device.request(device.signing_request(other.tls)),
        "one that names nothing": device.request(plain.public_bytes(Encoding.DER)),
        "text in its place": device.request(b"text"),
        "altered": whole[:-1] + bytes([whole[-1] ^ 1]),
        "more behind it": whole + b"\0",
        "nothing": b"\x30\x00",
    }


@pytest.mark.parametrize("which", other_requests(EstDevice("x")))
def test_a_request_bears_both_keys_strictly(fleet: SimFleet, device: EstDevice, which: str) -> None:
    """PKCS #10 in one encoding, signed by each key, the one naming the other; the token is kept."""
    token = fleet.invite(device.name).token
    assert code_of(enrol(fleet, device, token, other_requests(device)[which])) == Code.CA_REQUEST
    issued(enrol(fleet, device, token))


def test_a_body_is_base64_of_its_type(fleet: SimFleet, device: EstDevice) -> None:
    """Another type, or bytes that are no base64, are refused before they are looked at."""
    token = fleet.invite(device.name).token
    headers = basic(device.name, token)
    with Caller(fleet.home.enrolment_port) as caller:
        plain = {**headers, "Content-Type": "text/plain"}
        body = est.encoded(device.request())
        assert code_of(caller.ask("POST", est.ENROL, body, plain)) == Code.CA_REQUEST
        for other in (b"!!!!", b"abc", device.request()):
            assert code_of(caller.ask("POST", est.ENROL, other, headers)) == Code.PROTOCOL_SHAPE


def test_a_renewal_is_of_the_signing_key_that_enrolled(
    fleet: SimFleet, device: EstDevice, tmp_path: Path
) -> None:
    """Who has the certificate and its key, and not the signing key, gets no other."""
    first = issued(enrol(fleet, device, fleet.invite(device.name).token))
    shown = Shown.keep(tmp_path, first, device.tls)
    thief = EstDevice(device.name)
    assert code_of(renew(fleet, shown, thief.request())) == Code.CA_DEVICE


def test_what_is_thought_of_a_device_counts_here_too(
    fleet: SimFleet, device: EstDevice, tmp_path: Path
) -> None:
    """In quarantine its certificate is taken from it; revoked it is nobody."""
    first = issued(enrol(fleet, device, fleet.invite(device.name).token))
    shown = Shown.keep(tmp_path, first, device.tls)
    with fleet.operator("ca") as ca:
        ca.post(f"/devices/{device.name}/state", {"state": State.REVOKED.value})
    assert code_of(renew(fleet, shown, device.request())) == Code.GATEWAY_REVOKED
