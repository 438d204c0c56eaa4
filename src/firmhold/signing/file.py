"""Keys in encrypted files: for staging and for a first look. Production keys belong in tokens."""

from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firmhold.signing.pkcs8 import open_key, seal_key
from firmhold.trust.encoding import JsonValue
from firmhold.trust.errors import Code, Misuse, PlaceFault
from firmhold.trust.keys import ED25519, KeyId, derived_key_id

_OWNER_ONLY = 0o600


class FileSigner:
    """An Ed25519 key that was read from an encrypted file."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def create(cls, path: Path, passphrase: str) -> "FileSigner":
        """Make a new key and write it to `path`, which must not exist."""
        if not passphrase:
            raise Misuse(_fault(Code.KEY_PASSPHRASE, path, "an empty passphrase protects nothing"))
        key = Ed25519PrivateKey.generate()
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.touch(mode=_OWNER_ONLY, exist_ok=False)
        except FileExistsError as error:
            raise Misuse(_fault(Code.KEY_EXISTS, path, "a file is there already")) from error
        path.write_bytes(seal_key(key, passphrase))
        return cls(key)

    @classmethod
    def load(cls, path: Path, passphrase: str) -> "FileSigner":
        """Read the key at `path`."""
        try:
            return cls(open_key(path.read_bytes(), passphrase))
        except OSError as error:
            detail = error.strerror or str(error)
            raise Misuse(_fault(Code.KEY_UNREADABLE, path, detail)) from error
        except ValueError as error:
            detail = "not an encrypted Ed25519 key, or not under this passphrase"
            raise Misuse(_fault(Code.KEY_PASSPHRASE, path, detail)) from error

    @property
    def key_id(self) -> KeyId:
        """The derived key id of the public half."""
        return derived_key_id(self.entry)

    @property
    def entry(self) -> Mapping[str, JsonValue]:
        """The public half as an entry of a key table."""
        public = self._key.public_key().public_bytes_raw().hex()
        return {"keytype": ED25519, "scheme": ED25519, "keyval": {"public": public}}

    def sign(self, payload: bytes) -> str:
        """Return the signature over `payload`, in hexadecimal; the same payload, the same bytes."""
        return self._key.sign(payload).hex()


def _fault(code: Code, path: Path, detail: str) -> PlaceFault:
    return PlaceFault(code=code, path=str(path), detail=detail)
