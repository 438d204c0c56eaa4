"""The kinds of fault: what was compared when a check said no, as typed fields.

Each code of `firmhold.trust.errors` belongs to exactly one of these classes, so a code tells which
fields come with it. There is no prose here and no decision.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from firmhold.trust.errors import Code, Fault


def family(prefix: str) -> frozenset[Code]:
    """Every code that begins so."""
    return frozenset(code for code in Code if code.startswith(prefix))


@dataclass(frozen=True, kw_only=True)
class OverLimit(Fault):
    """More than a bound allows; `limit` in the unit that the code implies (bytes, levels, …)."""

    codes: ClassVar = frozenset(
        {
            Code.ENCODING_TOO_LARGE,
            Code.ENCODING_TOO_DEEP,
            Code.ENCODING_TOO_MANY,
            Code.TUF_DELEGATION_TOO_DEEP,
            Code.TUF_DELEGATION_TOO_MANY,
            Code.FETCH_TOO_LONG,
            Code.STORE_NAME_TOO_LONG,
        }
    )
    what: str
    limit: int


@dataclass(frozen=True, kw_only=True)
class Malformed(Fault):
    """Bytes that do not say what they must; `where` is a path inside the document."""

    codes: ClassVar = frozenset(
        {
            Code.ENCODING_NOT_UTF8,
            Code.ENCODING_NOT_JSON,
            Code.ENCODING_DUPLICATE_KEY,
            Code.ENCODING_NUMBER,
            Code.ENCODING_SURROGATE,
            Code.TUF_SHAPE,
            Code.TUF_SPEC_VERSION,
            Code.TUF_HOLDERS,
            Code.TUF_RETIRES,
            Code.CEREMONY_SHAPE,
            Code.ATTESTATION_PUBLIC,
            Code.TUF_DOMAIN,
            Code.TUF_FRESHNESS,
            Code.SETTINGS_SHAPE,
            Code.SETTINGS_CRITICAL,
            Code.SETTINGS_PAYLOAD_BASE,
            Code.SETTINGS_LOG_POLICY,
            Code.UPDATE_MANIFEST_SHAPE,
            Code.UPDATE_COUNTER_SHAPE,
            Code.UPDATE_REVERT_SHAPE,
            Code.UPDATE_CRITICAL_EXTENSION,
            Code.UPDATE_INDEX_SHAPE,
            Code.UPDATE_INDEX_RECIPES,
            Code.UPDATE_EXTENT_COVERAGE,
            Code.UPDATE_EXTENT_BASE,
            Code.UPDATE_EXTENT_PAYLOAD,
            Code.UPDATE_PAYLOAD_FRAME,
            Code.RELEASE_ALTERED_DRAFT,
            Code.RELEASE_DESCRIPTION,
            Code.DEVICE_CONFIG,
            Code.ACT_SHAPE,
            Code.PROTOCOL_SHAPE,
            Code.FLEET_SETUP,
            Code.PROTOCOL_IDENTITY,
            Code.MEMORY_SHAPE,
            Code.FRESHNESS_SHAPE,
            Code.FRESHNESS_PROOF_SHAPE,
            Code.FRESHNESS_FLOOR_SHAPE,
            Code.OFFLINE_SHAPE,
            Code.MANIFEST_SHAPE,
        }
    )
    where: str
    expected: str


@dataclass(frozen=True, kw_only=True)
class WrongType(Fault):
    """A document of another type, or another format, than is read in this place."""

    codes: ClassVar = frozenset(
        {
            Code.TUF_WRONG_TYPE,
            Code.UPDATE_INDEX_FORMAT,
            Code.UPDATE_MANIFEST_FORMAT,
            Code.UPDATE_SECURITY_FORMAT,
        }
    )
    role: str
    found: str


@dataclass(frozen=True, kw_only=True)
class Mismatch(Fault):
    """Two things that must be the same are not; `what` names them, both are short texts."""

    codes: ClassVar = frozenset(
        {
            Code.TUF_DOMAIN_CHANGED,
            Code.CEREMONY_TAG,
            Code.ATTESTATION_ENDORSEMENT,
            Code.UPDATE_PATH,
            Code.UPDATE_AUTHORITY,
            Code.UPDATE_PRODUCT,
            Code.UPDATE_CUSTOM,
            Code.UPDATE_CLASS,
            Code.UPDATE_OTHER_PATH,
            Code.UPDATE_COUNTER_PRODUCT,
            Code.UPDATE_PATCHED_DIGEST,
            Code.UPDATE_PATCHED_PRODUCT,
            Code.UPDATE_NOT_RECORDED,
            Code.UPDATE_NOT_SECURITY,
            Code.UPDATE_COUNTER_PATH,
            Code.UPDATE_REVERT_PATH,
            Code.UPDATE_OTHER_PRODUCT,
            Code.UPDATE_AGENT,
            Code.UPDATE_REVERT_STEP,
            Code.UPDATE_RECOVERY_CLASS,
            Code.SETTINGS_FORMAT,
            Code.SETTINGS_PATH,
            Code.SETTINGS_ROLE,
            Code.SETTINGS_UNLOGGED,
            Code.FRESHNESS_TAG,
            Code.FRESHNESS_LIFETIME,
            Code.FRESHNESS_OTHER_QUESTION,
            Code.OFFLINE_TAG,
            Code.ACT_TAG,
            Code.PROTOCOL_TAG,
            Code.FLEET_SITE_WENT_BACK,
            Code.PROTOCOL_OTHER_DEVICE,
            Code.PROTOCOL_CHALLENGE,
            Code.OFFLINE_LIFETIME,
            Code.OFFLINE_GROUPS,
            Code.MANIFEST_TAG,
            Code.MANIFEST_DEVICE,
            Code.MANIFEST_NONCE,
        }
    )
    what: str
    expected: str
    found: str


@dataclass(frozen=True, kw_only=True)
class QuorumUnmet(Fault):
    """Too few holders signed; `signed` and `missing` name holders, sorted."""

    codes: ClassVar = family("tuf.signatures.") | {
        Code.FRESHNESS_SIGNATURES,
        Code.OFFLINE_SIGNATURES,
        Code.ACT_SIGNATURES,
        Code.PROTOCOL_SIGNATURE,
        Code.MANIFEST_SIGNATURE,
    }
    role: str
    delegator: str
    threshold: int
    signed: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class VersionMismatch(Fault):
    """A version is not what the trusted metadata demand: `expected` exactly, or at least."""

    codes: ClassVar = frozenset(
        {
            Code.TUF_ROOT_VERSION,
            Code.ACT_SEQUENCE,
            Code.TUF_FRESHNESS_EPOCH,
            Code.TUF_ROLLBACK_TIMESTAMP,
            Code.TUF_ROLLBACK_SNAPSHOT,
            Code.TUF_ROLLBACK_TARGETS,
            Code.TUF_MIX_SNAPSHOT_VERSION,
            Code.TUF_MIX_TARGETS_VERSION,
            Code.UPDATE_SECURITY_COUNTER,
            Code.UPDATE_REQUIRED_RELEASE,
            Code.UPDATE_DOWNGRADE,
            Code.UPDATE_SECURITY_FLOOR,
            Code.RELEASE_STALE_DRAFT,
            Code.FRESHNESS_EPOCH,
            Code.FRESHNESS_OLD_TIMESTAMP,
            Code.FRESHNESS_ROOT_EPOCH,
            Code.FRESHNESS_FLOOR_EPOCH,
            Code.OFFLINE_ROLLBACK,
            Code.MANIFEST_COUNTER,
        }
    )
    role: str
    expected: int
    found: int


@dataclass(frozen=True, kw_only=True)
class LengthMismatch(Fault):
    """A file has another length, in bytes, than the metadata that name it say."""

    codes: ClassVar = frozenset(
        {
            Code.TUF_MIX_SNAPSHOT_LENGTH,
            Code.TUF_MIX_TARGETS_LENGTH,
            Code.TUF_TARGET_LENGTH,
            Code.UPDATE_PIECE_COUNT,
            Code.UPDATE_PIECE_LENGTH,
            Code.UPDATE_IMAGE_LENGTH,
            Code.UPDATE_OTHER_LENGTH,
            Code.UPDATE_INDEX_LENGTH,
            Code.UPDATE_PAYLOAD_LENGTH,
            Code.UPDATE_PAYLOAD_OUTPUT,
        }
    )
    what: str
    expected: int
    found: int


@dataclass(frozen=True, kw_only=True)
class DigestMismatch(Fault):
    """A file has another digest, in hexadecimal, than the metadata that name it say."""

    codes: ClassVar = frozenset(
        {
            Code.TUF_MIX_SNAPSHOT_DIGEST,
            Code.TUF_MIX_TARGETS_DIGEST,
            Code.TUF_TARGET_DIGEST,
            Code.UPDATE_PIECE_DIGEST,
            Code.UPDATE_IMAGE_ROOT,
            Code.UPDATE_OTHER_DIGEST,
            Code.UPDATE_INDEX_DIGEST,
            Code.UPDATE_PAYLOAD_DIGEST,
            Code.DRILL_FIRMWARE_DIGEST,
            Code.FRESHNESS_OTHER_TIMESTAMP,
            Code.FRESHNESS_OTHER_DIRECTOR,
        }
    )
    what: str
    algorithm: str
    expected: str
    found: str


@dataclass(frozen=True, kw_only=True)
class Expired(Fault):
    """Metadata are past their date: perhaps somebody withholds newer ones (freeze)."""

    codes: ClassVar = family("tuf.freeze.") | {
        Code.UPDATE_REVERT_EXPIRED,
        Code.ACT_EXPIRED,
        Code.FRESHNESS_OVER,
        Code.OFFLINE_EXPIRED,
    }
    role: str
    expires: datetime
    now: datetime


@dataclass(frozen=True, kw_only=True)
class TooEarly(Fault):
    """What was signed for a later time is not good yet, or this device's time is behind."""

    codes: ClassVar = frozenset({Code.FRESHNESS_NOT_YET, Code.UPDATE_NOT_DUE, Code.ACT_NOT_YET})
    what: str
    begins: datetime
    now: datetime


