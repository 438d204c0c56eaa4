"""A key is named by a URI; the scheme says where it lives."""

from pathlib import Path

from firmhold.signing.file import FileSigner
from firmhold.signing.ports import Secrets, Signer
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.outer_faults import PlaceFault

FILE_SCHEME = "file:"


def open_signer(uri: str, secrets: Secrets) -> Signer:
    """Return the signer that `uri` names: `file:PATH` for an encrypted key file."""
    if not uri.startswith(FILE_SCHEME):
        detail = f"not a key URI that is known here ({FILE_SCHEME}PATH)"
        raise Misuse(PlaceFault(code=Code.KEY_URI, path=uri, detail=detail))
    return FileSigner.load(Path(uri.removeprefix(FILE_SCHEME)), secrets.passphrase(uri))
