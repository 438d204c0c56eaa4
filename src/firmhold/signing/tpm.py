"""A holder's key in a TPM: in a file that one TPM can use, behind a PIN that the TPM counts."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from firmhold.pkix.public import Algorithm
from firmhold.signing.audit import Finding
from firmhold.signing.file import write_new
from firmhold.signing.hold import keep_memory_in
from firmhold.signing.ports import Secrets, Tier
from firmhold.signing.tpm_uri import parse_tpm_key
from firmhold.storage.disk import read_file, why
from firmhold.tpm.keys import MAX_FILE_BYTES, LoadableKey
from firmhold.trust.encoding import JsonValue
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.keys import KeyId, derived_key_id
from firmhold.trust.outer_faults import PlaceFault

_MUST_BE: Mapping[str, bool] = {
    "FIXEDTPM": True,
    "FIXEDPARENT": True,
    "SENSITIVEDATAORIGIN": True,
    "USERWITHAUTH": True,
    "NODA": False,
    "RESTRICTED": False,
    "DECRYPT": False,
    "SIGN_ENCRYPT": True,
}


class TpmSigner:
    """A key that one TPM can use."""

    def __init__(self, key: LoadableKey) -> None:
        self._key = key

    @classmethod
    def load(cls, uri: str, secrets: Secrets) -> "TpmSigner":
        """Return the key in the file of a URI. Raises `Misuse`."""
        keep_memory_in()
        named = parse_tpm_key(uri)
        key = LoadableKey(named.tcti, uri, _file(named.path))
        if key.needs_pin:
            key.pin = secrets.pin(uri).encode()
        return cls(key)

    @classmethod
    def create(cls, uri: str, secrets: Secrets, algorithm: Algorithm) -> "TpmSigner":
        """Make a key in the TPM and write its file, which must not be there yet."""
        named = parse_tpm_key(uri)
        if algorithm is not Algorithm.P256:
            raise _misuse(Code.KEY_URI, uri, "a TPM makes keys on P-256")
        if named.path.exists():
            raise _misuse(Code.KEY_EXISTS, str(named.path), "a file is there already")
        keep_memory_in()
        pin = secrets.pin(uri).encode()
        if not pin:
            raise _misuse(Code.KEY_PIN, uri, "an empty PIN protects nothing")
        key = LoadableKey.create(named.tcti, uri, pin)
        write_new(named.path, key.pem)
        return cls(key)

    @cached_property
    def key_id(self) -> KeyId:
        """The derived key id of the public half."""
        return derived_key_id(self.entry)

    @property
    def entry(self) -> Mapping[str, JsonValue]:
        """The public half as an entry of a key table."""
        return self._key.entry

    @property
    def tier(self) -> Tier:
        """A TPM."""
        return Tier.TPM

    def sign(self, payload: bytes) -> str:
        """Return the TPM's signature over `payload`. Raises `Unavailable` if it makes none."""
        return self._key.sign(payload)

    def findings(self) -> tuple[Finding, ...]:
        """Return what is not as it must be; the TPM's own loading proves the key is its."""
        self._key.loaded(lambda _tpm, _handle: None)
        return tuple(
            Finding(name, str(must).lower(), str(not must).lower())
            for name, must in _MUST_BE.items()
            if self._key.has(name) is not must
        )


def _file(path: Path) -> bytes:
    try:
        return read_file(path, MAX_FILE_BYTES)
    except OSError as error:
        raise _misuse(Code.KEY_UNREADABLE, str(path), why(error)) from error


def _misuse(code: Code, path: str, detail: str) -> Misuse:
    return Misuse(PlaceFault(code=code, path=path, detail=detail))