@dataclass(frozen=True, kw_only=True)
class Absent(Fault):
    """A name that should stand in a document does not."""

    codes: ClassVar = frozenset(
        {
            Code.TUF_REMOVED_FROM_SNAPSHOT,
            Code.ACT_SCOPE,
            Code.TUF_NOT_IN_SNAPSHOT,
            Code.TUF_NO_SUCH_TARGET,
            Code.UPDATE_ONE_AUTHORITY,
            Code.UPDATE_PATCHED_ABSENT,
            Code.UPDATE_NOT_IN_RELEASE,
            Code.UPDATE_UNKNOWN_COMPONENT,
            Code.UPDATE_PATCHES_OTHER,
            Code.UPDATE_REVERT_DEVICE,
            Code.RELEASE_NO_SUCH_FILE,
            Code.RELEASE_NOT_A_HOLDER,
            Code.RELEASE_NOT_A_ROLE,
            Code.RELEASE_NO_COUNTER,
            Code.RELEASE_NO_SUCH_RELEASE,
            Code.RELEASE_INCOMPLETE,
            Code.RELEASE_NOTHING_TO_SIGN,
            Code.FRESHNESS_NO_EPOCH,
            Code.FRESHNESS_CHECKPOINT,
            Code.FRESHNESS_NO_FLOOR,
            Code.OFFLINE_NOT_FOR_US,
            Code.MANIFEST_COMPONENT,
        }
    )
    name: str
    listed_in: str


