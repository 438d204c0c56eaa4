"""How a device gets its certificates: once by a token, then by the key that was enrolled with it.

*Enrolment* brings a one-time token and two certificate signing requests (PKCS #10): one for the
long-lived device signing key, one for the key of its TLS certificates. Both prove possession.
Requests and certificates travel as DER in hexadecimal.

Afterwards a *certificate request* asks for a certificate for a new TLS key. It is signed by the
device signing key and answers a challenge of the server, so it needs neither a certificate that is
still good nor anybody's leave: no device is locked out. What it gets is the server's to decide.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from firmhold.protocol.identity import device_id
from firmhold.trust.device_id import DeviceId
from firmhold.trust.document import Bench, Kind, document_bytes, parse_document
from firmhold.trust.encoding import JsonObject, JsonValue, canonical_json, parse_json, pretty_json
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Mismatch
from firmhold.trust.keys import KeyId, PublicKey
from firmhold.trust.quorum import Holder, Seat
from firmhold.trust.shape import Shape
from firmhold.trust.verified import Verified, seal

FORMAT = 1
TAG = "firmhold certificate request 1"
MAX_BYTES = 65_536
MOST_TOKEN_CHARACTERS = 128
MOST_DER_BYTES = 8192
MOST_AUTHORITIES = 8
CHALLENGE_BYTES = 32

_SHAPE = Shape(Code.PROTOCOL_SHAPE)
KIND = Kind(TAG, MAX_BYTES, _SHAPE, Code.PROTOCOL_TAG)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What a new device brings."""

    token: str
    device: DeviceId
    signing_csr: bytes
    """For the device signing key."""
    tls_csr: bytes
    """For the key of its TLS certificate."""

    def to_bytes(self) -> bytes:
        """Return the body of the request; `parse_enrolment` reads it back."""
        return pretty_json(
            {
                "format": FORMAT,
                "token": self.token,
                "device": self.device,
                "signing_csr": self.signing_csr.hex(),
                "tls_csr": self.tls_csr.hex(),
            }
        )


@dataclass(frozen=True, slots=True)
class Issued:
    """What a device gets: its certificate, and those that it is signed under."""

    certificate: bytes
    authorities: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        """Return the body of the answer; `parse_issued` reads it back."""
        authorities: list[JsonValue] = [each.hex() for each in self.authorities]
        return pretty_json(
            {
                "format": FORMAT,
                "certificate": self.certificate.hex(),
                "authorities": authorities,
            }
        )


@dataclass(frozen=True, slots=True)
class CertificateRequest:
    """What an enrolled device asks for."""

    device: DeviceId
    challenge: bytes
    tls_csr: bytes

    def to_json(self) -> JsonObject:
        """Return the signed part of the document."""
        return {
            "tag": TAG,
            "device": self.device,
            "challenge": self.challenge.hex(),
            "tls_csr": self.tls_csr.hex(),
        }

    @property
    def payload(self) -> bytes:
        """What the device signing key signs."""
        return canonical_json(self.to_json())

    def to_bytes(self, signatures: Iterable[tuple[KeyId, str]]) -> bytes:
        """Return the document with signatures over `payload`."""
        return document_bytes(self.to_json(), signatures)


def parse_enrolment(data: bytes) -> Enrolment:
    """Read what a new device brings. Raises `Refused`."""
    names = ("format", "token", "device", "signing_csr", "tls_csr")
    members = _SHAPE.members(parse_json(data, max_bytes=MAX_BYTES), "enrolment", names)
    _SHAPE.a_number(members["format"], "enrolment.format", FORMAT, FORMAT)
    return Enrolment(
        token=_SHAPE.a_text(members["token"], "enrolment.token", MOST_TOKEN_CHARACTERS),
        device=device_id(_SHAPE.a_name(members["device"], "enrolment.device"), "enrolment.device"),
        signing_csr=_der(members["signing_csr"], "enrolment.signing_csr"),
        tls_csr=_der(members["tls_csr"], "enrolment.tls_csr"),
    )


def parse_issued(data: bytes) -> Issued:
    """Read what a device gets. Raises `Refused`."""
    names = ("format", "certificate", "authorities")
    members = _SHAPE.members(parse_json(data, max_bytes=2 * MAX_BYTES), "issued", names)
    _SHAPE.a_number(members["format"], "issued.format", FORMAT, FORMAT)
    return Issued(
        _der(members["certificate"], "issued.certificate"),
        _SHAPE.a_list(members["authorities"], "issued.authorities", MOST_AUTHORITIES, _der),
    )


def asked_by(data: bytes) -> DeviceId:
    """Return whom a certificate request names: nothing is verified, only looked up."""
    signed = parse_document(data, KIND).signed
    return device_id(_SHAPE.a_name(signed.get("device"), "signed.device"), "signed.device")


def challenge_in(data: bytes) -> bytes:
    """Return what a certificate request says that it answers: nothing is verified."""
    signed = parse_document(data, KIND).signed
    return _SHAPE.some_bytes(signed.get("challenge"), "signed.challenge", CHALLENGE_BYTES)


def verify_request(
    data: bytes, device: DeviceId, key_id: KeyId, key: PublicKey, challenge: bytes
) -> Verified[CertificateRequest]:
    """Return the request in `data`, of the device that was enrolled with `key`.

    1. It is signed by the device signing key.
    2. It names that device.
    3. It answers the challenge that the server gave out.
    """
    document = parse_document(data, KIND)
    # 1. by its own key
    seats = {key_id: Seat(key, Holder(device))}
    bench = Bench("device", "enrolment", 1, seats)
    bench.require_quorum(document, Code.PROTOCOL_SIGNATURE)
    request = _read(document.signed)
    # 2. about itself
    _require(Code.PROTOCOL_OTHER_DEVICE, "device", device, request.device)
    # 3. now
    _require(Code.PROTOCOL_CHALLENGE, "challenge", challenge.hex(), request.challenge.hex())
    return seal(request)


def _read(signed: JsonObject) -> CertificateRequest:
    members = _SHAPE.members(signed, "signed", ("tag", "device", "challenge", "tls_csr"))
    return CertificateRequest(
        device_id(_SHAPE.a_name(members["device"], "signed.device"), "signed.device"),
        _SHAPE.some_bytes(members["challenge"], "signed.challenge", CHALLENGE_BYTES),
        _der(members["tls_csr"], "signed.tls_csr"),
    )


def _der(value: JsonValue, where: str) -> bytes:
    text = _SHAPE.a_text(value, where, 2 * MOST_DER_BYTES)
    return _SHAPE.some_bytes(text, where, len(text) // 2)


def _require(code: Code, what: str, expected: str, found: str) -> None:
    if found != expected:
        raise Refused(Mismatch(code=code, what=what, expected=expected, found=found))
