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
class TpmShown:
    """What a device shows of its TPM, and of its signing key in it."""

    certificate: bytes
    """Of the endorsement key, DER."""
    chain: tuple[bytes, ...]
    """Authorities between that certificate and a root, DER."""
    endorsement: bytes
    """The endorsement key's `TPM2B_PUBLIC`."""
    key: bytes
    """The device signing key's `TPM2B_PUBLIC`."""

    def to_json(self) -> JsonObject:
        """Return it as messages bear it."""
        chain: list[JsonValue] = [each.hex() for each in self.chain]
        return {
            "certificate": self.certificate.hex(),
            "chain": chain,
            "endorsement": self.endorsement.hex(),
            "key": self.key.hex(),
        }


@dataclass(frozen=True, slots=True)
class TpmProven:
    """What a device shows of its TPM, and the secret that this TPM has opened."""

    shown: TpmShown
    secret: bytes


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What a new device brings."""

    token: str
    device: DeviceId
    signing_csr: bytes
    """For the device signing key."""
    tls_csr: bytes
    """For the key of its TLS certificate."""
    tpm: TpmProven | None = None
    """None: the signing key is in a file."""

    def to_bytes(self) -> bytes:
        """Return the body of the request; `parse_enrolment` reads it back."""
        return pretty_json(
            {
                "format": FORMAT,
                "token": self.token,
                "device": self.device,
                "signing_csr": self.signing_csr.hex(),
                "tls_csr": self.tls_csr.hex(),
                **(_proven(self.tpm) if self.tpm is not None else {}),
            }
        )


@dataclass(frozen=True, slots=True)
class Activation:
    """What a device asks before it enrols with a TPM: a secret that this TPM alone can open."""

    device: DeviceId
    shown: TpmShown

    def to_bytes(self) -> bytes:
        """Return the body of the request; `parse_activation` reads it back."""
        found: JsonObject = {"format": FORMAT, "device": self.device, "tpm": self.shown.to_json()}
        return pretty_json(found)


@dataclass(frozen=True, slots=True)
class Sealed:
    """The secret, for that TPM: both arguments of TPM2_ActivateCredential."""

    blob: bytes
    secret: bytes

    def to_bytes(self) -> bytes:
        """Return the body of the answer; `parse_sealed` reads it back."""
        return pretty_json({"format": FORMAT, "blob": self.blob.hex(), "secret": self.secret.hex()})


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
    value = parse_json(data, max_bytes=MAX_BYTES)
    members = _SHAPE.members(value, "enrolment", names, optional=("tpm",))
    _SHAPE.a_number(members["format"], "enrolment.format", FORMAT, FORMAT)
    return Enrolment(
        token=_SHAPE.a_text(members["token"], "enrolment.token", MOST_TOKEN_CHARACTERS),
        device=device_id(_SHAPE.a_name(members["device"], "enrolment.device"), "enrolment.device"),
        signing_csr=_der(members["signing_csr"], "enrolment.signing_csr"),
        tls_csr=_der(members["tls_csr"], "enrolment.tls_csr"),
        tpm=_tpm_proven(members["tpm"], "enrolment.tpm") if "tpm" in members else None,
    )


def parse_activation(data: bytes) -> Activation:
    """Read what a device asks before it enrols with a TPM. Raises `Refused`."""
    names = ("format", "device", "tpm")
    members = _SHAPE.members(parse_json(data, max_bytes=MAX_BYTES), "activation", names)
    _SHAPE.a_number(members["format"], "activation.format", FORMAT, FORMAT)
    device = device_id(_SHAPE.a_name(members["device"], "activation.device"), "activation.device")
    return Activation(device, _tpm_shown(members["tpm"], "activation.tpm"))


def parse_sealed(data: bytes) -> Sealed:
    """Read the secret that a TPM is to open. Raises `Refused`."""
    names = ("format", "blob", "secret")
    members = _SHAPE.members(parse_json(data, max_bytes=MAX_BYTES), "sealed", names)
    _SHAPE.a_number(members["format"], "sealed.format", FORMAT, FORMAT)
    return Sealed(_der(members["blob"], "sealed.blob"), _der(members["secret"], "sealed.secret"))


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


def _proven(tpm: TpmProven) -> JsonObject:
    return {"tpm": {**tpm.shown.to_json(), "secret": tpm.secret.hex()}}


def _tpm_shown(value: JsonValue, where: str, *more: str) -> TpmShown:
    names = ("certificate", "chain", "endorsement", "key", *more)
    members = _SHAPE.members(value, where, names)
    return TpmShown(
        _der(members["certificate"], f"{where}.certificate"),
        _SHAPE.a_list(members["chain"], f"{where}.chain", MOST_AUTHORITIES, _der),
        _der(members["endorsement"], f"{where}.endorsement"),
        _der(members["key"], f"{where}.key"),
    )


def _tpm_proven(value: JsonValue, where: str) -> TpmProven:
    shown = _tpm_shown(value, where, "secret")
    secret = _SHAPE.an_object(value, where)["secret"]
    return TpmProven(shown, _SHAPE.some_bytes(secret, f"{where}.secret", CHALLENGE_BYTES))


def _der(value: JsonValue, where: str) -> bytes:
    text = _SHAPE.a_text(value, where, 2 * MOST_DER_BYTES)
    return _SHAPE.some_bytes(text, where, len(text) // 2)


def _require(code: Code, what: str, expected: str, found: str) -> None:
    if found != expected:
        raise Refused(Mismatch(code=code, what=what, expected=expected, found=found))
