"""Keys in encrypted files: how they are written, and what is no key."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from firmhold.signing.file import FileSigner
from firmhold.sim.disk import full_disk
from firmhold.trust.errors import Code, Damaged, Misuse
from firmhold.trust.outer_faults import PlaceFault


def pem(key: PrivateKeyTypes, form: PrivateFormat, seal: KeySerializationEncryption) -> bytes:
    """A private key in a PEM of somebody else's making."""
    return key.private_bytes(Encoding.PEM, form, seal)


ED25519 = ed25519.Ed25519PrivateKey.generate()
EC = ec.generate_private_key(ec.SECP256R1())
OTHER_EC = ec.generate_private_key(ec.SECP521R1())
SEALED = BestAvailableEncryption(b"correct horse")
PKCS8, OLD = PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL
NOT_SEALED = "not an encrypted private key in PEM form"
OTHER_KIND = "not an Ed25519, P-256 or P-384 key"


def test_a_new_key_opens_again(tmp_path: Path, passphrase: str) -> None:
    """The key that was made is the key that is read."""
    made = FileSigner.create(tmp_path / "deep/er/key.pem", passphrase)
    assert FileSigner.load(tmp_path / "deep/er/key.pem", passphrase).entry == made.entry


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_key_file_is_its_owners_only(tmp_path: Path, umask: int) -> None:
    """Nobody else may read a key file, whatever the process usually allows."""
    before = os.umask(umask)
    try:
        FileSigner.create(tmp_path / "key.pem", "p")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "key.pem").stat().st_mode) == 0o600


@pytest.mark.parametrize("there", ["file", "folder", "dangling link"])
def test_a_key_file_is_never_overwritten(tmp_path: Path, there: str) -> None:
    """Where something is already, no key is made, and what is there stays."""
    path, elsewhere = tmp_path / "key.pem", tmp_path / "elsewhere"
    if there == "file":
        path.write_bytes(b"precious")
    elif there == "folder":
        path.mkdir()
    else:
        path.symlink_to(elsewhere)
    with pytest.raises(Misuse) as error:
        FileSigner.create(path, "p")
    fault = PlaceFault(code=Code.KEY_EXISTS, path=str(path), detail="a file is there already")
    assert error.value.fault == fault
    assert not elsewhere.exists()
    assert there != "file" or path.read_bytes() == b"precious"


def test_a_new_key_survives_a_power_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes of a key are durable before anybody relies on it, and then its name."""
    synced: list[str] = []
    sync = os.fsync

    def watched(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        sync(descriptor)

    (tmp_path / "keys").mkdir()
    monkeypatch.setattr(os, "fsync", watched)
    FileSigner.create(tmp_path / "keys/key.pem", "p")
    assert synced == ["key.pem", "keys"]


def test_an_empty_passphrase_makes_no_key(tmp_path: Path) -> None:
    """A key that anybody can open is not written."""
    path = tmp_path / "key.pem"
    with pytest.raises(Misuse) as error:
        FileSigner.create(path, "")
    detail = "an empty passphrase protects nothing"
    assert error.value.fault == PlaceFault(code=Code.KEY_PASSPHRASE, path=str(path), detail=detail)
    assert not path.exists()


def test_a_place_that_cannot_hold_a_key_is_named(tmp_path: Path) -> None:
    """A file where a folder should be is a failure of this machine's disk."""
    (tmp_path / "keys").write_bytes(b"")
    with pytest.raises(Damaged) as error:
        FileSigner.create(tmp_path / "keys/key.pem", "p")
    assert error.value.code is Code.STORE_IO


def test_a_key_that_could_not_be_written_whole_is_not_there(tmp_path: Path) -> None:
    """A full disk leaves no half key behind, so that the next attempt succeeds."""
    with pytest.raises(Damaged) as error, full_disk(100):
        FileSigner.create(tmp_path / "key.pem", "p")
    assert error.value.code is Code.STORE_IO
    assert not (tmp_path / "key.pem").exists()


@pytest.mark.parametrize("wrong", ["", "Correct horse", "correct horse ", "\udcff", "x" * 5000])
def test_a_wrong_passphrase_opens_nothing(key_file: Path, wrong: str) -> None:
    """Each passphrase but the right one is told apart from a missing key, and shown nowhere."""
    with pytest.raises(Misuse) as error:
        FileSigner.load(key_file, wrong)
    detail = "damaged, or not under this passphrase"
    fault = PlaceFault(code=Code.KEY_PASSPHRASE, path=str(key_file), detail=detail)
    assert error.value.fault == fault
    assert not wrong or wrong not in str(error.value)


