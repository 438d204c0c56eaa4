"""Who gets a certificate: by a token once, then by the device's own key; and of which class."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from sqlalchemy import Engine, func, select
from tests.fleet.conftest import NOW

from firmhold.fleet.ca.issue import LIFETIME, Desk, State
from firmhold.fleet.nonces import LIFETIME as CHALLENGE_LIFETIME
from firmhold.fleet.tables import CERTIFICATES, ENROLLED, TOKENS
from firmhold.pkix.borrowed import public_half
from firmhold.protocol.enrolment import Enrolment, parse_enrolment, parse_issued
from firmhold.protocol.identity import CertificateClass, Identity, read_identity
from firmhold.sim.owner import SimOwner
from firmhold.trust.device_id import DeviceId
from firmhold.trust.errors import Code, FirmholdError, Misuse, Refused

CAMERA = DeviceId("camera-7")
DAY = timedelta(days=1)


@pytest.fixture(name="owner")
def _owner() -> SimOwner:
    """The keys of one camera."""
    return SimOwner(CAMERA)


def code_of(act: Callable[[], object]) -> Code:
    """The code with which something is refused."""
    with pytest.raises(FirmholdError) as error:
        act()
    return error.value.code


def certificate(answer: bytes) -> x509.Certificate:
    """The certificate in an answer."""
    return x509.load_der_x509_certificate(parse_issued(answer).certificate)


def named(answer: bytes) -> Identity:
    """Whom the certificate in an answer names."""
    extension = certificate(answer).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    (uri,) = extension.value.get_values_for_type(x509.UniformResourceIdentifier)
    return read_identity(uri)


def enrolled(ca: Desk, owner: SimOwner, now: datetime = NOW) -> bytes:
    """The answer to a device that enrols as it should."""
    return ca.enrol(owner.enrolment(ca.invite(owner.device, now, DAY)), now)


def again(ca: Desk, owner: SimOwner, now: datetime) -> bytes:
    """The answer to a device that asks for another certificate."""
    return ca.certificate(owner.request(ca.challenge(now)), now)


def rows(database: Engine) -> tuple[int, int]:
    """How many devices are enrolled, and how many certificates there are."""
    with database.connect() as connection:
        counted = [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (ENROLLED, CERTIFICATES)
        ]
    return counted[0], counted[1]


def test_a_new_device_gets_a_certificate_of_the_full_class(ca: Desk, owner: SimOwner) -> None:
    """It names the device and nobody else, is for asking alone, and lives for a week."""
    answer = enrolled(ca, owner)
    found, issued = certificate(answer), parse_issued(answer)
    assert named(answer) == Identity(CAMERA, CertificateClass.FULL)
    assert found.not_valid_after_utc == NOW + LIFETIME
    assert found.public_key() == owner.tls.public_key()
    (authority,) = issued.authorities
    found.verify_directly_issued_by(x509.load_der_x509_certificate(authority))
    usage = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


@pytest.mark.parametrize("case", ["unknown", "used", "over", "another device's"])
def test_a_token_is_good_once_for_one_device_and_for_a_while(
    ca: Desk, database: Engine, case: str
) -> None:
    """Whatever is wrong with a token, it is refused in the same words and nobody is enrolled."""
    token, now = ca.invite(CAMERA, NOW, DAY), NOW
    owner = SimOwner(CAMERA)
    if case == "unknown":
        token = token[::-1]
    elif case == "used":
        ca.enrol(SimOwner(CAMERA).enrolment(token), NOW)
    elif case == "over":
        now = NOW + DAY
    else:
        owner = SimOwner(DeviceId("camera-8"))
    before = rows(database)
    with pytest.raises(Refused) as error:
        ca.enrol(owner.enrolment(token), now)
    assert str(error.value.fault) == f"ca.token: what={owner.device} detail=not good"
    assert rows(database) == before


def test_two_that_bring_one_token_at_once_are_not_both_enrolled(ca: Desk) -> None:
    """A token is spent by exactly one of those who bring it."""
    tokens = [ca.invite(DeviceId(f"camera-{number}"), NOW, DAY) for number in range(4)]

    def bring(number: int) -> Code | None:
        owner = SimOwner(DeviceId(f"camera-{number % 4}"))
        try:
            ca.enrol(owner.enrolment(tokens[number % 4]), NOW)
        except Refused as error:
            return error.code
        return None

    with ThreadPoolExecutor(8) as pool:
        assert Counter(pool.map(bring, range(16))) == {None: 4, Code.CA_TOKEN: 12}


def test_no_token_is_stored(ca: Desk, database: Engine) -> None:
    """Who reads the tables can enrol nothing."""
    token = ca.invite(CAMERA, NOW, DAY)
    with database.connect() as connection:
        stored = connection.execute(select(TOKENS)).all()
    assert len(stored) == 1
    assert token not in repr(stored)


def test_a_device_is_enrolled_once(ca: Desk, owner: SimOwner) -> None:
    """Who is enrolled gets no token, and a token from before spends nothing on him."""
    first, second = (ca.invite(CAMERA, NOW, DAY) for _ in range(2))
    ca.enrol(owner.enrolment(first), NOW)
    assert code_of(lambda: ca.enrol(owner.enrolment(second), NOW)) is Code.CA_DEVICE
    with pytest.raises(Misuse) as error:
        ca.invite(CAMERA, NOW, DAY)
    assert error.value.code is Code.FLEET_DEVICE_THERE


def _bent(owner: SimOwner, member: str) -> dict[str, bytes]:
    name = x509.Name([])
    builder = x509.CertificateSigningRequestBuilder(name)
    other = builder.sign(rsa.generate_private_key(65537, 2048), SHA256())
    strange = builder.sign(Ed448PrivateKey.generate(), None)
    large = builder.sign(ec.generate_private_key(ec.SECP384R1()), SHA256())
    good = getattr(owner, member)
    return {
        "RSA": other.public_bytes(Encoding.DER),
        "Ed448": strange.public_bytes(Encoding.DER),
        "P-384": large.public_bytes(Encoding.DER),
        "not signed by its key": good[:-1] + bytes([good[-1] ^ 1]),
        "more behind it": good + b"\0",
        "nothing": b"",
        "PEM": b"-----BEGIN CERTIFICATE REQUEST-----",
    }


@pytest.mark.parametrize("member", ["signing_csr", "tls_csr"])
@pytest.mark.parametrize(
    "case", ["RSA", "Ed448", "P-384", "not signed by its key", "more behind it", "nothing", "PEM"]
)
def test_a_request_proves_a_key_of_a_known_kind(
    ca: Desk, owner: SimOwner, database: Engine, member: str, case: str
) -> None:
    """What proves nothing is refused, and does not cost the token."""
    token = ca.invite(CAMERA, NOW, DAY)
    good = parse_enrolment(owner.enrolment(token))
    other = _bent(owner, member)[case]
    asked = (
        replace(good, signing_csr=other)
        if member == "signing_csr"
        else replace(good, tls_csr=other)
    )
    assert code_of(lambda: ca.enrol(asked.to_bytes(), NOW)) is Code.CA_REQUEST
    assert rows(database) == (0, 0)
    ca.enrol(owner.enrolment(token), NOW)


def test_a_signing_key_may_be_on_p_256(ca: Desk, owner: SimOwner, database: Engine) -> None:
    """TPMs make such keys; that one is in a TPM is another claim, and none was made here."""
    token = ca.invite(CAMERA, NOW, DAY)
    asked = Enrolment(token, CAMERA, owner.tls_csr, owner.tls_csr)
    certificate(ca.enrol(asked.to_bytes(), NOW))
    with database.connect() as connection:
        assert connection.execute(select(ENROLLED.c.tier)).scalar_one() == "file"


def test_a_tls_key_may_be_ed25519_too(ca: Desk, owner: SimOwner) -> None:
    """Both kinds that TLS 1.3 and small devices know are taken."""
    token = ca.invite(CAMERA, NOW, DAY)
    asked = Enrolment(token, CAMERA, owner.signing_csr, owner.signing_csr)
    assert certificate(ca.enrol(asked.to_bytes(), NOW)).public_key() == public_half(owner.signer)


def test_a_device_with_a_good_certificate_renews_in_full(ca: Desk, owner: SimOwner) -> None:
    """Its own signing key is all that it needs."""
    enrolled(ca, owner)
    assert named(again(ca, owner, NOW + 3 * DAY)).certificate_class is CertificateClass.FULL


def test_who_was_away_too_long_gets_the_recovery_class_and_comes_back(
    ca: Desk, owner: SimOwner
) -> None:
    """Nobody is locked out: with a recovery certificate in hand the next one is full again."""
    enrolled(ca, owner)
    late = NOW + 400 * DAY
    answer = again(ca, owner, late)
    assert named(answer).certificate_class is CertificateClass.RECOVERY
    lifetime = certificate(answer).not_valid_after_utc - late
    assert lifetime == LIFETIME
    assert named(again(ca, owner, late + DAY)).certificate_class is CertificateClass.FULL


def test_who_is_in_quarantine_gets_the_recovery_class_alone(
    ca: Desk, owner: SimOwner, database: Engine
) -> None:
    """Its full certificates end at once, until it is let in again."""
    enrolled(ca, owner)
    ca.set_state(CAMERA, State.QUARANTINED)
    with database.connect() as connection:
        assert connection.execute(select(CERTIFICATES.c.revoked)).scalars().all() == [True]
    for _ in range(2):
        assert named(again(ca, owner, NOW)).certificate_class is CertificateClass.RECOVERY
    ca.set_state(CAMERA, State.ACTIVE)
    assert named(again(ca, owner, NOW)).certificate_class is CertificateClass.FULL


def test_who_is_revoked_gets_nothing(ca: Desk, owner: SimOwner, database: Engine) -> None:
    """Every certificate of the device ends, and there is no other."""
    enrolled(ca, owner)
    ca.set_state(CAMERA, State.QUARANTINED)
    again(ca, owner, NOW)
    ca.set_state(CAMERA, State.REVOKED)
    with database.connect() as connection:
        assert connection.execute(select(CERTIFICATES.c.revoked)).scalars().all() == [True, True]
    assert code_of(lambda: again(ca, owner, NOW)) is Code.CA_DEVICE


def test_who_was_never_enrolled_gets_nothing(ca: Desk, owner: SimOwner) -> None:
    """A key that nobody knows speaks for nobody."""
    assert code_of(lambda: again(ca, owner, NOW)) is Code.CA_DEVICE
    with pytest.raises(Misuse) as error:
        ca.set_state(CAMERA, State.REVOKED)
    assert error.value.code is Code.FLEET_NO_DEVICE


def test_another_devices_key_does_not_speak_for_this_one(ca: Desk, owner: SimOwner) -> None:
    """A device asks for itself."""
    enrolled(ca, owner)
    thief = SimOwner(DeviceId("camera-8"))
    enrolled(ca, thief)
    thief.device = CAMERA
    assert code_of(lambda: again(ca, thief, NOW)) is Code.PROTOCOL_SIGNATURE


@pytest.mark.parametrize("case", ["invented", "of another server", "old"])
def test_a_challenge_is_this_servers_and_of_now(ca: Desk, owner: SimOwner, case: str) -> None:
    """An old request cannot be taken for a new one."""
    enrolled(ca, owner)
    other = Desk(ca.database, ca.host, ca.issuer, type(ca.nonces)())
    challenges = {
        "invented": bytes(32),
        "of another server": other.challenge(NOW),
        "old": ca.challenge(NOW - CHALLENGE_LIFETIME - timedelta(seconds=1)),
    }
    request = owner.request(challenges[case])
    assert code_of(lambda: ca.certificate(request, NOW)) is Code.CA_CHALLENGE
