"""The contracts of keys: what everybody may rely on, wherever a key lives.

A class for each capability, run on files, on a real PKCS#11 module and on a real TPM alike.
"""

import copy
import hashlib
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from tests.signing.conftest import Known

from firmhold.pkix.borrowed import borrowed, public_half, sign_certificate, sign_request
from firmhold.pkix.public import Algorithm, entry_of
from firmhold.signing.audit import Auditable
from firmhold.signing.file import FileSigner
from firmhold.signing.ports import Signer, Tier
from firmhold.signing.uri import create_signer, open_signer
from firmhold.sim.signer import sim_signer
from firmhold.sim.token import SimTokens
from firmhold.sim.tpm import SimTpm
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.keys import derived_key_id, parse_public_key

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
PAYLOADS = [b"", b"payload", bytes(range(256)) * 1000]
KINDS = [
    (Tier.FILE, Algorithm.ED25519),
    (Tier.FILE, Algorithm.P256),
    (Tier.FILE, Algorithm.P384),
    (Tier.TOKEN, Algorithm.ED25519),
    (Tier.TOKEN, Algorithm.P256),
    (Tier.TOKEN, Algorithm.P384),
    (Tier.TPM, Algorithm.P256),
]
_NUMBERS = itertools.count()

MakeUri = Callable[[Tier], str]


@pytest.fixture(scope="session")
def new_uri(tmp_path_factory: pytest.TempPathFactory, tokens: SimTokens, tpm: SimTpm) -> MakeUri:
    """Makes a URI under which no key is yet, of a tier."""
    folder = tmp_path_factory.mktemp("made")

    def made(tier: Tier) -> str:
        name = f"key-{next(_NUMBERS)}"
        return {
            Tier.FILE: f"file:{folder / name}.pem",
            Tier.TOKEN: tokens.uri("holder", name),
            Tier.TPM: tpm.uri(folder / f"{name}.tss"),
        }[tier]

    return made


@pytest.fixture(params=KINDS, ids=lambda kind: f"{kind[0]} {kind[1]}", scope="session")
def kind(request: pytest.FixtureRequest) -> tuple[Tier, Algorithm]:
    """A place for keys, and an algorithm that it knows."""
    found: tuple[Tier, Algorithm] = request.param
    return found


@pytest.fixture(scope="session")
def uri(kind: tuple[Tier, Algorithm], new_uri: MakeUri, known: Known) -> str:
    """The URI of a key that was made there."""
    made = new_uri(kind[0])
    create_signer(made, known, kind[1])
    return made


@pytest.fixture
def signer(uri: str, known: Known) -> Auditable:
    """The key, opened by its URI."""
    return open_signer(uri, known)


class TestSigner:
    """What every key does."""

    @pytest.mark.parametrize("payload", PAYLOADS, ids=["empty", "short", "long"])
    def test_what_it_signs_verifies_under_its_public_half(
        self, signer: Signer, payload: bytes
    ) -> None:
        """The entry is a key of ours, and its signature is good for this payload only."""
        key = parse_public_key(signer.entry)
        assert key is not None
        assert key.verifies(signer.sign(payload), payload)
        assert not key.verifies(signer.sign(payload), payload + b"!")

    def test_a_signature_is_lower_case_hexadecimal(self, signer: Signer) -> None:
        """A signature has one spelling."""
        signature = signer.sign(b"payload")
        assert bytes.fromhex(signature).hex() == signature

    def test_its_key_id_is_derived_from_its_entry(self, signer: Signer) -> None:
        """Nobody chooses the name of a key."""
        assert signer.key_id == derived_key_id(signer.entry)
        assert set(signer.entry) == {"keytype", "scheme", "keyval"}

    def test_it_says_where_it_lives(self, signer: Signer, kind: tuple[Tier, Algorithm]) -> None:
        """A file never passes for a token."""
        assert signer.tier is kind[0]

    def test_it_is_of_the_algorithm_that_was_asked_for(
        self, signer: Signer, kind: tuple[Tier, Algorithm]
    ) -> None:
        """The scheme of the entry is the one that was chosen."""
        assert signer.entry["scheme"] == kind[1].value

    def test_it_opens_to_the_same_key_again(self, signer: Signer, uri: str, known: Known) -> None:
        """A URI names one key for good."""
        assert open_signer(uri, known).key_id == signer.key_id

    def test_many_signatures_in_a_row_are_all_good(self, signer: Signer) -> None:
        """A key is not used up, nor does it lose its place: a TPM has room for three objects."""
        key = parse_public_key(signer.entry)
        assert key is not None
        for number in range(20):
            payload = str(number).encode()
            assert key.verifies(signer.sign(payload), payload)


