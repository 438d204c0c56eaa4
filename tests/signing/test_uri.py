"""A key is named by a URI, and a PIN never stands in one."""

from pathlib import Path

import pytest

from firmhold.pkix.public import Algorithm
from firmhold.signing.file import FileSigner
from firmhold.signing.pkcs11_uri import MODULE, TokenKey, parse_token_key, token_uri
from firmhold.signing.tpm_uri import DEFAULT_TCTI, TpmKey, parse_tpm_key
from firmhold.signing.uri import create_signer, open_signer
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.outer_faults import PlaceFault


class Asked:
    """Knows one passphrase, and remembers for which keys it was asked."""

    def __init__(self, passphrase: str) -> None:
        self.keys: list[str] = []
        self._passphrase = passphrase

    def passphrase(self, key: str) -> str:
        """Return the passphrase of `key`."""
        self.keys.append(key)
        return self._passphrase

    def pin(self, key: str) -> str:
        """Return the PIN of `key`."""
        return self.passphrase(key)


def test_a_file_uri_opens_the_file(key_file: Path, passphrase: str) -> None:
    """The passphrase is asked for once, by the name that the person gave."""
    secrets = Asked(passphrase)
    signer = open_signer(f"file:{key_file}", secrets)
    assert signer.key_id == FileSigner.load(key_file, passphrase).key_id
    assert secrets.keys == [f"file:{key_file}"]


@pytest.mark.parametrize("uri", ["", "key.pem", "/key.pem", "FILE:key.pem", "sgx:key"])
def test_a_key_that_is_no_uri_of_ours_is_not_opened(uri: str) -> None:
    """A path is not taken for a URI, and nobody is asked for a passphrase."""
    secrets = Asked("p")
    with pytest.raises(Misuse) as opened:
        open_signer(uri, secrets)
    with pytest.raises(Misuse) as made:
        create_signer(uri, secrets, Algorithm.ED25519)
    for error in (opened, made):
        assert error.value.code is Code.KEY_URI
        assert isinstance(error.value.fault, PlaceFault)
        assert error.value.fault.path == uri
    assert secrets.keys == []


WHOLE = "pkcs11:token=Root%20A;serial=1f;manufacturer=M;model=X;object=alice;id=%a1%02;type=private"


def test_a_token_key_is_named_by_every_attribute_of_rfc_7512_that_names_one() -> None:
    """Each attribute is read, percent-decoded."""
    found = parse_token_key(f"{WHOLE}?module-path=/lib/token.so")
    expected = TokenKey("/lib/token.so", "Root A", "1f", "M", "X", "alice", b"\xa1\x02")
    assert found == expected


def test_the_environment_names_the_library_where_a_uri_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The URI's word goes before."""
    monkeypatch.setenv(MODULE, "/lib/other.so")
    assert parse_token_key(WHOLE).module == "/lib/other.so"
    assert parse_token_key(f"{WHOLE}?module-path=/lib/token.so").module == "/lib/token.so"


def test_a_uri_that_is_written_is_read_back() -> None:
    """Names with characters that mean something in a URI come through."""
    uri = token_uri("/lib/t.so", "a;b?c%&d", "ö=1")
    found = parse_token_key(uri)
    assert (found.module, found.token, found.label) == ("/lib/t.so", "a;b?c%&d", "ö=1")


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("pkcs11:token=a;object=k", "module-path"),
        ("pkcs11:token=a?module-path=/l", "object= or id="),
        ("pkcs11:object=k?module-path=/l", "token= or serial="),
        ("pkcs11:?module-path=/l", "token= or serial="),
        ("pkcs11:token=a;object=k;type=public?module-path=/l", "type=private"),
        ("pkcs11:token=a;token=b;object=k?module-path=/l", "at most once"),
        ("pkcs11:token=a;object=k;slot-id=1?module-path=/l", "at most once"),
        ("pkcs11:token=a;object=k?module-path=/l&module-name=x", "at most once"),
        ("pkcs11:token=a;object=k%zz?module-path=/l", "at most once"),
        ("pkcs11:token=a;object?module-path=/l", "at most once"),
        ("pkcs11:token=%ff;object=k?module-path=/l", "UTF-8"),
        (f"pkcs11:token={'a' * 2100};object=k?module-path=/l", "pkcs11:token="),
    ],
)
def test_a_token_key_that_is_not_named_whole_is_told_what_is_missing(
    uri: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is guessed: one key of one token by one library."""
    monkeypatch.delenv(MODULE, raising=False)
    with pytest.raises(Misuse) as error:
        parse_token_key(uri)
    assert error.value.code is Code.KEY_URI
    assert says in str(error.value)


@pytest.mark.parametrize("name", ["pin-value", "pin-source"])
def test_a_pin_in_a_uri_is_refused_and_not_shown(name: str) -> None:
    """A URI stands in histories and process lists, so it may not tell a PIN; nor may the error."""
    with pytest.raises(Misuse) as error:
        parse_token_key(f"pkcs11:token=a;object=k?module-path=/l&{name}=314159")
    assert error.value.code is Code.KEY_URI
    assert "314159" not in str(error.value)


def test_a_tpm_key_is_a_file_and_the_way_to_its_tpm() -> None:
    """Without another word the kernel's resource manager is meant."""
    assert parse_tpm_key("tpm:a/b.tss") == TpmKey(Path("a/b.tss"), DEFAULT_TCTI)
    named = parse_tpm_key("tpm:/k.tss?tcti=swtpm:path=/run/s")
    assert named == TpmKey(Path("/k.tss"), "swtpm:path=/run/s")


@pytest.mark.parametrize("uri", ["tpm:", "tpm:?tcti=x", "tpm:a?", "tpm:a?tcti=", "tpm:a?pin=1"])
def test_a_tpm_key_that_is_not_named_whole_is_refused(uri: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(Misuse) as error:
        parse_tpm_key(uri)
    assert error.value.code is Code.KEY_URI
