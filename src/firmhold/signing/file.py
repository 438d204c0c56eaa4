"""Keys in encrypted files: for staging and for a first look. Production keys belong in tokens."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from firmhold.pkix.public import CURVES, HASHES, Algorithm, entry_of
from firmhold.signing.audit import Finding
from firmhold.signing.hold import keep_memory_in
from firmhold.signing.pkcs8 import is_sealed, open_key, seal_key
from firmhold.signing.ports import Tier
from firmhold.storage.atomic import make_folder, sync_folder
from firmhold.storage.disk import own_disk, read_file, why
from firmhold.trust.encoding import JsonValue
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.keys import KeyId, derived_key_id
from firmhold.trust.outer_faults import PlaceFault

PrivateKey: TypeAlias = Ed25519PrivateKey | ec.EllipticCurvePrivateKey

_OWNER_ONLY = 0o600
_MAX_FILE_BYTES = 65_536
_GENERATED_CURVES: Mapping[Algorithm, ec.EllipticCurve] = {
    Algorithm.P256: ec.SECP256R1(),
    Algorithm.P384: ec.SECP384R1(),
}


class FileSigner:
    """A key that was read from an encrypted file: Ed25519, P-256 or P-384."""

    def __init__(self, key: PrivateKey) -> None:
        self._key = key

    @classmethod
    def create(
        cls, path: Path, passphrase: str, algorithm: Algorithm = Algorithm.ED25519
    ) -> "FileSigner":
        """Make a new key and write it to `path`, which must not exist."""
        if not passphrase:
            raise _misuse(Code.KEY_PASSPHRASE, path, "an empty passphrase protects nothing")
        keep_memory_in()
        key = _generated(algorithm)
        write_new(path, seal_key(key, passphrase))
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
        keep_memory_in()
        try:
            key = open_key(pem, passphrase)
        except ValueError as error:
            detail = "damaged, or not under this passphrase"
            raise _misuse(Code.KEY_PASSPHRASE, path, detail) from error
        return cls(_of_ours(key, path))

    @property
    def key_id(self) -> KeyId:
        """The derived key id of the public half."""
        return derived_key_id(self.entry)

    @property
    def entry(self) -> Mapping[str, JsonValue]:
        """The public half as an entry of a key table."""
        return entry_of(self._key.public_key())

    @property
    def tier(self) -> Tier:
        """A file."""
        return Tier.FILE

    def findings(self) -> tuple[Finding, ...]:
        """Return the one finding that every file is."""
        return (Finding("where the key lives", "a token, a TPM or a key service", "a file"),)

    def sign(self, payload: bytes) -> str:
        """Return the signature over `payload`, in hexadecimal; the same payload, the same bytes."""
        if isinstance(self._key, Ed25519PrivateKey):
            return self._key.sign(payload).hex()
        algorithm = HASHES[CURVES[self._key.curve.name]]
        return self._key.sign(payload, ec.ECDSA(algorithm, deterministic_signing=True)).hex()


def _generated(algorithm: Algorithm) -> PrivateKey:
    if algorithm is Algorithm.ED25519:
        return Ed25519PrivateKey.generate()
    return ec.generate_private_key(_GENERATED_CURVES[algorithm])


def _of_ours(key: PrivateKeyTypes, path: Path) -> PrivateKey:
    if isinstance(key, Ed25519PrivateKey):
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in CURVES:
        return key
    raise _misuse(Code.KEY_UNREADABLE, path, "not an Ed25519, P-256 or P-384 key")


def write_new(path: Path, data: bytes) -> None:
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
