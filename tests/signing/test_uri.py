"""A key is named by a URI."""

from pathlib import Path

import pytest

from firmhold.signing.file import FileSigner
from firmhold.signing.uri import open_signer
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


def test_a_file_uri_opens_the_file(key_file: Path, passphrase: str) -> None:
    """The passphrase is asked for once, by the name that the person gave."""
    secrets = Asked(passphrase)
    signer = open_signer(f"file:{key_file}", secrets)
    assert signer.key_id == FileSigner.load(key_file, passphrase).key_id
    assert secrets.keys == [f"file:{key_file}"]


@pytest.mark.parametrize("uri", ["", "key.pem", "/key.pem", "pkcs11:token=x", "FILE:key.pem"])
def test_a_key_that_is_no_uri_of_ours_is_not_opened(uri: str) -> None:
    """A path is not taken for a URI, and nobody is asked for a passphrase."""
    secrets = Asked("p")
    with pytest.raises(Misuse) as error:
        open_signer(uri, secrets)
    detail = "not a key URI that is known here (file:PATH)"
    assert error.value.fault == PlaceFault(code=Code.KEY_URI, path=uri, detail=detail)
    assert secrets.keys == []
