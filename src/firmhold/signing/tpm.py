"""Keys of a TPM 2.0: made in it, bound to it, used in it; ECDSA on P-256.

The key lies in a file, enciphered by the TPM under its storage root key: elsewhere the file is
worth nothing. The TPM counts wrong PINs and locks (TPM 2.0 part 1, 19.8), since the key is made
without the attribute that would exempt it. Nothing stays loaded between two signatures: a TPM has
room for three objects.
"""

import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from tpm2_pytss import ESAPI, TSS2_Exception
from tpm2_pytss.constants import TPM2_ALG, TPM2_ECC, TPM2_RC, TPM2_RH, TPM2_ST, TPMA_OBJECT
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

from firmhold.signing.audit import Finding
from firmhold.signing.file import write_new
from firmhold.signing.hold import keep_memory_in
from firmhold.signing.ports import Algorithm, Secrets, Tier
from firmhold.signing.public import entry_of
from firmhold.signing.tpm_uri import TpmKey, parse_tpm_key
from firmhold.storage.disk import read_file, why
from firmhold.trust.encoding import JsonValue
from firmhold.trust.errors import Code, FirmholdError, Misuse, Unavailable
from firmhold.trust.keys import KeyId, derived_key_id
from firmhold.trust.outer_faults import PlaceFault

T = TypeVar("T")

os.environ.setdefault("TSS2_LOG", "all+none")  # what fails is told once, by its fault
_MAX_FILE_BYTES = 65_536
_MUST_BE: Mapping[str, bool] = {
    "fixedTPM": True,
    "fixedParent": True,
    "sensitiveDataOrigin": True,
    "userWithAuth": True,
    "noDA": False,
    "restricted": False,
    "decrypt": False,
    "sign": True,
}
_BITS = {name: getattr(TPMA_OBJECT, name.upper()) for name in _MUST_BE if name != "sign"} | {
    "sign": TPMA_OBJECT.SIGN_ENCRYPT
}
_WRONG_PIN = (TPM2_RC.AUTH_FAIL, TPM2_RC.BAD_AUTH)


class TpmSigner:
    """A key that one TPM can use."""

    def __init__(self, named: TpmKey, uri: str, secrets: Secrets) -> None:
        self._named, self._uri, self._lock = named, uri, threading.Lock()
        self._key = _read(named.path)
        self._pin = b"" if self._key.empty_auth else secrets.pin(uri).encode()

    @classmethod
    def load(cls, uri: str, secrets: Secrets) -> "TpmSigner":
        """Return the key in the file of a URI. Raises `Misuse`."""
        keep_memory_in()
        return cls(parse_tpm_key(uri), uri, secrets)

    @classmethod
    def create(cls, uri: str, secrets: Secrets, algorithm: Algorithm) -> "TpmSigner":
        """Make a key in the TPM and write its file, which must not be there yet."""
        named = parse_tpm_key(uri)
        if algorithm is not Algorithm.P256:
            detail = "a TPM makes keys on P-256"
            raise Misuse(PlaceFault(code=Code.KEY_URI, path=uri, detail=detail))
        if named.path.exists():
            detail = "a file is there already"
            raise Misuse(PlaceFault(code=Code.KEY_EXISTS, path=str(named.path), detail=detail))
        keep_memory_in()
        pin = secrets.pin(uri).encode()
        if not pin:
            detail = "an empty PIN protects nothing"
            raise Misuse(PlaceFault(code=Code.KEY_PIN, path=uri, detail=detail))
        with _tpm(named.tcti, uri) as tpm:
            key = TSSPrivKey.create(tpm, _template(), password=pin)
        write_new(named.path, key.to_pem())
        return cls(named, uri, _Given(pin.decode()))

    @cached_property
    def key_id(self) -> KeyId:
        """The derived key id of the public half."""
        return derived_key_id(self.entry)

    @property
    def entry(self) -> Mapping[str, JsonValue]:
        """The public half as an entry of a key table."""
        point = self._key.public.publicArea.unique.ecc
        encoded = b"\x04" + bytes(point.x).rjust(32, b"\0") + bytes(point.y).rjust(32, b"\0")
        return entry_of(EllipticCurvePublicKey.from_encoded_point(SECP256R1(), encoded))

    @property
    def tier(self) -> Tier:
        """A TPM."""
        return Tier.TPM

    def sign(self, payload: bytes) -> str:
        """Return the TPM's signature over `payload`. Raises `Unavailable` if it makes none."""
        digest = hashlib.sha256(payload).digest()
        return self._loaded(lambda tpm, handle: _signed(tpm, handle, digest)).hex()

    def findings(self) -> tuple[Finding, ...]:
        """Return what is not as it must be; the TPM's own loading proves the key is its."""
        self._loaded(lambda _tpm, _handle: None)
        found = self._key.public.publicArea.objectAttributes
        return tuple(
            Finding(name, str(must).lower(), str(not must).lower())
            for name, must in _MUST_BE.items()
            if bool(found & _BITS[name]) is not must
        )

    def _loaded(self, work: Callable[[Any, Any], T]) -> T:
        with self._lock, _tpm(self._named.tcti, self._uri) as tpm:
            handle = self._key.load(tpm, self._pin or None)
            try:
                return work(tpm, handle)
            finally:
                tpm.flush_context(handle)


class _Given:
    """Knows a PIN that was just given."""

    def __init__(self, pin: str) -> None:
        self._pin = pin

    def passphrase(self, key: str) -> str:
        """Nobody asks for one."""
        raise NotImplementedError(key)

    def pin(self, _key: str) -> str:
        """Return the PIN."""
        return self._pin


def _template() -> Any:
    """A key that signs by ECDSA with SHA-256 and does nothing else, in this TPM alone."""
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


def _read(path: Path) -> Any:
    try:
        pem = read_file(path, _MAX_FILE_BYTES)
    except OSError as error:
        raise _unreadable(path, why(error)) from error
    try:
        key = TSSPrivKey.from_pem(pem)
        curve = key.public.publicArea.parameters.eccDetail.curveID
    except (TSS2_Exception, ValueError, TypeError, KeyError) as error:
        raise _unreadable(path, "not a TSS2 PRIVATE KEY in PEM form") from error
    if key.public.publicArea.type != TPM2_ALG.ECC or curve != TPM2_ECC.NIST_P256:
        raise _unreadable(path, "not a key on P-256")
    return key


@contextmanager
def _tpm(tcti: str, uri: str) -> Iterator[Any]:
    """Reach the TPM; report what it says as what it means to whoever uses the key."""
    try:
        with ESAPI(tcti) as tpm:
            yield tpm
    except FirmholdError:
        raise
    except TSS2_Exception as error:
        raise _told(error, uri) from error


def _told(error: Any, uri: str) -> FirmholdError:
    code = error.error
    if code == TPM2_RC.LOCKOUT:
        detail = "locked: too many wrong PINs; it opens again with time"
        return Misuse(PlaceFault(code=Code.KEY_PIN, path=uri, detail=detail))
    if code in _WRONG_PIN:
        return Misuse(PlaceFault(code=Code.KEY_PIN, path=uri, detail="not the PIN of this key"))
    return Unavailable(PlaceFault(code=Code.KEY_TOKEN, path=uri, detail=str(error)))


def _unreadable(path: Path, detail: str) -> Misuse:
    return Misuse(PlaceFault(code=Code.KEY_UNREADABLE, path=str(path), detail=detail))
