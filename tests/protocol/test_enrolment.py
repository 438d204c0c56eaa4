"""A certificate request counts for the device that signed it, for itself, now."""

from dataclasses import dataclass

import pytest

from firmhold.protocol.enrolment import (
    CertificateRequest,
    asked_by,
    challenge_in,
    verify_request,
)
from firmhold.sim.owner import SimOwner
from firmhold.sim.signer import sim_signer
from firmhold.trust.device_id import DeviceId
from firmhold.trust.document import document_bytes
from firmhold.trust.encoding import JsonObject, canonical_json
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Malformed
from firmhold.trust.keys import parse_public_key

CHALLENGE = bytes([7] * 32)
OWNER = SimOwner(DeviceId("camera-7"))
OTHER = SimOwner(DeviceId("camera-8"))


@dataclass(frozen=True)
class Bent:
    """A request that is wrong in one way."""

    data: bytes
    code: Code


def verified(data: bytes) -> CertificateRequest:
    """What the server takes from a request of the device `camera-7`."""
    key = parse_public_key(OWNER.signer.entry)
    assert key is not None
    return verify_request(data, OWNER.device, OWNER.signer.key_id, key, CHALLENGE).value


def test_an_honest_request_is_taken() -> None:
    """It names the device, answers the challenge, and brings its request unchanged."""
    honest = CertificateRequest(OWNER.device, CHALLENGE, OWNER.tls_csr)
    data = honest.to_bytes([(OWNER.signer.key_id, OWNER.signer.sign(honest.payload))])
    assert verified(data) == honest
    assert asked_by(data) == OWNER.device
    assert challenge_in(data) == CHALLENGE


def _signed(device: str, challenge: bytes, signer: str | None = None) -> bytes:
    asked = CertificateRequest(DeviceId(device), challenge, OWNER.tls_csr)
    key = OWNER.signer if signer is None else sim_signer(signer)
    return asked.to_bytes([(key.key_id, key.sign(asked.payload))])


BENT = {
    "signed by another key": Bent(
        _signed("camera-7", CHALLENGE, "a stranger"), Code.PROTOCOL_SIGNATURE
    ),
    "signed by nobody": Bent(
        CertificateRequest(OWNER.device, CHALLENGE, OWNER.tls_csr).to_bytes([]),
        Code.PROTOCOL_SIGNATURE,
    ),
    "about another device": Bent(_signed("camera-8", CHALLENGE), Code.PROTOCOL_OTHER_DEVICE),
    "an older answer": Bent(_signed("camera-7", bytes(32)), Code.PROTOCOL_CHALLENGE),
    "no request": Bent(b"{}", Code.PROTOCOL_SHAPE),
    "another document of the device": Bent(
        _signed("camera-7", CHALLENGE).replace(b"certificate request", b"version manifest"),
        Code.PROTOCOL_TAG,
    ),
}


@pytest.mark.parametrize("bent", BENT.values(), ids=BENT)
def test_a_request_with_one_thing_wrong_is_refused_for_it(bent: Bent) -> None:
    """Each check has its own code."""
    with pytest.raises(Refused) as caught:
        verified(bent.data)
    assert caught.value.code is bent.code


PLACES = {
    "device": ("camera 7", "signed.device"),
    "challenge": ("ab", "signed.challenge"),
    "tls_csr": ("xy", "signed.tls_csr"),
    "tea": ("green", "signed.tea"),
}


@pytest.mark.parametrize("member", PLACES)
def test_a_signed_request_that_is_no_request_is_refused_at_its_place(member: str) -> None:
    """Its own key signed nonsense: the refusal names the member, whoever reads it first."""
    value, place = PLACES[member]
    honest = CertificateRequest(OWNER.device, CHALLENGE, OWNER.tls_csr).to_json()
    asked: JsonObject = {**honest, member: value}
    signature = OWNER.signer.sign(canonical_json(asked))
    data = document_bytes(asked, [(OWNER.signer.key_id, signature)])
    also = {"device": asked_by, "challenge": challenge_in}.get(member, verified)
    for read in (verified, also):
        with pytest.raises(Refused) as caught:
            read(data)
        assert isinstance(caught.value.fault, Malformed)
        assert caught.value.fault.where == place


@pytest.mark.parametrize("member", ["device", "challenge", "tls_csr"])
def test_a_changed_request_was_signed_by_nobody(member: str) -> None:
    """Whatever is changed after the signature, the signature is not over it."""
    asked = CertificateRequest(OWNER.device, CHALLENGE, OWNER.tls_csr)
    signatures = [(OWNER.signer.key_id, OWNER.signer.sign(asked.payload))]
    changed = {
        "device": CertificateRequest(OTHER.device, CHALLENGE, asked.tls_csr),
        "challenge": CertificateRequest(OWNER.device, bytes(32), asked.tls_csr),
        "tls_csr": CertificateRequest(OWNER.device, CHALLENGE, OTHER.tls_csr),
    }[member]
    with pytest.raises(Refused) as caught:
        verified(changed.to_bytes(signatures))
    assert caught.value.code is Code.PROTOCOL_SIGNATURE
