"""A maker's certificate, step by step up to a root of the settings."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from firmhold.trust.attestation.endorsement import MAX_BYTES, MOST_STEPS, verify_endorsement
from firmhold.trust.attestation.tpm_public import TpmPublic
from firmhold.trust.errors import Code, Refused

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
YEAR = timedelta(days=365)
KEY = ec.generate_private_key(ec.SECP256R1())
OWN = TpmPublic(b"name", "sha256", 0, 128, KEY.public_key())


def named(number: int) -> x509.Name:
    """The name of an authority; the maker's root is 0."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"maker {number}")])


def issued(
    number: int,
    key: ec.EllipticCurvePrivateKey,
    by: ec.EllipticCurvePrivateKey,
    *,
    authority: bool | None = True,
    begins: timedelta = -YEAR,
    lasts: timedelta = 2 * YEAR,
) -> bytes:
    """Certificate `number` for a key, issued by the one before it; None says nothing of its use."""
    builder = x509.CertificateBuilder(
        named(max(number - 1, 0)),
        named(number),
        key.public_key(),
        x509.random_serial_number(),
        NOON + begins,
        NOON + begins + lasts,
    )
    if authority is not None:
        use = x509.BasicConstraints(ca=authority, path_length=None)
        builder = builder.add_extension(use, critical=True)
    return builder.sign(by, SHA256()).public_bytes(Encoding.DER)


def chain(steps: int) -> list[bytes]:
    """From the root to the endorsement certificate: so many certificates were issued."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(steps)] + [KEY]
    made = [issued(0, keys[0], keys[0])]
    for number in range(1, steps + 1):
        end = number == steps
        made.append(issued(number, keys[number], keys[number - 1], authority=not end))
    return made


def refused(certificate: bytes, brought: list[bytes], roots: list[bytes], says: str) -> None:
    """The certificate counts for nothing, and why is said."""
    with pytest.raises(Refused) as error:
        verify_endorsement(certificate, brought, OWN, roots, NOON)
    assert error.value.code is Code.ATTESTATION_ENDORSEMENT
    assert says in str(error.value)


@pytest.mark.parametrize("steps", range(1, MOST_STEPS + 3))
def test_a_chain_has_so_many_steps_and_no_more(steps: int) -> None:
    """Up to the bound each length leads to the root, in whatever order it is brought."""
    root, *between, end = chain(steps)
    if steps <= MOST_STEPS:
        for brought in (between, between[::-1]):
            assert verify_endorsement(end, brought, OWN, [root], NOON).value is OWN
    else:
        refused(end, between, [root], "at most")


@pytest.mark.parametrize("authority", [False, None], ids=["no authority", "nothing said"])
def test_nobody_issues_who_is_no_authority(authority: bool | None) -> None:  # noqa: FBT001 - a case
    """A certificate of an end signs others all the same, and it counts for nothing."""
    first, second = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = issued(0, first, first)
    between = issued(1, second, first, authority=authority)
    end = issued(2, KEY, second, authority=False)
    refused(end, [between], [root], "issuer")
    refused(end, [], [between], "issuer")


@pytest.mark.parametrize("late", range(3))
@pytest.mark.parametrize("begins", [timedelta(seconds=1), -3 * YEAR], ids=["not yet", "no longer"])
def test_every_step_is_of_today(late: int, begins: timedelta) -> None:
    """Root, intermediate and end: whichever is out of date ends it."""
    first, second = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    dates = [-YEAR] * 3
    dates[late] = begins
    root = issued(0, first, first, begins=dates[0])
    between = issued(1, second, first, begins=dates[1])
    end = issued(2, KEY, second, authority=False, begins=dates[2])
    refused(end, [between], [root], "one of today")


def test_an_end_may_say_nothing_of_its_use() -> None:
    """Old chips' certificates have no basic constraints; they are no authorities."""
    first = ec.generate_private_key(ec.SECP256R1())
    root, end = issued(0, first, first), issued(1, KEY, first, authority=None)
    assert verify_endorsement(end, [], OWN, [root], NOON).value is OWN


def test_a_key_that_cannot_be_read_is_not_the_one_that_is_shown() -> None:
    """A curve that nobody knows, in a certificate that is whole otherwise."""
    root, end = chain(1)
    curve = bytes.fromhex("06082a8648ce3d030107")
    assert curve in end
    refused(end.replace(curve, curve[:-1] + b"\x7f"), [], [root], "one that can be read")


def test_what_is_no_certificate_is_told() -> None:
    """Too long, or no DER: of the end, of the chain and of the roots alike."""
    root, end = chain(1)
    for text in (b"", b"certificate", bytes(MAX_BYTES + 1), end[:-1]):
        refused(text, [], [root], "certificate")
        refused(end, [text], [root], "certificate")
        refused(end, [], [text], "certificate")
