"""The device signing key in the device's TPM: it signs there, and nobody takes it away.

The file in the state folder is worth nothing elsewhere. No PIN protects it: the device signs while
nobody is there. Whoever runs as root on the device can have it sign; he cannot carry it off.
"""

from collections.abc import Mapping
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from firmhold.device.adapters.disk import own_disk, read_file, write_new
from firmhold.device.adapters.key import NAME
from firmhold.device.certificates import MAX_BYTES, Server
from firmhold.pkix.borrowed import sign_request
from firmhold.protocol.enrolment import Activation, TpmProven, TpmShown, parse_sealed
from firmhold.protocol.paths import ACTIVATION
from firmhold.tpm.endorsement import activated, endorsement_of
from firmhold.tpm.keys import MAX_FILE_BYTES, LoadableKey
from firmhold.trust.device_id import DeviceId
from firmhold.trust.encoding import JsonValue
from firmhold.trust.errors import Damaged, Misuse
from firmhold.trust.keys import KeyId, derived_key_id


class TpmDeviceKey:
    """The key that signs what this device says of itself, in its TPM."""

    def __init__(self, path: Path, tcti: str) -> None:
        with own_disk(path):
            pem = read_file(path, MAX_FILE_BYTES)
        try:
            self._key = LoadableKey(tcti, str(path), pem)
        except Misuse as error:
            raise Damaged(error.fault) from error

    @classmethod
    def make(cls, path: Path, tcti: str) -> "TpmDeviceKey":
        """Make the key in the TPM, and its file durably; one that is there is kept."""
        with own_disk(path):
            if not path.exists():
                write_new(path, LoadableKey.create(tcti, str(path), b"").pem)
        return cls(path, tcti)

    @property
    def key_id(self) -> KeyId:
        """The derived key id of the public half."""
        return derived_key_id(self.entry)

    @property
    def entry(self) -> Mapping[str, JsonValue]:
        """The public half as an entry of a key table."""
        return self._key.entry

    @property
    def csr(self) -> bytes:
        """A certificate signing request (DER), which proves possession."""
        builder = x509.CertificateSigningRequestBuilder(NAME)
        return sign_request(self._key, builder).public_bytes(Encoding.DER)

    def sign(self, payload: bytes) -> str:
        """Return the TPM's signature over `payload`, in hexadecimal. Raises `Unavailable`."""
        return self._key.sign(payload)

    def proven(self, server: Server, device: DeviceId) -> TpmProven:
        """Show the TPM to the server, and open the secret that it gives for it.

        Raises `Unavailable` if no maker has certified the TPM, or the server takes it for none.
        """
        endorsement = endorsement_of(self._key.tcti)
        shown = TpmShown(endorsement.certificate, (), endorsement.public, self._key.public_area)
        asked = Activation(device, shown).to_bytes()
        sealed = parse_sealed(server.post(ACTIVATION, asked, MAX_BYTES))
        return TpmProven(shown, activated(self._key, endorsement, sealed.blob, sealed.secret))
