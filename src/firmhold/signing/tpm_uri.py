"""`tpm:` URIs: a file with a key that only one TPM can use, and how that TPM is reached.

    tpm:PATH                       /dev/tpmrm0, the kernel's resource manager
    tpm:PATH?tcti=swtpm:path=SOCK  by the TSS's own name of another way (TCTI)

The file is a `TSS2 PRIVATE KEY` in PEM form, as OpenSSL's TPM provider reads it too.
"""

from dataclasses import dataclass
from pathlib import Path

from firmhold.trust.errors import Code, Misuse
from firmhold.trust.outer_faults import PlaceFault

SCHEME = "tpm:"
DEFAULT_TCTI = "device:/dev/tpmrm0"


@dataclass(frozen=True, slots=True)
class TpmKey:
    """Where the file is, and which TPM opens it."""

    path: Path
    tcti: str


def parse_tpm_key(uri: str) -> TpmKey:
    """Read a URI. Raises `Misuse` (`key.uri`)."""
    path, asked, query = uri.removeprefix(SCHEME).partition("?")
    name, _, tcti = query.partition("=")
    if not uri.startswith(SCHEME) or not path or (asked and (name != "tcti" or not tcti)):
        detail = "expected tpm:PATH or tpm:PATH?tcti=NAME"
        raise Misuse(PlaceFault(code=Code.KEY_URI, path=uri, detail=detail))
    return TpmKey(Path(path), tcti or DEFAULT_TCTI)
