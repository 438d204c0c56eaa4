"""What a device's certificate says: who it is, and of which class.

The *full* class may do everything that a device does. The *recovery* class is for the device that
cannot renew in full: it was away for too long, or something speaks against it. It sees metadata,
security releases and recovery releases, and can come back.

The name stands in the subject alternative name, as a URI: `urn:firmhold:full:camera-7`.
"""

import re
from dataclasses import dataclass
from enum import StrEnum, unique

from firmhold.trust.device_id import DeviceId
from firmhold.trust.errors import Code
from firmhold.trust.shape import Shape

_SHAPE = Shape(Code.PROTOCOL_IDENTITY)
_DEVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PREFIX = "urn:firmhold"


@unique
class CertificateClass(StrEnum):
    """What the holder of a certificate may do."""

    FULL = "full"
    RECOVERY = "recovery"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks."""

    device: DeviceId
    certificate_class: CertificateClass

    @property
    def uri(self) -> str:
        """The form in which a certificate bears it; `read_identity` reads it back."""
        return f"{_PREFIX}:{self.certificate_class}:{self.device}"


def device_id(name: str, where: str) -> DeviceId:
    """Return a name that a device may have: letters, digits and `-_.`, 64 at most."""
    if not _DEVICE.fullmatch(name):
        raise _SHAPE.refusal(where, "1 to 64 letters, digits and '-_.', the first no sign")
    return DeviceId(name)


def read_identity(uri: str) -> Identity:
    """Return the identity in a URI of a certificate. Raises `Refused`."""
    prefix, _, rest = uri.rpartition(f"{_PREFIX}:")
    name, colon, device = rest.partition(":")
    if prefix or not colon or name not in set(CertificateClass):
        raise _SHAPE.refusal("uri", f"{_PREFIX}:CLASS:DEVICE")
    return Identity(device_id(device, "uri"), CertificateClass(name))
