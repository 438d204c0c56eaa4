"""Keys in encrypted files: for staging and for a first look. Production keys belong in tokens."""

import os
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.x509 import (
    Certificate,
    CertificateBuilder,
    CertificateSigningRequest,
    CertificateSigningRequestBuilder,
)

from firmhold.signing.pkcs8 import is_sealed, open_key, seal_key
from firmhold.storage.atomic import make_folder, sync_folder
from firmhold.storage.disk import own_disk, read_file, why
from firmhold.trust.encoding import JsonValue
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.keys import KeyId, derived_key_id, ed25519_entry
from firmhold.trust.outer_faults import PlaceFault

_OWNER_ONLY = 0o600
_MAX_FILE_BYTES = 65_536


class FileSigner:
    """An Ed25519 key that was read from an encrypted file."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def create(cls, path: Path, passphrase: str) -> "FileSigner":
        """Make a new key and write it to `path`, which must not exist."""
        if not passphrase:
            raise _misuse(Code.KEY_PASSPHRASE, path, "an empty passphrase protects nothing")
        key = Ed25519PrivateKey.generate()
        _write_new(path, seal_key(key, passphrase))
        return cls(key)

    @classmethod
    def load(cls, path: Path, passphrase: str) -> "FileSigner":
        """Read the key at `path`."""
        try:
            pem = read_file(path, _MAX_FILE_BYTES)
        except OSError as error:
            raise _misuse(Code.KEY_UNREADABLE, path, why(error)) from error
        if not is_sealed(pem):
            raise _misuse(Code.KEY_UNREADABLE, path, "not an encrypted private key in PEM form")
        try:
            key = open_key(pem, passphrase)
        except ValueError as error:
            detail = "damaged, or not under this passphrase"
            raise _misuse(Code.KEY_PASSPHRASE, path, detail) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise _misuse(Code.KEY_UNREADABLE, path, "not an Ed25519 key")
        return cls(key)

    @property
    def key_id(self) -> KeyId:
        """The derived key id of the public half."""
        return derived_key_id(self.entry)

    @property
    def entry(self) -> Mapping[str, JsonValue]:
        """The public half as an entry of a key table."""
        return ed25519_entry(self._key.public_key().public_bytes_raw())

    @property
    def public_key(self) -> Ed25519PublicKey:
        """The public half."""
        return self._key.public_key()

    def sign_certificate(self, builder: CertificateBuilder) -> Certificate:
        """Return the certificate that `builder` describes, signed."""
        return builder.sign(self._key, None)

    def sign_request(self, builder: CertificateSigningRequestBuilder) -> CertificateSigningRequest:
        """Return the certificate signing request that `builder` describes, signed."""
        return builder.sign(self._key, None)

    def sign(self, payload: bytes) -> str:
        """Return the signature over `payload`, in hexadecimal; the same payload, the same bytes."""
        return self._key.sign(payload).hex()


def _write_new(path: Path, data: bytes) -> None:
    """Write a file that only its owner reads; it is there wholly and durably, or not at all."""
    with own_disk(path):
        make_folder(path.parent)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
        except FileExistsError as error:
            raise _misuse(Code.KEY_EXISTS, path, "a file is there already") from error
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            path.unlink()
            raise
        sync_folder(path.parent)


def _misuse(code: Code, path: Path, detail: str) -> Misuse:
    return Misuse(PlaceFault(code=code, path=str(path), detail=detail))
