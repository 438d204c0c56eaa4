"""Keys of a TPM: made in it, bound to it, used in it; ECDSA on P-256 with SHA-256.

A key lies in a file, enciphered by the TPM under its storage root key: elsewhere the file is worth
nothing. Nothing stays loaded between two uses: a TPM has room for three objects.
"""

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from tpm2_pytss import TSS2_Exception
from tpm2_pytss.constants import TPM2_ALG, TPM2_ECC, TPM2_RH, TPM2_ST, TPMA_OBJECT
from tpm2_pytss.tsskey import TSSPrivKey
from tpm2_pytss.types import (
    TPM2B_DIGEST,
    TPMS_ECC_PARMS,
    TPMS_SCHEME_HASH,
    TPMT_ECC_SCHEME,
    TPMT_KDF_SCHEME,
    TPMT_PUBLIC,
    TPMT_SIG_SCHEME,
    TPMT_SYM_DEF_OBJECT,
    TPMT_TK_HASHCHECK,
    TPMU_ASYM_SCHEME,
    TPMU_PUBLIC_PARMS,
)

from firmhold.pkix.public import entry_of
from firmhold.tpm.reach import reached
from firmhold.trust.encoding import JsonValue
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.outer_faults import PlaceFault

T = TypeVar("T")

MAX_FILE_BYTES = 65_536
_COORDINATE_BYTES = 32


@dataclass(slots=True)
class LoadableKey:
    """A key that one TPM can load; `about` names it for people."""

    tcti: str
    about: str
    pem: bytes
    pin: bytes = field(default=b"", repr=False)
    _key: Any = field(init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        """Read the file. Raises `Misuse`."""
        self._key = _read(self.pem, self.about)

    @classmethod
    def create(cls, tcti: str, about: str, pin: bytes) -> "LoadableKey":
        """Make a key in a TPM; without a PIN whoever has TPM and file can use it."""
        with reached(tcti, about) as tpm:
            key = TSSPrivKey.create(tpm, _template(), password=pin or None)
        return cls(tcti, about, key.to_pem(), pin)

    @property
    def needs_pin(self) -> bool:
        """True if the key was made with a PIN."""
        return not self._key.empty_auth

    @property
    def entry(self) -> Mapping[str, JsonValue]:
        """The public half as an entry of a key table."""
        point = self._key.public.publicArea.unique.ecc
        x, y = (bytes(each).rjust(_COORDINATE_BYTES, b"\0") for each in (point.x, point.y))
        return entry_of(EllipticCurvePublicKey.from_encoded_point(SECP256R1(), b"\x04" + x + y))

    @property
    def public_area(self) -> bytes:
        """The public area as the TPM writes it (TPM2B_PUBLIC)."""
        return bytes(self._key.public.marshal())

    def sign(self, payload: bytes) -> str:
        """Return the TPM's signature over `payload`, in hexadecimal. Raises `Unavailable`."""
        digest = hashlib.sha256(payload).digest()
        return self.loaded(lambda tpm, handle: _signed(tpm, handle, digest)).hex()

    def has(self, attribute: str) -> bool:
        """Tell whether the key has an attribute of TPM 2.0 part 2, 8.3, by the library's name."""
        return bool(self._key.public.publicArea.objectAttributes & getattr(TPMA_OBJECT, attribute))

    def loaded(self, work: Callable[[Any, Any], T]) -> T:
        """Return what `work` makes of the TPM and of the handle of this key in it."""
        with self._lock, reached(self.tcti, self.about) as tpm:
            handle = self._key.load(tpm, self.pin or None)
            try:
                return work(tpm, handle)
            finally:
                tpm.flush_context(handle)


def _template() -> Any:
    """A key that signs by ECDSA with SHA-256 and does nothing else, in this TPM alone.

    Without the attribute `noDA`: the TPM counts wrong PINs and locks (TPM 2.0 part 1, 19.8).
    """
    return TPMT_PUBLIC(
        type=TPM2_ALG.ECC,
        nameAlg=TPM2_ALG.SHA256,
        objectAttributes=TPMA_OBJECT.USERWITHAUTH
        | TPMA_OBJECT.SIGN_ENCRYPT
        | TPMA_OBJECT.FIXEDTPM
        | TPMA_OBJECT.FIXEDPARENT
        | TPMA_OBJECT.SENSITIVEDATAORIGIN,
        authPolicy=b"",
        parameters=TPMU_PUBLIC_PARMS(
            eccDetail=TPMS_ECC_PARMS(
                symmetric=TPMT_SYM_DEF_OBJECT(algorithm=TPM2_ALG.NULL),
                scheme=TPMT_ECC_SCHEME(
                    scheme=TPM2_ALG.ECDSA,
                    details=TPMU_ASYM_SCHEME(ecdsa=TPMS_SCHEME_HASH(hashAlg=TPM2_ALG.SHA256)),
                ),
                curveID=TPM2_ECC.NIST_P256,
                kdf=TPMT_KDF_SCHEME(scheme=TPM2_ALG.NULL),
            ),
        ),
    )


def _signed(tpm: Any, handle: Any, digest: bytes) -> bytes:
    ticket = TPMT_TK_HASHCHECK(tag=TPM2_ST.HASHCHECK, hierarchy=TPM2_RH.NULL)
    scheme = TPMT_SIG_SCHEME(scheme=TPM2_ALG.NULL)  # the key knows but one
    whole = tpm.sign(handle, TPM2B_DIGEST(digest), scheme, ticket)
    made = whole.signature.ecdsa  # a view into `whole`, which must live as long
    r, s = int.from_bytes(bytes(made.signatureR)), int.from_bytes(bytes(made.signatureS))
    return encode_dss_signature(r, s)


def _read(pem: bytes, about: str) -> Any:
    try:
        key = TSSPrivKey.from_pem(pem)
        curve = key.public.publicArea.parameters.eccDetail.curveID
    except (TSS2_Exception, ValueError, TypeError, KeyError) as error:
        raise _unreadable(about, "not a TSS2 PRIVATE KEY in PEM form") from error
    if key.public.publicArea.type != TPM2_ALG.ECC or curve != TPM2_ECC.NIST_P256:
        raise _unreadable(about, "not a key on P-256")
    return key


def _unreadable(about: str, detail: str) -> Misuse:
    return Misuse(PlaceFault(code=Code.KEY_UNREADABLE, path=about, detail=detail))
