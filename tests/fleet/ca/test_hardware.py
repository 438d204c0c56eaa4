"""What a device must show before its signing key is taken for one in a TPM."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Engine, select

from firmhold.device.adapters.key import DeviceKey, new_tls_key
from firmhold.device.adapters.tpm_key import TpmDeviceKey
from firmhold.fleet.ca.authority import Authority
from firmhold.fleet.ca.issue import Desk
from firmhold.fleet.nonces import Nonces
from firmhold.fleet.tables import ENROLLED
from firmhold.protocol.enrolment import (
    Activation,
    Enrolment,
    Sealed,
    TpmProven,
    TpmShown,
    parse_activation,
    parse_enrolment,
    parse_sealed,
)
from firmhold.sim.tpm import SimMaker, SimTpm
from firmhold.trust.device_id import DeviceId
from firmhold.trust.errors import Code, Refused

CAMERA, OTHER = DeviceId("camera-1"), DeviceId("camera-2")
NOW = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)  # noqa: TID251 - TPMs are of today
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@dataclass
class Asked:
    """The CA, asked without a network; what was sent to it can be bent."""

    desk: Desk
    now: datetime = NOW

    def get(self, path: str, max_bytes: int) -> bytes:
        """Nobody gets anything here."""
        raise NotImplementedError(path, max_bytes)

    def post(self, _path: str, body: bytes, _max_bytes: int) -> bytes:
        """Ask for a secret."""
        return self.desk.activate(body, self.now)


@pytest.fixture
def desk(database: Engine, authority: Authority, maker: SimMaker, tpm: SimTpm) -> Desk:
    """A CA whose settings name the maker."""
    assert tpm.folder.exists()
    issuer = x509.load_pem_x509_certificate(maker.issuer.read_bytes())
    roots = [issuer.public_bytes(Encoding.DER)]
    return Desk(database, "127.0.0.1", lambda _: authority, Nonces(), lambda: roots)


@pytest.fixture
def key(tpm: SimTpm, tmp_path: Path) -> TpmDeviceKey:
    """A device signing key in the TPM."""
    return TpmDeviceKey.make(tmp_path / "device.key", tpm.tcti)


def enrolment(
    desk: Desk, key: TpmDeviceKey | DeviceKey, proven: TpmProven | None, device: DeviceId = CAMERA
) -> bytes:
    """What a device brings, with a token of its own."""
    token = desk.invite(device, NOW, DAY)
    return Enrolment(token, device, key.csr, new_tls_key()[1], proven).to_bytes()


def refused(desk: Desk, data: bytes, code: Code, now: datetime = NOW) -> None:
    """The CA says no, and remembers nothing."""
    with pytest.raises(Refused) as error:
        desk.enrol(data, now)
    assert error.value.code is code
    with desk.database.connect() as connection:
        assert connection.execute(select(ENROLLED.c.device)).all() == []


def test_a_key_that_its_tpm_vouches_for_is_enrolled_as_such(
    desk: Desk, key: TpmDeviceKey, database: Engine
) -> None:
    """The table says where the key lives, and in which TPM."""
    desk.enrol(enrolment(desk, key, key.proven(Asked(desk), CAMERA)), NOW)
    with database.connect() as connection:
        row = connection.execute(select(ENROLLED)).one()
    assert row.tier == "tpm"
    assert len(row.endorsement) == 64


def test_a_secret_is_for_one_device(desk: Desk, key: TpmDeviceKey) -> None:
    """One that was opened for another device's name proves nothing."""
    proven = key.proven(Asked(desk), OTHER)
    refused(desk, enrolment(desk, key, proven), Code.CA_TPM)


