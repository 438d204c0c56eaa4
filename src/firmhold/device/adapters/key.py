"""The device signing key, in a file: the tier of devices that have no hardware for keys."""

from collections.abc import Mapping
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from firmhold.device.adapters.disk import own_disk, read_file, write_new
from firmhold.device.certificates import Server
from firmhold.protocol.enrolment import TpmProven
from firmhold.trust.device_id import DeviceId
from firmhold.trust.encoding import JsonValue
from firmhold.trust.errors import Code, Damaged
from firmhold.trust.keys import KeyId, derived_key_id, ed25519_entry
from firmhold.trust.outer_faults import PlaceFault

_MAX_BYTES = 16_384
NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "firmhold device")])


class DeviceKey:
    """The key that signs what this device says of itself."""

    def __init__(self, path: Path) -> None:
        try:
            with own_disk(path):
                found = load_pem_private_key(read_file(path, _MAX_BYTES), None)
        except (TypeError, ValueError) as error:
            raise _damaged(path) from error
        if not isinstance(found, Ed25519PrivateKey):
            raise _damaged(path)
        self._key = found

    @classmethod
    def make(cls, path: Path) -> "DeviceKey":
        """Make the key, durably; one that is there is kept."""
        with own_disk(path):
            if not path.exists():
                write_new(path, _pem(Ed25519PrivateKey.generate()))
        return cls(path)

    @property
    def key_id(self) -> KeyId:
        """The derived key id of the public half."""
        return derived_key_id(self.entry)

    @property
    def entry(self) -> Mapping[str, JsonValue]:
        """The public half as an entry of a key table."""
        return ed25519_entry(self._key.public_key().public_bytes_raw())

    @property
    def csr(self) -> bytes:
        """A certificate signing request (DER), which proves possession."""
        builder = x509.CertificateSigningRequestBuilder(NAME)
        return builder.sign(self._key, None).public_bytes(Encoding.DER)

    def proven(self, _server: Server, _device: DeviceId) -> TpmProven | None:
        """Return None: nothing proves where a file is."""
        return None

    def sign(self, payload: bytes) -> str:
        """Return the signature over `payload`, in hexadecimal."""
        return self._key.sign(payload).hex()


def new_tls_key() -> tuple[bytes, bytes]:
    """Return a new key for TLS in PEM form, and its certificate signing request (DER)."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateSigningRequestBuilder(NAME)
    request = builder.sign(key, SHA256()).public_bytes(Encoding.DER)
    return _pem(key), request


def _pem(key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _damaged(path: Path) -> Damaged:
    return Damaged(PlaceFault(code=Code.KEY_UNREADABLE, path=str(path), detail="not a key"))
