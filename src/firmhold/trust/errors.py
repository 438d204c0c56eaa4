"""Every refusal has a family, a code of a closed list, and typed fields.

Laws of this module:

* The *family* (the exception class) says what the caller should do; nothing else decides that.
* The *code* says which check spoke. One check, one code; a test asserts each code.
* The *fault* carries what was compared, as typed fields. There is no prose in it: sentences for
  people are made at the edge (`firmhold.trust.advice`), which the deciding code cannot import.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum, unique
from typing import ClassVar


@unique
class Code(StrEnum):
    """The closed list of codes; the part before the first dot names the place that checks."""

    # The strict reader (trust/encoding.py, trust/tuf/schema.py).
    ENCODING_TOO_LARGE = "encoding.too_large"
    ENCODING_NOT_UTF8 = "encoding.not_utf8"
    ENCODING_NOT_JSON = "encoding.not_json"
    ENCODING_DUPLICATE_KEY = "encoding.duplicate_key"
    ENCODING_NUMBER = "encoding.number"
    ENCODING_SURROGATE = "encoding.surrogate"
    ENCODING_TOO_DEEP = "encoding.too_deep"
    ENCODING_TOO_MANY = "encoding.too_many"

    # TUF metadata (trust/tuf).
    TUF_SHAPE = "tuf.shape"
    TUF_SPEC_VERSION = "tuf.spec_version"
    TUF_WRONG_TYPE = "tuf.wrong_type"
    TUF_HOLDERS = "tuf.holders"
    TUF_SIGNATURES_ROOT_BY_TRUSTED = "tuf.signatures.root_by_trusted"
    TUF_SIGNATURES_ROOT_BY_ITSELF = "tuf.signatures.root_by_itself"
    TUF_SIGNATURES_TIMESTAMP = "tuf.signatures.timestamp"
    TUF_SIGNATURES_SNAPSHOT = "tuf.signatures.snapshot"
    TUF_SIGNATURES_TARGETS = "tuf.signatures.targets"
    TUF_SIGNATURES_DELEGATED = "tuf.signatures.delegated"
    TUF_ROOT_VERSION = "tuf.root_version"
    TUF_ROLLBACK_TIMESTAMP = "tuf.rollback.timestamp"
    TUF_ROLLBACK_SNAPSHOT = "tuf.rollback.snapshot"
    TUF_ROLLBACK_TARGETS = "tuf.rollback.targets"
    TUF_REMOVED_FROM_SNAPSHOT = "tuf.removed_from_snapshot"
    TUF_NOT_IN_SNAPSHOT = "tuf.not_in_snapshot"
    TUF_MIX_SNAPSHOT_LENGTH = "tuf.mix.snapshot_length"
    TUF_MIX_SNAPSHOT_DIGEST = "tuf.mix.snapshot_digest"
    TUF_MIX_SNAPSHOT_VERSION = "tuf.mix.snapshot_version"
    TUF_MIX_TARGETS_LENGTH = "tuf.mix.targets_length"
    TUF_MIX_TARGETS_DIGEST = "tuf.mix.targets_digest"
    TUF_MIX_TARGETS_VERSION = "tuf.mix.targets_version"
    TUF_FREEZE_ROOT = "tuf.freeze.root"
    TUF_FREEZE_TIMESTAMP = "tuf.freeze.timestamp"
    TUF_FREEZE_SNAPSHOT = "tuf.freeze.snapshot"
    TUF_FREEZE_TARGETS = "tuf.freeze.targets"
    TUF_DELEGATION_TOO_DEEP = "tuf.delegation.too_deep"
    TUF_DELEGATION_TOO_MANY = "tuf.delegation.too_many"
    TUF_NO_SUCH_TARGET = "tuf.no_such_target"
    TUF_TARGET_LENGTH = "tuf.target_length"
    TUF_TARGET_DIGEST = "tuf.target_digest"

    # Uptane (trust/uptane).
    UPTANE_DIRECTOR_DELEGATES = "uptane.director_delegates"
    UPTANE_COMPONENT_TWICE = "uptane.component_twice"
    UPTANE_DIRECTOR_HARDWARE = "uptane.director_hardware"
    UPTANE_IMAGE_HARDWARE = "uptane.image_hardware"
    UPTANE_LENGTH = "uptane.length"
    UPTANE_DIGEST = "uptane.digest"
    UPTANE_RELEASE_COUNTER = "uptane.release_counter"

    # Fetching (any adapter that speaks to a server).
    FETCH_UNREACHABLE = "fetch.unreachable"
    FETCH_STATUS = "fetch.status"
    FETCH_NOT_FOUND = "fetch.not_found"
    FETCH_TOO_SLOW = "fetch.too_slow"
    FETCH_CUT = "fetch.cut"
    FETCH_TOO_LONG = "fetch.too_long"
    FETCH_REDIRECTED = "fetch.redirected"
    FETCH_ENCODED = "fetch.encoded"
    FETCH_URL = "fetch.url"

    # What this machine keeps on its own disk.
    STORE_NO_ROOT = "store.no_root"
    STORE_ROOT_DAMAGED = "store.root_damaged"
    STORE_ALREADY_PINNED = "store.already_pinned"
    STORE_NAME_TOO_LONG = "store.name_too_long"
    STORE_IO = "store.io"

    # Keys near a human hand (signing).
    KEY_URI = "key.uri"
    KEY_UNREADABLE = "key.unreadable"
    KEY_PASSPHRASE = "key.passphrase"  # noqa: S105 - a code, not a secret
    KEY_EXISTS = "key.exists"

    # The release desk.
    RELEASE_DESK = "release.desk"
    RELEASE_TARGET_NAME = "release.target_name"
    RELEASE_NO_SUCH_FILE = "release.no_such_file"
    RELEASE_NOT_A_ROLE = "release.not_a_role"
    RELEASE_STALE_DRAFT = "release.stale_draft"
    RELEASE_ALTERED_DRAFT = "release.altered_draft"
    RELEASE_SITE_TAKEN = "release.site_taken"
    RELEASE_NOT_A_HOLDER = "release.not_a_holder"
    RELEASE_NOTHING_TO_SIGN = "release.nothing_to_sign"
    RELEASE_DRAFT_OPEN = "release.draft_open"

    # The demo.
    DRILL_FIRMWARE_DIGEST = "drill.firmware_digest"

    # How the program was called.
    MISUSE = "misuse"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What was compared when a check said no; `code` names the check."""

    codes: ClassVar[frozenset[Code]] = frozenset()
    code: Code

    def __post_init__(self) -> None:
        if self.code not in self.codes:
            raise Misuse(UsageFault(code=Code.MISUSE, what=f"{type(self).__name__}:{self.code}"))

    def __str__(self) -> str:
        """Read as `code: field=value …`, in the order of the fields."""
        parts = [f"{f.name}={getattr(self, f.name)}" for f in fields(self) if f.name != "code"]
        return f"{self.code}: {' '.join(parts)}"


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
            Code.RELEASE_ALTERED_DRAFT,
        }
    )
    where: str
    expected: str


