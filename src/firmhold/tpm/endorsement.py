"""A TPM's endorsement key: the one that its maker certified, and what it is good for.

It signs nothing. It opens what was enciphered for this TPM, and says whether another key is in it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tpm2_pytss import TSS2_Exception
from tpm2_pytss.constants import ESYS_TR, TPM2_ALG, TPM2_SE
from tpm2_pytss.types import (
    TPM2B_DATA,
    TPM2B_ENCRYPTED_SECRET,
    TPM2B_ID_OBJECT,
    TPM2B_SENSITIVE_CREATE,
    TPML_PCR_SELECTION,
    TPMT_SYM_DEF,
)
from tpm2_pytss.utils import NoSuchIndex, create_ek_template

from firmhold.tpm.keys import LoadableKey
from firmhold.tpm.reach import reached
from firmhold.trust.errors import Code, Unavailable
from firmhold.trust.outer_faults import PlaceFault

KINDS = ("EK-RSA2048", "EK-ECC256")
"""Which keys are looked for, in this order (TCG EK Credential Profile)."""


@dataclass(frozen=True, slots=True)
class Endorsement:
    """What a TPM shows of its endorsement key."""

    certificate: bytes
    """DER, as the maker put it there."""
    public: bytes
    """`TPM2B_PUBLIC`."""
    kind: str


def endorsement_of(tcti: str) -> Endorsement:
    """Return the first endorsement key that has a certificate. Raises `Unavailable`."""
    with reached(tcti, tcti) as tpm:
        for kind in KINDS:
            certificate, template = _template(tpm, kind)
            if certificate is not None:
                with _made(tpm, template) as (_, public):
                    return Endorsement(certificate, bytes(public.marshal()), kind)
    detail = "no endorsement certificate is in it"
    raise Unavailable(PlaceFault(code=Code.KEY_TOKEN, path=tcti, detail=detail))


def activated(key: LoadableKey, endorsement: Endorsement, blob: bytes, secret: bytes) -> bytes:
    """Return the secret in a credential that was made for this TPM and for `key`.

    `blob` and `secret` are `TPM2B_ID_OBJECT` and `TPM2B_ENCRYPTED_SECRET`. Raises `Unavailable` if
    the credential is for another TPM or for another key.
    """

    def opened(tpm: Any, handle: Any) -> bytes:
        _, template = _template(tpm, endorsement.kind)
        with _made(tpm, template) as (own, _), _session(tpm) as session:
            found = tpm.activate_credential(
                handle,
                own,
                TPM2B_ID_OBJECT.unmarshal(blob)[0],
                TPM2B_ENCRYPTED_SECRET.unmarshal(secret)[0],
                session1=ESYS_TR.PASSWORD,
                session2=session,
            )
            return bytes(found)

    return key.loaded(opened)


def _template(tpm: Any, kind: str) -> tuple[bytes | None, Any]:
    def read(index: Any) -> bytes:
        try:
            handle = tpm.tr_from_tpmpublic(index)
        except TSS2_Exception as error:
            raise NoSuchIndex(index) from error
        public, _ = tpm.nv_read_public(handle)
        size = public.nvPublic.dataSize
        parts = (bytes(tpm.nv_read(handle, min(512, size - at), at)) for at in range(0, size, 512))
        return b"".join(parts)

    try:
        found: tuple[bytes | None, Any] = create_ek_template(kind, read)
    except ValueError:
        return None, None
    return found


@contextmanager
def _made(tpm: Any, template: Any) -> Iterator[tuple[Any, Any]]:
    """The endorsement key, made again from the TPM's own seed: the same each time."""
    handle, public, _, _, _ = tpm.create_primary(
        primary_handle=ESYS_TR.RH_ENDORSEMENT,
        in_sensitive=TPM2B_SENSITIVE_CREATE(),
        in_public=template,
        outside_info=TPM2B_DATA(),
        creation_pcr=TPML_PCR_SELECTION(),
        session1=ESYS_TR.PASSWORD,
    )
    try:
        yield handle, public
    finally:
        tpm.flush_context(handle)


@contextmanager
def _session(tpm: Any) -> Iterator[Any]:
    """A session by which the endorsement key may be used: whoever may use the hierarchy may."""
    session = tpm.start_auth_session(
        tpm_key=ESYS_TR.NONE,
        bind=ESYS_TR.NONE,
        session_type=TPM2_SE.POLICY,
        symmetric=TPMT_SYM_DEF(algorithm=TPM2_ALG.NULL),
        auth_hash=TPM2_ALG.SHA256,
    )
    try:
        tpm.policy_secret(ESYS_TR.RH_ENDORSEMENT, session, b"", b"", b"", 0)
        yield session
    finally:
        tpm.flush_context(session)