def test_a_secret_is_for_one_key(
    desk: Desk, key: TpmDeviceKey, tpm: SimTpm, tmp_path: Path
) -> None:
    """Another key of the same TPM does not enrol with it."""
    other = TpmDeviceKey.make(tmp_path / "other.key", tpm.tcti)
    proven = key.proven(Asked(desk), CAMERA)
    refused(desk, enrolment(desk, other, proven), Code.CA_TPM)
    shown = replace(proven.shown, key=other.proven(Asked(desk), CAMERA).shown.key)
    refused(desk, enrolment(desk, other, replace(proven, shown=shown)), Code.CA_TPM)


def test_a_key_in_a_file_is_none_of_a_tpm(desk: Desk, key: TpmDeviceKey, tmp_path: Path) -> None:
    """Whoever has a TPM and a key beside it enrols with neither word for it."""
    proven = key.proven(Asked(desk), CAMERA)
    refused(desk, enrolment(desk, DeviceKey.make(tmp_path / "file.key"), proven), Code.CA_TPM)


@pytest.mark.parametrize("secret", [bytes(32), b"\xff" * 32], ids=["zeros", "ones"])
def test_a_secret_is_not_guessed(desk: Desk, key: TpmDeviceKey, secret: bytes) -> None:
    """Only the one that was made counts."""
    proven = replace(key.proven(Asked(desk), CAMERA), secret=secret)
    refused(desk, enrolment(desk, key, proven), Code.CA_TPM)


def test_a_secret_is_good_for_a_moment(desk: Desk, key: TpmDeviceKey) -> None:
    """An old one is none."""
    proven = key.proven(Asked(desk), CAMERA)
    refused(desk, enrolment(desk, key, proven), Code.CA_TPM, NOW + 11 * MINUTE)


def test_a_maker_is_looked_at_in_both_steps(
    desk: Desk, key: TpmDeviceKey, database: Engine, authority: Authority
) -> None:
    """Settings that do not name him, or no longer, end it: before a secret is made, and after."""
    proven = key.proven(Asked(desk), CAMERA)
    nobody = Desk(database, "127.0.0.1", lambda _: authority, desk.nonces)
    with pytest.raises(Refused) as error:
        nobody.activate(Activation(CAMERA, proven.shown).to_bytes(), NOW)
    assert error.value.code is Code.ATTESTATION_ENDORSEMENT
    refused(nobody, enrolment(desk, key, proven), Code.ATTESTATION_ENDORSEMENT)


def test_a_key_that_could_leave_its_tpm_gets_no_secret(desk: Desk, key: TpmDeviceKey) -> None:
    """Each attribute that keeps it there is in its Name, and is looked at first."""
    shown = key.proven(Asked(desk), CAMERA).shown
    for flag in (1 << 1, 1 << 4, 1 << 5, 1 << 18):
        attributes = int.from_bytes(shown.key[6:10]) ^ flag
        bent = shown.key[:6] + attributes.to_bytes(4) + shown.key[10:]
        with pytest.raises(Refused) as error:
            desk.activate(Activation(CAMERA, replace(shown, key=bent)).to_bytes(), NOW)
        assert error.value.code is Code.CA_TPM


def test_one_tpm_is_one_device(desk: Desk, key: TpmDeviceKey) -> None:
    """A second device of one TPM is refused, and its token is not spent."""
    desk.enrol(enrolment(desk, key, key.proven(Asked(desk), CAMERA)), NOW)
    with pytest.raises(Refused) as error:
        desk.enrol(enrolment(desk, key, key.proven(Asked(desk), OTHER), OTHER), NOW)
    assert error.value.code is Code.CA_TPM


SHOWN = TpmShown(b"certificate", (b"one", b"two"), b"endorsement", b"key")


def test_messages_are_read_back() -> None:
    """What is sent is what is meant."""
    activation, sealed = Activation(CAMERA, SHOWN), Sealed(b"blob", b"secret")
    assert parse_activation(activation.to_bytes()) == activation
    assert parse_sealed(sealed.to_bytes()) == sealed
    for tpm in (None, TpmProven(SHOWN, bytes(32))):
        whole = Enrolment("token", CAMERA, b"one", b"two", tpm)
        assert parse_enrolment(whole.to_bytes()) == whole
