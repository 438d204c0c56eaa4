"""A TPM by the TSS's own name of the way to it (TCTI), and what it says in words of ours."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tpm2_pytss import ESAPI, TSS2_Exception
from tpm2_pytss.constants import TPM2_RC

from firmhold.trust.errors import Code, FirmholdError, Misuse, Unavailable
from firmhold.trust.outer_faults import PlaceFault

os.environ.setdefault("TSS2_LOG", "all+none")  # what fails is told once, by its fault

_WRONG_PIN = (TPM2_RC.AUTH_FAIL, TPM2_RC.BAD_AUTH)


@contextmanager
def reached(tcti: str, about: str) -> Iterator[Any]:
    """Reach the TPM; report what it says about the key or the deed that `about` names."""
    try:
        with ESAPI(tcti) as tpm:
            yield tpm
    except FirmholdError:
        raise
    except TSS2_Exception as error:
        raise _told(error, about) from error


def _told(error: Any, about: str) -> FirmholdError:
    code = error.error
    if code == TPM2_RC.LOCKOUT:
        detail = "locked: too many wrong PINs; it opens again with time"
        return Misuse(PlaceFault(code=Code.KEY_PIN, path=about, detail=detail))
    if code in _WRONG_PIN:
        return Misuse(PlaceFault(code=Code.KEY_PIN, path=about, detail="not the PIN of this key"))
    return Unavailable(PlaceFault(code=Code.KEY_TOKEN, path=about, detail=str(error)))