@dataclass(frozen=True, kw_only=True)
class WrongType(Fault):
    """A signed document of another role's type stood in this one's place."""

    codes: ClassVar = frozenset({Code.TUF_WRONG_TYPE})
    role: str
    found: str


@dataclass(frozen=True, kw_only=True)
class QuorumUnmet(Fault):
    """Too few holders signed; `signed` and `missing` name holders, sorted."""

    codes: ClassVar = frozenset(
        {
            Code.TUF_SIGNATURES_ROOT_BY_TRUSTED,
            Code.TUF_SIGNATURES_ROOT_BY_ITSELF,
            Code.TUF_SIGNATURES_TIMESTAMP,
            Code.TUF_SIGNATURES_SNAPSHOT,
            Code.TUF_SIGNATURES_TARGETS,
            Code.TUF_SIGNATURES_DELEGATED,
        }
    )
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
            Code.TUF_ROLLBACK_TIMESTAMP,
            Code.TUF_ROLLBACK_SNAPSHOT,
            Code.TUF_ROLLBACK_TARGETS,
            Code.TUF_MIX_SNAPSHOT_VERSION,
            Code.TUF_MIX_TARGETS_VERSION,
            Code.RELEASE_STALE_DRAFT,
        }
    )
    role: str
    expected: int
    found: int