NO_KEYS = {
    "empty": (b"", NOT_SEALED),
    "text": (b"correct horse\n", NOT_SEALED),
    "binary": (bytes(range(256)), NOT_SEALED),
    "unencrypted": (pem(ED25519, PKCS8, NoEncryption()), NOT_SEALED),
    "public half": (
        ED25519.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        NOT_SEALED,
    ),
    "old form": (pem(EC, OLD, SEALED), NOT_SEALED),
    "another curve": (pem(OTHER_EC, PKCS8, SEALED), OTHER_KIND),
    "RSA": (pem(rsa.generate_private_key(65537, 2048), PKCS8, SEALED), OTHER_KIND),
}


@pytest.mark.parametrize(("data", "detail"), NO_KEYS.values(), ids=NO_KEYS)
def test_what_is_no_key_of_ours_is_told_so(
    tmp_path: Path, passphrase: str, data: bytes, detail: str
) -> None:
    """A file of another kind says so, whatever the passphrase."""
    path = tmp_path / "key.pem"
    path.write_bytes(data)
    with pytest.raises(Misuse) as error:
        FileSigner.load(path, passphrase)
    assert error.value.fault == PlaceFault(code=Code.KEY_UNREADABLE, path=str(path), detail=detail)


@pytest.mark.parametrize("kept", [0.3, 0.9, 0.99])
def test_a_truncated_key_is_no_key(
    tmp_path: Path, key_file: Path, passphrase: str, kept: float
) -> None:
    """A key file that ends early is not guessed at."""
    data = key_file.read_bytes()
    path = tmp_path / "key.pem"
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(Misuse) as error:
        FileSigner.load(path, passphrase)
    fault = PlaceFault(code=Code.KEY_UNREADABLE, path=str(path), detail=NOT_SEALED)
    assert error.value.fault == fault


def test_an_endless_file_is_no_key(tmp_path: Path, passphrase: str) -> None:
    """Not more of a file is read than a key can have."""
    path = tmp_path / "key.pem"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(Misuse) as error:
        FileSigner.load(path, passphrase)
    assert error.value.code is Code.KEY_UNREADABLE


@pytest.mark.parametrize("what", ["missing", "folder", "pipe", "behind a file"])
def test_what_cannot_be_read_is_named(tmp_path: Path, passphrase: str, what: str) -> None:
    """A missing file, a folder and a pipe are the caller's mistake, and nobody waits for them."""
    path = tmp_path / "key.pem"
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "behind a file":
        path.write_bytes(b"")
        path /= "key.pem"
    with pytest.raises(Misuse) as error:
        FileSigner.load(path, passphrase)
    assert error.value.code is Code.KEY_UNREADABLE
    assert isinstance(error.value.fault, PlaceFault)
    assert error.value.fault.path == str(path)


def openssl(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the outside tool."""
    tool = shutil.which("openssl")
    assert tool is not None
    return subprocess.run([tool, *arguments], check=False, capture_output=True, text=True)  # noqa: S603 - our own arguments


def test_openssl_opens_a_key_file(key_file: Path, passphrase: str) -> None:
    """A key file has a common form: an outside tool finds the same public half in it."""
    opening = ("-in", key_file, "-passin", f"pass:{passphrase}")
    shown = openssl("pkey", *opening, "-text_pub", "-noout").stdout
    public = "".join(shown.split("pub:")[1].split()).replace(":", "")
    assert FileSigner.load(key_file, passphrase).entry["keyval"] == {"public": public}


def test_a_passphrase_is_the_bytes_that_were_typed(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 reach the key as they are, here and in an outside tool."""
    path = tmp_path / "key.pem"
    FileSigner.create(path, "\udcff")
    assert openssl("pkey", "-in", path, "-passin", "pass:\udcff", "-noout").returncode == 0
    with pytest.raises(Misuse) as error:
        FileSigner.load(path, "\udcfe")
    assert error.value.code is Code.KEY_PASSPHRASE


def test_openssl_does_not_open_it_with_another_passphrase(key_file: Path) -> None:
    """The outside tool needs the passphrase too."""
    assert openssl("pkey", "-in", key_file, "-passin", "pass:wrong", "-noout").returncode != 0


def test_a_key_that_openssl_made_opens(tmp_path: Path, passphrase: str) -> None:
    """A holder may bring a key that another tool has sealed."""
    path = tmp_path / "key.pem"
    sealing = ("-aes-256-cbc", "-pass", f"pass:{passphrase}", "-out", path)
    assert openssl("genpkey", "-algorithm", "ed25519", *sealing).returncode == 0
    assert len(FileSigner.load(path, passphrase).key_id) == 64


@pytest.mark.parametrize("passphrase", ["pässword", "bytes \udcff\udc80", " ", "\x00"])
def test_any_passphrase_opens_what_it_sealed(tmp_path: Path, passphrase: str) -> None:
    """Letters of any alphabet, and bytes that are no letters at all, make a passphrase."""
    made = FileSigner.create(tmp_path / "key.pem", passphrase)
    assert FileSigner.load(tmp_path / "key.pem", passphrase).key_id == made.key_id
