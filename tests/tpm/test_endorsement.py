"""A credential opens in one TPM, and only while that TPM holds one certain key."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from firmhold.fleet.ca.credential import make_credential
from firmhold.sim.tpm import SimMaker, SimTpm
from firmhold.tpm.endorsement import Endorsement, activated, endorsement_of
from firmhold.tpm.keys import LoadableKey
from firmhold.tpm.reach import reached
from firmhold.trust.attestation.endorsement import verify_endorsement
from firmhold.trust.attestation.tpm_public import TpmPublic, parse_public
from firmhold.trust.errors import Code, Refused, Unavailable

SECRET = bytes(range(32))
NOW = datetime.now(UTC) + timedelta(hours=1)  # noqa: TID251 - the certificates are of today


def key_in(tpm: SimTpm) -> LoadableKey:
    """A key that was made in a TPM."""
    return LoadableKey.create(tpm.tcti, "test key", b"")


def ecc_endorsement(tpm: SimTpm) -> Endorsement:
    """The endorsement key on P-256, for which this TPM has no certificate."""
    from firmhold.tpm import endorsement

    with reached(tpm.tcti, "test") as esys:
        _, template = endorsement._template(esys, "EK-ECC256")  # noqa: SLF001 - the same
        with endorsement._made(esys, template) as (_, public):  # noqa: SLF001 - the same
            return Endorsement(b"", bytes(public.marshal()), "EK-ECC256")


@pytest.fixture(params=["EK-RSA2048", "EK-ECC256"])
def endorsement(request: pytest.FixtureRequest, tpm: SimTpm) -> Endorsement:
    """The TPM's endorsement key, of each kind."""
    return endorsement_of(tpm.tcti) if request.param == "EK-RSA2048" else ecc_endorsement(tpm)


def test_the_tpm_that_holds_the_key_gives_the_secret_back(
    tpm: SimTpm, endorsement: Endorsement
) -> None:
    """A credential that was made in software opens in the TPM that it was made for."""
    key = key_in(tpm)
    name = parse_public(key.public_area).name
    made = make_credential(parse_public(endorsement.public), name, SECRET)
    assert activated(key, endorsement, made.blob, made.secret) == SECRET


def test_another_key_of_the_same_tpm_does_not_open_it(
    tpm: SimTpm, endorsement: Endorsement
) -> None:
    """What is proven of one key is proven of no other."""
    name = parse_public(key_in(tpm).public_area).name
    made = make_credential(parse_public(endorsement.public), name, SECRET)
    with pytest.raises(Unavailable) as error:
        activated(key_in(tpm), endorsement, made.blob, made.secret)
    assert error.value.code is Code.KEY_TOKEN


def test_another_tpm_does_not_open_it(other: SimTpm, endorsement: Endorsement) -> None:
    """Whoever has the words and not the TPM has nothing."""
    key = key_in(other)
    name = parse_public(key.public_area).name
    made = make_credential(parse_public(endorsement.public), name, SECRET)
    with pytest.raises(Unavailable):
        activated(key, endorsement, made.blob, made.secret)


@pytest.mark.parametrize("part", ["blob", "secret"])
def test_an_altered_credential_opens_nothing(
    tpm: SimTpm, endorsement: Endorsement, part: str
) -> None:
    """One bit on the way, and the TPM says no."""
    key = key_in(tpm)
    name = parse_public(key.public_area).name
    made = make_credential(parse_public(endorsement.public), name, SECRET)
    data = getattr(made, part)
    bent = replace(made, **{part: data[:-1] + bytes([data[-1] ^ 1])})
    with pytest.raises(Unavailable):
        activated(key, endorsement, bent.blob, bent.secret)


def test_a_signing_key_is_no_endorsement_key(tpm: SimTpm) -> None:
    """What opens nothing is sent no secret."""
    key = parse_public(key_in(tpm).public_area)
    with pytest.raises(Refused) as error:
        make_credential(key, key.name, SECRET)
    assert error.value.code is Code.CA_TPM


def der(pem: bytes) -> bytes:
    """A certificate as DER."""
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


class TestMakers:
    """A maker's certificate, as the server judges it."""

    @pytest.fixture
    def shown(self, tpm: SimTpm) -> tuple[bytes, TpmPublic]:
        """What a TPM shows: certificate and endorsement key."""
        found = endorsement_of(tpm.tcti)
        return found.certificate, parse_public(found.public)

    def refused(
        self,
        shown: tuple[bytes, TpmPublic],
        chain: list[bytes],
        roots: list[bytes],
        now: datetime = NOW,
    ) -> None:
        """The certificate counts for nothing."""
        with pytest.raises(Refused) as error:
            verify_endorsement(shown[0], chain, shown[1], roots, now)
        assert error.value.code is Code.ATTESTATION_ENDORSEMENT

    def test_one_of_a_maker_whom_the_settings_name_is_believed(
        self, maker: SimMaker, shown: tuple[bytes, TpmPublic]
    ) -> None:
        """Under the issuer itself, or under its root with the issuer brought along."""
        issuer, root = der(maker.issuer.read_bytes()), der(maker.root.read_bytes())
        for chain, roots in (([], [issuer]), ([issuer], [root]), ([issuer, root], [root])):
            assert verify_endorsement(shown[0], chain, shown[1], roots, NOW).value == shown[1]

    def test_one_of_another_maker_is_not(
        self, shown: tuple[bytes, TpmPublic], tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        """A maker of the same name with another key is another maker."""
        stranger = SimMaker(tmp_path_factory.mktemp("stranger"))
        stranger.make(tmp_path_factory.mktemp("strange-tpm"))
        self.refused(shown, [], [der(stranger.issuer.read_bytes())])
        self.refused(shown, [], [])

    def test_a_chain_that_ends_elsewhere_is_not(
        self, maker: SimMaker, shown: tuple[bytes, TpmPublic]
    ) -> None:
        """What the device brings is no root, and a chain has an end."""
        issuer, root = der(maker.issuer.read_bytes()), der(maker.root.read_bytes())
        self.refused(shown, [issuer, root], [])

    def test_one_for_another_key_is_not(self, maker: SimMaker, tpm: SimTpm, other: SimTpm) -> None:
        """The certificate of one TPM does not speak for another."""
        certificate = endorsement_of(tpm.tcti).certificate
        public = parse_public(endorsement_of(other.tcti).public)
        self.refused((certificate, public), [], [der(maker.issuer.read_bytes())])

    def test_an_authority_is_no_tpm(self, maker: SimMaker, shown: tuple[bytes, TpmPublic]) -> None:
        """The maker's own certificates are for issuing; nor is any text one."""
        issuer, root = der(maker.issuer.read_bytes()), der(maker.root.read_bytes())
        key = x509.load_der_x509_certificate(issuer).public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        self.refused((issuer, replace(shown[1], key=key)), [], [root])
        for text in (b"", b"certificate", bytes(9000), shown[0][:-5]):
            self.refused((text, shown[1]), [], [issuer])

    def test_one_that_is_out_of_date_is_not(
        self, maker: SimMaker, shown: tuple[bytes, TpmPublic]
    ) -> None:
        """Neither before it begins nor after its end."""
        issuer = der(maker.issuer.read_bytes())
        found = x509.load_der_x509_certificate(shown[0])
        day = timedelta(days=1)
        self.refused(shown, [], [issuer], found.not_valid_before_utc - day)
        ends = min(found.not_valid_after_utc, datetime(9990, 1, 1, tzinfo=UTC))
        if ends == found.not_valid_after_utc:
            self.refused(shown, [], [issuer], ends + day)