@dataclass(frozen=True, kw_only=True)
class LengthMismatch(Fault):
    """A file has another length, in bytes, than the metadata that name it say."""

    codes: ClassVar = frozenset(
        {Code.TUF_MIX_SNAPSHOT_LENGTH, Code.TUF_MIX_TARGETS_LENGTH, Code.TUF_TARGET_LENGTH}
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
            Code.DRILL_FIRMWARE_DIGEST,
        }
    )
    what: str
    algorithm: str
    expected: str
    found: str


@dataclass(frozen=True, kw_only=True)
class Expired(Fault):
    """Metadata are past their date: perhaps somebody withholds newer ones (freeze)."""

    codes: ClassVar = frozenset(
        {
            Code.TUF_FREEZE_ROOT,
            Code.TUF_FREEZE_TIMESTAMP,
            Code.TUF_FREEZE_SNAPSHOT,
            Code.TUF_FREEZE_TARGETS,
        }
    )
    role: str
    expires: datetime
    now: datetime


@dataclass(frozen=True, kw_only=True)
class Absent(Fault):
    """A name that should stand in a document does not."""

    codes: ClassVar = frozenset(
        {
            Code.TUF_REMOVED_FROM_SNAPSHOT,
            Code.TUF_NOT_IN_SNAPSHOT,
            Code.TUF_NO_SUCH_TARGET,
            Code.RELEASE_NO_SUCH_FILE,
            Code.RELEASE_NOT_A_HOLDER,
            Code.RELEASE_NOT_A_ROLE,
            Code.RELEASE_NOTHING_TO_SIGN,
        }
    )
    name: str
    listed_in: str


@dataclass(frozen=True, kw_only=True)
class ComponentFault(Fault):
    """Two words about one component of a device do not agree."""

    codes: ClassVar = frozenset(
        {
            Code.UPTANE_DIRECTOR_DELEGATES,
            Code.UPTANE_COMPONENT_TWICE,
            Code.UPTANE_DIRECTOR_HARDWARE,
            Code.UPTANE_IMAGE_HARDWARE,
            Code.UPTANE_LENGTH,
            Code.UPTANE_DIGEST,
            Code.UPTANE_RELEASE_COUNTER,
        }
    )
    component: str
    expected: str
    found: str


@dataclass(frozen=True, kw_only=True)
class FetchFault(Fault):
    """A request that did not bring what it should; `detail` is the adapter's own word."""

    codes: ClassVar = frozenset(
        {
            Code.FETCH_UNREACHABLE,
            Code.FETCH_STATUS,
            Code.FETCH_NOT_FOUND,
            Code.FETCH_TOO_SLOW,
            Code.FETCH_CUT,
            Code.FETCH_REDIRECTED,
            Code.FETCH_ENCODED,
            Code.FETCH_URL,
        }
    )
    url: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class PlaceFault(Fault):
    """Something of this machine's own: a path, and what is the matter with it."""

    codes: ClassVar = frozenset(
        {
            Code.STORE_NO_ROOT,
            Code.STORE_ROOT_DAMAGED,
            Code.STORE_ALREADY_PINNED,
            Code.STORE_IO,
            Code.KEY_URI,
            Code.KEY_UNREADABLE,
            Code.KEY_PASSPHRASE,
            Code.KEY_EXISTS,
            Code.RELEASE_DESK,
            Code.RELEASE_TARGET_NAME,
            Code.RELEASE_DRAFT_OPEN,
            Code.RELEASE_SITE_TAKEN,
        }
    )
    path: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class UsageFault(Fault):
    """The program or a function was called in a way that cannot be meant."""

    codes: ClassVar = frozenset({Code.MISUSE})
    what: str


class FirmholdError(Exception):
    """Base of the four families; `fault` tells all that is known."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault

    @property
    def code(self) -> Code:
        """The code of the check that spoke."""
        return self.fault.code


class Refused(FirmholdError):
    """The evidence says no. Do not retry with the same bytes; keep what was trusted before."""


class Unavailable(FirmholdError):
    """Nobody could be asked. Retry later; what was trusted before stays in force."""


class Damaged(FirmholdError):
    """This machine's own durable state is unreadable. Recover it; do not guess."""


class Misuse(FirmholdError):
    """The caller is wrong. Mend the call; never catch this to go on."""
