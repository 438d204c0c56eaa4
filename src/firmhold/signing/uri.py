"""A key is named by a URI; the scheme says where it lives.

    file:PATH               an encrypted file (staging)
    pkcs11:…                a PKCS#11 token (RFC 7512)
    tpm:PATH                a file that one TPM can use
    awskms: gcpkms: azurekms: hv:   a key service

What speaks to tokens, TPMs and services is loaded when a key of theirs is named.
"""

from pathlib import Path

from firmhold.pkix.public import Algorithm
from firmhold.signing.audit import Auditable
from firmhold.signing.file import FileSigner
from firmhold.signing.pkcs11_uri import SCHEME as PKCS11_SCHEME
from firmhold.signing.ports import Secrets, Signer
from firmhold.signing.tpm_uri import SCHEME as TPM_SCHEME
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.outer_faults import PlaceFault

FILE_SCHEME = "file:"
KNOWN = "file:PATH, pkcs11:…, tpm:PATH"


def open_signer(uri: str, secrets: Secrets) -> Auditable:
    """Return the key that is there under a URI. Raises `Misuse` or `Unavailable`."""
    if uri.startswith(FILE_SCHEME):
        return FileSigner.load(_path(uri), secrets.passphrase(uri))
    if uri.startswith(PKCS11_SCHEME):
        from firmhold.signing.pkcs11_signer import Pkcs11Signer  # noqa: PLC0415 - an extra

        return Pkcs11Signer.load(uri, secrets)
    if uri.startswith(TPM_SCHEME):
        from firmhold.signing.tpm import TpmSigner  # noqa: PLC0415 - an extra

        return TpmSigner.load(uri, secrets)
    raise _unknown(uri)


def create_signer(uri: str, secrets: Secrets, algorithm: Algorithm) -> Auditable:
    """Make a key under a URI, where none is yet. Raises `Misuse` or `Unavailable`."""
    if uri.startswith(FILE_SCHEME):
        return FileSigner.create(_path(uri), secrets.passphrase(uri), algorithm)
    if uri.startswith(PKCS11_SCHEME):
        from firmhold.signing.pkcs11_signer import Pkcs11Signer  # noqa: PLC0415 - an extra

        return Pkcs11Signer.create(uri, secrets, algorithm)
    if uri.startswith(TPM_SCHEME):
        from firmhold.signing.tpm import TpmSigner  # noqa: PLC0415 - an extra

        return TpmSigner.create(uri, secrets, algorithm)
    raise _unknown(uri)


def _path(uri: str) -> Path:
    return Path(uri.removeprefix(FILE_SCHEME))


def _unknown(uri: str) -> Misuse:
    detail = f"not a key URI that is known here ({KNOWN})"
    return Misuse(PlaceFault(code=Code.KEY_URI, path=uri, detail=detail))


__all__ = ["FILE_SCHEME", "Signer", "create_signer", "open_signer"]