class TestMaking:
    """What making a key does, wherever it is made."""

    def test_a_key_is_never_made_over_another(
        self, signer: Signer, uri: str, kind: tuple[Tier, Algorithm], known: Known
    ) -> None:
        """Where a key is, none is made, and the one that is there stays."""
        with pytest.raises(Misuse) as error:
            create_signer(uri, known, kind[1])
        assert error.value.code is Code.KEY_EXISTS
        assert open_signer(uri, known).key_id == signer.key_id

    def test_two_keys_are_two(self, kind: tuple[Tier, Algorithm], new_uri: MakeUri) -> None:
        """Each key is made from chance of its own."""
        made = {create_signer(new_uri(kind[0]), Known(), kind[1]).key_id for _ in range(3)}
        assert len(made) == 3


class TestCertificates:
    """What every key does as an authority of certificates, the private half staying where it is."""

    def test_it_signs_a_certificate(self, signer: Signer) -> None:
        """The certificate is what the key's own public half says that it is."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
        builder = x509.CertificateBuilder(
            name, name, public_half(signer), 1, NOON, NOON + timedelta(days=1)
        )
        made = sign_certificate(signer, builder)
        made.verify_directly_issued_by(made)
        assert made.public_key() == public_half(signer)

    def test_it_signs_a_request(self, signer: Signer) -> None:
        """The request proves possession of the key in it."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "device")])
        made = sign_request(signer, x509.CertificateSigningRequestBuilder(name))
        assert made.is_signature_valid
        assert made.public_key() == public_half(signer)

    def test_its_public_half_is_the_one_of_its_entry(self, signer: Signer) -> None:
        """There is one public half, in two forms."""
        assert entry_of(public_half(signer)) == dict(signer.entry)


class TestAudit:
    """What an examination of a key finds."""

    def test_a_key_in_hardware_was_made_there_and_cannot_leave(self, signer: Auditable) -> None:
        """A key of a token or a TPM has no finding; one in a file has the one that it is a file."""
        found = [finding.what for finding in signer.findings()]
        assert found == (["where the key lives"] if signer.tier is Tier.FILE else [])


@pytest.mark.parametrize("tier", [Tier.FILE, Tier.TOKEN])
def test_ed25519_signatures_are_the_same_each_time(new_uri: MakeUri, tier: Tier) -> None:
    """Such a key signs deterministically, so that a release can be made again to the byte."""
    signer = create_signer(new_uri(tier), Known(), Algorithm.ED25519)
    assert signer.sign(b"payload") == signer.sign(b"payload")
    assert signer.sign(b"payload") != signer.sign(b"another")


@pytest.mark.parametrize("algorithm", [Algorithm.P256, Algorithm.P384])
def test_a_file_signs_deterministically_on_every_curve(
    new_uri: MakeUri, algorithm: Algorithm
) -> None:
    """Where we choose the nonce, it follows from key and payload (RFC 6979)."""
    signer = create_signer(new_uri(Tier.FILE), Known(), algorithm)
    assert signer.sign(b"payload") == signer.sign(b"payload")


def test_nothing_private_of_a_file_shows() -> None:
    """Neither the text of a signer nor its public side gives the private half away."""
    key = Ed25519PrivateKey.generate()
    signer, private = FileSigner(key), key.private_bytes_raw()
    shown = f"{signer} {signer!r} {signer.entry} {signer.key_id}"
    assert private.hex() not in shown
    assert str(private) not in shown


def test_a_simulated_key_is_the_same_in_every_run() -> None:
    """A name always stands for one key, and another name for another."""
    seed = hashlib.sha256(b"holder").digest()
    assert (
        sim_signer("holder").entry == FileSigner(Ed25519PrivateKey.from_private_bytes(seed)).entry
    )
    assert sim_signer("holder").key_id != sim_signer("Holder").key_id


class TestBorrowedKeys:
    """The objects that stand for a key elsewhere, as the library of certificates holds them."""

    @pytest.mark.parametrize("algorithm", [*Algorithm])
    def test_they_sign_and_give_nothing_out(self, algorithm: Algorithm, new_uri: MakeUri) -> None:
        """What is asked for beyond a signature of the key's own kind is a mistake of the caller."""
        key, _ = borrowed(create_signer(new_uri(Tier.FILE), Known(), algorithm))
        asked: list[Callable[[], object]] = [
            lambda: key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        ]
        if isinstance(key, Ed25519PrivateKey):
            asked.append(key.private_bytes_raw)
        else:
            peer, other = ec.generate_private_key(ec.SECP256R1()), ec.ECDSA(SHA512())
            asked += [
                key.private_numbers,
                lambda: key.exchange(ec.ECDH(), peer.public_key()),
                lambda: key.sign(b"payload", other),
                lambda: key.sign(bytes(32), ec.ECDSA(Prehashed(SHA256()))),
            ]
        for ask in asked:
            with pytest.raises(Misuse) as error:
                ask()
            assert error.value.code is Code.MISUSE
        assert copy.copy(key) is key
        assert copy.deepcopy(key) is key
