"""Where PINs and passphrases come from, and where they never do."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from firmhold.signing.passphrases import CREDENTIALS, VARIABLE, Passphrases, credential_name
from firmhold.trust.errors import Code, Misuse

TOKEN = "pkcs11:token=Root%20A;object=alice?module-path=/l.so"  # noqa: S105 - a name
TPM = "tpm:/etc/firmhold/gateway.tss"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in the environment."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.delenv(CREDENTIALS, raising=False)


def descriptor(data: bytes) -> int:
    """An open descriptor with `data`, and then its end."""
    reading, writing = os.pipe()
    os.write(writing, data)
    os.close(writing)
    return reading


def test_a_descriptor_gives_one_pin_a_line_in_order() -> None:
    """Two tokens have two PINs, and neither is on a command line."""
    secrets = Passphrases(None, descriptor(b"1234\r\n56 78\n"))
    assert [secrets.pin(TOKEN), secrets.pin(TPM)] == ["1234", "56 78"]
    with pytest.raises(Misuse) as error:
        secrets.pin(TOKEN)
    assert "one PIN a line" in str(error.value)


def test_a_line_may_be_for_one_key_alone() -> None:
    """Such a PIN is found by the key's name, in any order and again: a session may end."""
    secrets = Passphrases(None, descriptor(f"{TPM}\t11\n{TOKEN}\t22\n".encode()))
    assert [secrets.pin(TOKEN), secrets.pin(TPM), secrets.pin(TOKEN)] == ["22", "11", "22"]
    with pytest.raises(Misuse) as error:
        secrets.pin("tpm:other")
    assert "11" not in str(error.value)


def test_a_descriptor_that_is_not_open_is_named() -> None:
    """A mistake in the shell's redirection is told."""
    with pytest.raises(Misuse) as error:
        Passphrases(None, 987).pin(TOKEN)
    assert "descriptor 987" in str(error.value)


@pytest.mark.parametrize(
    ("key", "name"), [(TOKEN, "pin.Root_A"), (TPM, "pin.gateway"), ("tpm:k?tcti=x:/y", "pin.k")]
)
def test_a_systemd_credential_is_found_by_its_token_or_file(
    key: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own name goes before the common one, `pin`."""
    monkeypatch.setenv(CREDENTIALS, str(tmp_path))
    assert credential_name(key) == name
    (tmp_path / "pin").write_text("common\n")
    assert Passphrases(None).pin(key) == "common"
    (tmp_path / name).write_text("own\n")
    assert Passphrases(None).pin(key) == "own"


def test_the_environment_gives_no_pin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Children inherit it, so the variable of passphrases opens files only; nor does their file."""
    monkeypatch.setenv(VARIABLE, "1234")
    file = tmp_path / "passphrase"
    file.write_text("1234")
    with (Path(os.devnull)).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        for secrets in (Passphrases(None), Passphrases(file)):
            with pytest.raises(Misuse) as error:
                secrets.pin(TOKEN)
            assert error.value.code is Code.MISUSE
            assert "--pin-fd" in str(error.value)
            assert "1234" not in str(error.value)
    assert Passphrases(None).passphrase("file:k") == "1234"


def test_a_person_is_asked_and_nothing_is_echoed() -> None:
    """At a terminal the PIN is asked for by the name of the key, and does not show."""
    ours, theirs = pty.openpty()
    program = (
        "from firmhold.signing.passphrases import Passphrases\n"
        f"print('got', Passphrases(None).pin({TOKEN!r})[::-1])\n"
    )
    running = subprocess.Popen(  # noqa: S603 - own words
        [sys.executable, "-c", program],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    seen = b""
    while b"PIN of" not in seen:
        seen += os.read(ours, 4096)
    os.write(ours, b"12345678\n")
    while b"got 8" not in seen or not seen.endswith(b"\n"):
        seen += os.read(ours, 4096)
    running.wait()
    os.close(ours)
    assert b"got 87654321" in seen
    assert b"12345678" not in seen