@dataclass(frozen=True, kw_only=True)
class ComponentFault(Fault):
    """Two words about one component of a device do not agree."""

    codes: ClassVar = family("uptane.") | {
        Code.UPDATE_TRUST_CLASS,
        Code.UPDATE_NOT_PATCHABLE,
        Code.UPDATE_PATCH_CHANGES,
        Code.UPDATE_SET_PARTIAL,
        Code.UPDATE_HARDWARE_MODEL,
        Code.UPDATE_HARDWARE_REVISION,
        Code.UPDATE_DEPENDENCY,
    }
    component: str
    expected: str
    found: str


@dataclass(frozen=True, kw_only=True)
class InstallFault(Fault):
    """A release that must not be begun on this device, or not now; `release` is its digest."""

    codes: ClassVar = frozenset(
        {
            Code.INSTALL_BUSY,
            Code.INSTALL_BELOW_FLOOR,
            Code.INSTALL_FAILED_BEFORE,
            Code.INSTALL_TOO_LARGE,
            Code.INSTALL_SEVERAL,
        }
    )
    release: str
    expected: str
    found: str


@dataclass(frozen=True, kw_only=True)
class BaseFault(Fault):
    """What was made from a range of the installed image is not what was signed."""

    codes: ClassVar = frozenset({Code.UPDATE_WRONG_BASE})
    first: int
    offset: int
    length: int
