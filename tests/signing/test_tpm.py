"""Keys of a TPM: bound to one TPM, opened by a PIN that the TPM counts."""

from pathlib import Path

import pytest
from tests.signing.conftest import Known

from firmhold.pkix.public import Algorithm
from firmhold.signing.tpm import TpmSigner
from firmhold.sim.tpm import SimMaker, SimTpm
from firmhold.trust.errors import Code, Misuse, Unavailable


@pytest.fixture
def uri(tpm: SimTpm, tmp_path: Path, known: Known) -> str:
    """A key of the TPM."""
    made = tpm.uri(tmp_path / "key.tss")
    TpmSigner.create(made, known, Algorithm.P256)
    return made


def test_a_key_is_worth_nothing_in_another_tpm(
    uri: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whoever copies the file needs the TPM as well."""
    folder = tmp_path_factory.mktemp("other")
    other = SimMaker(folder / "maker").make(folder / "tpm").power_on()
    try:
        signer = TpmSigner.load(other.uri(tmp_path / "key.tss"), Known())
        with pytest.raises(Unavailable) as error:
            signer.sign(b"payload")
    finally:
        other.power_off()
    assert error.value.code is Code.KEY_TOKEN
    assert TpmSigner.load(uri, Known()).sign(b"payload")


def test_wrong_pins_lock_and_the_right_one_is_refused_then_too(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Guessing ends: the TPM counts, and says that it is locked."""
    folder = tmp_path_factory.mktemp("locking")
    own = SimMaker(folder / "maker").make(folder / "tpm").power_on()
    try:
        uri = own.uri(tmp_path / "locking.tss")
        TpmSigner.create(uri, Known(), Algorithm.P256)
        said = []
        for guess in range(40):
            with pytest.raises(Misuse) as error:
                TpmSigner.load(uri, Known(number=f"wrong-{guess}")).sign(b"payload")
            assert error.value.code is Code.KEY_PIN
            said.append(str(error.value))
            if "locked" in said[-1]:
                break
        assert "not the PIN" in said[0]
        assert "locked" in said[-1]
        with pytest.raises(Misuse) as error:
            TpmSigner.load(uri, Known()).sign(b"payload")
        assert "locked" in str(error.value)
    finally:
        own.power_off()


def test_a_tpm_that_is_off_is_told_as_that(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Without the TPM there is no signature; with it, the key is there again."""
    folder = tmp_path_factory.mktemp("switched")
    own = SimMaker(folder / "maker").make(folder / "tpm").power_on()
    signer = TpmSigner.create(own.uri(tmp_path / "key.tss"), Known(), Algorithm.P256)
    own.power_off()
    with pytest.raises(Unavailable) as error:
        signer.sign(b"payload")
    assert error.value.code is Code.KEY_TOKEN
    own.power_on()
    try:
        assert signer.sign(b"payload")
    finally:
        own.power_off()


def test_an_empty_pin_makes_no_key(tpm: SimTpm, tmp_path: Path) -> None:
    """A key that anybody at the machine can use is not made."""
    with pytest.raises(Misuse) as error:
        TpmSigner.create(tpm.uri(tmp_path / "key.tss"), Known(number=""), Algorithm.P256)
    assert error.value.code is Code.KEY_PIN
    assert not (tmp_path / "key.tss").exists()


@pytest.mark.parametrize("algorithm", [Algorithm.ED25519, Algorithm.P384])
def test_a_tpm_makes_no_key_that_it_does_not_know(
    tpm: SimTpm, tmp_path: Path, algorithm: Algorithm
) -> None:
    """What was asked for is made, or nothing is."""
    with pytest.raises(Misuse) as error:
        TpmSigner.create(tpm.uri(tmp_path / "key.tss"), Known(), algorithm)
    assert error.value.code is Code.KEY_URI


@pytest.mark.parametrize("damage", ["missing", "empty", "text", "cut", "other"])
def test_a_file_that_is_no_key_of_a_tpm_is_told_so(
    uri: str, tpm: SimTpm, tmp_path: Path, damage: str
) -> None:
    """Nothing is asked of the TPM for it."""
    path = tmp_path / "key.tss"
    whole = path.read_bytes()
    path.unlink()
    if damage != "missing":
        path.write_bytes(
            {
                "empty": b"",
                "text": b"correct horse",
                "cut": whole[: len(whole) // 2],
                "other": whole.replace(b"TSS2 PRIVATE KEY", b"PRIVATE KEY"),
            }[damage]
        )
    with pytest.raises(Misuse) as error:
        TpmSigner.load(tpm.uri(path), Known())
    assert error.value.code is Code.KEY_UNREADABLE
    del uri
