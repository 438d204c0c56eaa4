"""An attacker: sits on the repository's disk, and holds exactly the keys that were stolen.

Every method returns or writes bytes; none of them touches a client.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner, SSlibKey

from firmhold.sim.repository import SimRepository
from firmhold.trust.encoding import canonical_json

Document = dict[str, Any]
Edit = Callable[[Document], object]


def disguised(signer: CryptoSigner, key: SSlibKey) -> CryptoSigner:
    """The private key of `signer`, signing under the id (and for the scheme) of `key`."""
    return CryptoSigner(load_pem_private_key(signer.private_bytes, None), key)


class Attacker:
    """Holds `keys`; may write to the folder of `repository`, not use its signers."""

    def __init__(self, repository: SimRepository, keys: Iterable[CryptoSigner] = ()) -> None:
        self.keys = list(keys)
        self._repository = repository

    def steal(self, role: str, count: int | None = None) -> None:
        """Take `count` private keys of a role, all if not said."""
        self.keys += self._repository.signers[role][:count]

    def signed_part(self, role: str, edit: Edit) -> Document:
        """The newest published metadata of a role with `edit` applied to the part that is signed.

        `edit` changes the dictionary in place; whatever it returns is ignored.
        """
        document: Document = json.loads(self._repository.published[role])["signed"]
        edit(document)
        return document

    def forge(self, role: str, edit: Edit, keys: Iterable[CryptoSigner] | None = None) -> bytes:
        """The newest published metadata of a role, changed, signed with stolen keys."""
        return self.sign(self.signed_part(role, edit), keys)

    def sign(self, signed: Document, keys: Iterable[CryptoSigner] | None = None) -> bytes:
        """An envelope around `signed` with a signature of each stolen key (or of `keys`)."""
        payload = canonical_json(signed)
        signatures = [key.sign(payload).to_dict() for key in (self.keys if keys is None else keys)]
        return json.dumps({"signatures": signatures, "signed": signed}).encode()

    def with_signatures_of(self, role: str, edit: Edit) -> bytes:
        """The newest published metadata of a role, changed, under their old signatures."""
        document: Document = json.loads(self._repository.published[role])
        edit(document["signed"])
        return json.dumps(document).encode()

    def serve(self, role: str, data: bytes, *, version: int | None = None) -> None:
        """Put `data` where clients look for a version of a role."""
        self._repository.lie(role, data, version=version)
