"""The device signing key, wherever it lives: in the TPM that is configured, else in a file.

What speaks to a TPM is loaded where there is one, and nowhere else.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from firmhold.device.adapters.key import DeviceKey
from firmhold.device.certificates import Server
from firmhold.protocol.enrolment import TpmProven
from firmhold.trust.device_id import DeviceId
from firmhold.trust.encoding import JsonValue
from firmhold.trust.keys import KeyId

if TYPE_CHECKING:
    from firmhold.device.adapters.tpm_key import TpmDeviceKey


class SigningKey(Protocol):
    """The key that signs what this device says of itself."""

    @property
    def key_id(self) -> KeyId:
        """The derived key id of the public half."""
        ...

    @property
    def entry(self) -> Mapping[str, JsonValue]:
        """The public half as an entry of a key table."""
        ...

    @property
    def csr(self) -> bytes:
        """A certificate signing request (DER), which proves possession."""
        ...

    def sign(self, payload: bytes) -> str:
        """Return the signature over `payload`, in hexadecimal."""
        ...

    def proven(self, server: Server, device: DeviceId) -> TpmProven | None:
        """Return the proof that the key is in a TPM; None: it is in none."""
        ...


def make_key(path: Path, tcti: str | None) -> SigningKey:
    """Make the key, durably; one that is there is kept."""
    return DeviceKey.make(path) if tcti is None else _tpm_keys().make(path, tcti)


def open_key(path: Path, tcti: str | None) -> SigningKey:
    """Return the key that was made."""
    return DeviceKey(path) if tcti is None else _tpm_keys()(path, tcti)


def _tpm_keys() -> "type[TpmDeviceKey]":
    from firmhold.device.adapters.tpm_key import TpmDeviceKey  # noqa: PLC0415 - an extra

    return TpmDeviceKey
