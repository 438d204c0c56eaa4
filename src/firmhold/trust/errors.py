"""Every refusal has a family, a code of a closed list, and typed fields.

Laws of this module:

* The *family* (the exception class) says what the caller should do; nothing else decides that.
* The *code* says which check spoke. One check, one code; a test asserts each code.
* The *fault* carries what was compared, as typed fields; its kinds are in `faults` and
  `outer_faults`. There is no prose in it: sentences for people are made at the edge (`advice`),
  which the deciding code cannot import.
"""

from dataclasses import dataclass, fields
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
    TUF_RETIRES = "tuf.retires"
    TUF_DOMAIN = "tuf.domain"
    TUF_DOMAIN_CHANGED = "tuf.domain_changed"
    TUF_FRESHNESS = "tuf.freshness"
    TUF_FRESHNESS_EPOCH = "tuf.freshness_epoch"
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
    UPTANE_OTHER_DEVICE = "uptane.other_device"

    # Releases (update/release.py, update/schedule.py).
    UPDATE_MANIFEST_SHAPE = "update.manifest_shape"
    UPDATE_MANIFEST_FORMAT = "update.manifest_format"
    UPDATE_CRITICAL_EXTENSION = "update.critical_extension"
    UPDATE_NOT_DUE = "update.not_due"

    # Whether a device may install a set now (update/admission.py).
    UPDATE_RECOVERY_CLASS = "update.recovery_class"

    # Who may say what about a release (update/authority.py, update/rules.py, update/security.py).
    UPDATE_PATH = "update.path"
    UPDATE_AUTHORITY = "update.authority"
    UPDATE_PRODUCT = "update.product"
    UPDATE_CUSTOM = "update.custom"
    UPDATE_CLASS = "update.class"
    UPDATE_TRUST_CLASS = "update.trust_class"
    UPDATE_ONE_AUTHORITY = "update.one_authority"
    UPDATE_OTHER_PATH = "update.other_path"
    UPDATE_OTHER_LENGTH = "update.other_length"
    UPDATE_OTHER_DIGEST = "update.other_digest"
    UPDATE_COUNTER_PRODUCT = "update.counter_product"
    UPDATE_SECURITY_COUNTER = "update.security_counter"
    UPDATE_PATCHED_ABSENT = "update.patched_absent"
    UPDATE_PATCHED_DIGEST = "update.patched_digest"
    UPDATE_PATCHED_PRODUCT = "update.patched_product"
    UPDATE_NOT_PATCHABLE = "update.not_patchable"
    UPDATE_PATCH_CHANGES = "update.patch_changes"
    UPDATE_NOT_RECORDED = "update.not_recorded"
    UPDATE_NOT_SECURITY = "update.not_security"
    UPDATE_SECURITY_FORMAT = "update.security_format"
    UPDATE_COUNTER_SHAPE = "update.counter_shape"
    UPDATE_COUNTER_PATH = "update.counter_path"
    UPDATE_REVERT_SHAPE = "update.revert_shape"
    UPDATE_REVERT_PATH = "update.revert_path"

    # Whether a release fits a device (update/compatibility.py).
    UPDATE_OTHER_PRODUCT = "update.other_product"
    UPDATE_SET_PARTIAL = "update.set_partial"
    UPDATE_NOT_IN_RELEASE = "update.not_in_release"
    UPDATE_UNKNOWN_COMPONENT = "update.unknown_component"
    UPDATE_HARDWARE_MODEL = "update.hardware_model"
    UPDATE_HARDWARE_REVISION = "update.hardware_revision"
    UPDATE_REQUIRED_RELEASE = "update.required_release"
    UPDATE_AGENT = "update.agent"
    UPDATE_PATCHES_OTHER = "update.patches_other"
    UPDATE_DOWNGRADE = "update.downgrade"
    UPDATE_REVERT_DEVICE = "update.revert_device"
    UPDATE_REVERT_STEP = "update.revert_step"
    UPDATE_REVERT_EXPIRED = "update.revert_expired"
    UPDATE_SECURITY_FLOOR = "update.security_floor"
    UPDATE_DEPENDENCY = "update.dependency"

    # Images and how they are made (update/pieces.py, update/index.py, update/extents.py).
    UPDATE_INDEX_LENGTH = "update.index_length"
    UPDATE_INDEX_DIGEST = "update.index_digest"
    UPDATE_PIECE_COUNT = "update.piece_count"
    UPDATE_PIECE_LENGTH = "update.piece_length"
    UPDATE_PIECE_DIGEST = "update.piece_digest"
    UPDATE_IMAGE_LENGTH = "update.image_length"
    UPDATE_IMAGE_ROOT = "update.image_root"
    UPDATE_INDEX_SHAPE = "update.index_shape"
    UPDATE_INDEX_FORMAT = "update.index_format"
    UPDATE_INDEX_RECIPES = "update.index_recipes"
    UPDATE_EXTENT_COVERAGE = "update.extent_coverage"
    UPDATE_EXTENT_BASE = "update.extent_base"
    UPDATE_EXTENT_PAYLOAD = "update.extent_payload"
    UPDATE_PAYLOAD_LENGTH = "update.payload_length"
    UPDATE_PAYLOAD_DIGEST = "update.payload_digest"
    UPDATE_PAYLOAD_FRAME = "update.payload_frame"
    UPDATE_PAYLOAD_OUTPUT = "update.payload_output"
    UPDATE_WRONG_BASE = "update.wrong_base"

    # Installing (update/installation.py), and what the device remembers of it (update/journal.py,
    # device/memory.py).
    INSTALL_BUSY = "install.busy"
    INSTALL_BELOW_FLOOR = "install.below_floor"
    INSTALL_FAILED_BEFORE = "install.failed_before"
    INSTALL_TOO_LARGE = "install.too_large"
    INSTALL_SEVERAL = "install.several"
    MEMORY_SHAPE = "memory.shape"
    MEMORY_DAMAGED = "memory.damaged"
    MEMORY_MISPLACED = "memory.misplaced"
    MEMORY_LOST = "memory.lost"
    MEMORY_STALE = "memory.stale"

    # A device on a real machine (device/config.py, device/appliance.py).
    DEVICE_CONFIG = "device.config"
    DEVICE_BUSY = "device.busy"
    DEVICE_THERE = "device.there"
    DEVICE_WALL = "device.wall"
    DEVICE_FETCH = "device.fetch"
    DEVICE_SLOT = "device.slot"

    # The time, by signed word (trust/freshness).
    FRESHNESS_SHAPE = "freshness.shape"
    FRESHNESS_TAG = "freshness.tag"
    FRESHNESS_NO_EPOCH = "freshness.no_epoch"
    FRESHNESS_EPOCH = "freshness.epoch"
    FRESHNESS_SIGNATURES = "freshness.signatures"
    FRESHNESS_LIFETIME = "freshness.lifetime"
    FRESHNESS_OVER = "freshness.over"
    FRESHNESS_CHECKPOINT = "freshness.checkpoint"
    FRESHNESS_PROOF_SHAPE = "freshness.proof_shape"
    FRESHNESS_OTHER_QUESTION = "freshness.other_question"
    FRESHNESS_NOT_YET = "freshness.not_yet"
    FRESHNESS_OLD_TIMESTAMP = "freshness.old_timestamp"
    FRESHNESS_OTHER_TIMESTAMP = "freshness.other_timestamp"
    FRESHNESS_OTHER_DIRECTOR = "freshness.other_director"
    FRESHNESS_NO_FLOOR = "freshness.no_floor"
    FRESHNESS_FLOOR_SHAPE = "freshness.floor_shape"
    FRESHNESS_ROOT_EPOCH = "freshness.root_epoch"
    FRESHNESS_FLOOR_EPOCH = "freshness.floor_epoch"

    # Offline updates and version manifests (trust/uptane).
    OFFLINE_SHAPE = "offline.shape"
    OFFLINE_TAG = "offline.tag"
    OFFLINE_SIGNATURES = "offline.signatures"
    OFFLINE_LIFETIME = "offline.lifetime"
    OFFLINE_EXPIRED = "offline.expired"
    OFFLINE_GROUPS = "offline.groups"
    OFFLINE_NOT_FOR_US = "offline.not_for_us"
    OFFLINE_ROLLBACK = "offline.rollback"
    MANIFEST_SHAPE = "manifest.shape"
    MANIFEST_TAG = "manifest.tag"
    MANIFEST_SIGNATURE = "manifest.signature"
    MANIFEST_DEVICE = "manifest.device"
    MANIFEST_NONCE = "manifest.nonce"
    MANIFEST_COUNTER = "manifest.counter"
    MANIFEST_COMPONENT = "manifest.component"

    # Rollout acts (trust/governance).
    ACT_SHAPE = "act.shape"
    ACT_TAG = "act.tag"
    ACT_SIGNATURES = "act.signatures"
    ACT_SCOPE = "act.scope"
    ACT_NOT_YET = "act.not_yet"
    ACT_EXPIRED = "act.expired"
    ACT_SEQUENCE = "act.sequence"

    # Trust settings (trust/settings).
    SETTINGS_SHAPE = "settings.shape"
    SETTINGS_FORMAT = "settings.format"
    SETTINGS_CRITICAL = "settings.critical"
    SETTINGS_PAYLOAD_BASE = "settings.payload_base"
    SETTINGS_LOG_POLICY = "settings.log_policy"
    SETTINGS_PATH = "settings.path"
    SETTINGS_ROLE = "settings.role"
    SETTINGS_UNLOGGED = "settings.unlogged"

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
    FETCH_PIN = "fetch.pin"
    FETCH_CERTIFICATE = "fetch.certificate"
    FETCH_REFUSED = "fetch.refused"
    FETCH_RANGE = "fetch.range"
    FETCH_DISK_FULL = "fetch.disk_full"

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
    KEY_PIN = "key.pin"
    KEY_TOKEN = "key.token"  # noqa: S105 - a code, not a secret
    KEY_ABSENT = "key.absent"
    KEY_ALGORITHM = "key.algorithm"

    # What TPMs say of themselves (trust/attestation).
    ATTESTATION_PUBLIC = "attestation.public"
    ATTESTATION_ENDORSEMENT = "attestation.endorsement"

    # Key ceremonies (release/ceremony).
    CEREMONY_SHAPE = "ceremony.shape"
    CEREMONY_TAG = "ceremony.tag"
    CEREMONY_POSSESSION = "ceremony.possession"
    CEREMONY_BEFORE = "ceremony.before"
    CEREMONY_CHANGE = "ceremony.change"
    CEREMONY_UNSOUND = "ceremony.unsound"
    CEREMONY_NOT_A_HOLDER = "ceremony.not_a_holder"
    CEREMONY_OTHER_PLAN = "ceremony.other_plan"
    CEREMONY_SIGNATURE = "ceremony.signature"
    CEREMONY_INCOMPLETE = "ceremony.incomplete"
    CEREMONY_OTHER_DOCUMENT = "ceremony.other_document"
    CEREMONY_NOT_APART = "ceremony.not_apart"
    CEREMONY_STALE = "ceremony.stale"

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
    RELEASE_DESCRIPTION = "release.description"
    RELEASE_NO_COUNTER = "release.no_counter"
    RELEASE_NO_SUCH_RELEASE = "release.no_such_release"
    RELEASE_INCOMPLETE = "release.incomplete"
    RELEASE_DRAFT_OPEN = "release.draft_open"

    # Messages between a device and its server (protocol).
    PROTOCOL_SHAPE = "protocol.shape"
    PROTOCOL_TAG = "protocol.tag"
    PROTOCOL_IDENTITY = "protocol.identity"
    PROTOCOL_SIGNATURE = "protocol.signature"
    PROTOCOL_OTHER_DEVICE = "protocol.other_device"
    PROTOCOL_CHALLENGE = "protocol.challenge"

    # Device certificates (fleet/ca).
    CA_TPM = "ca.tpm"
    CA_TOKEN = "ca.token"  # noqa: S105 - a code, not a secret
    CA_REQUEST = "ca.request"
    CA_DEVICE = "ca.device"
    CA_CHALLENGE = "ca.challenge"

    # The device port (fleet/gateway).
    GATEWAY_CERTIFICATE = "gateway.certificate"
    GATEWAY_REVOKED = "gateway.revoked"
    GATEWAY_SUPERSEDED = "gateway.superseded"
    GATEWAY_AUTHORITY = "gateway.authority"
    GATEWAY_NONCE = "gateway.nonce"
    GATEWAY_TOO_LARGE = "gateway.too_large"
    GATEWAY_TOO_OFTEN = "gateway.too_often"
    GATEWAY_TOO_SLOW = "gateway.too_slow"
    GATEWAY_NOT_FOUND = "gateway.not_found"
    GATEWAY_BUSY = "gateway.busy"

    # Rollouts and the inventory (fleet/director).
    FLEET_NO_DEVICE = "fleet.no_device"
    FLEET_DEVICE_THERE = "fleet.device_there"
    FLEET_NO_ROLLOUT = "fleet.no_rollout"
    FLEET_ROLLOUT_OVER = "fleet.rollout_over"
    FLEET_LINT = "fleet.lint"
    FLEET_REPORT_AGAIN = "fleet.report_again"
    FLEET_SITE_WENT_BACK = "fleet.site_went_back"
    FLEET_HOME = "fleet.home"
    FLEET_DATABASE = "fleet.database"
    FLEET_NO_KEY = "fleet.no_key"
    FLEET_KEY = "fleet.key"
    FLEET_SETUP = "fleet.setup"
    FLEET_UNREACHABLE = "fleet.unreachable"
    FLEET_REFUSED = "fleet.refused"

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
        missing = [f.name for f in fields(self) if getattr(self, f.name) is None]
        if self.code not in self.codes or missing:
            what = f"{type(self).__name__}:{self.code} {' '.join(missing)}".rstrip()
            raise Misuse(UsageFault(code=Code.MISUSE, what=what))

    def __str__(self) -> str:
        """Read as `code: field=value …`, in the order of the fields."""
        parts = [f"{f.name}={getattr(self, f.name)}" for f in fields(self) if f.name != "code"]
        return f"{self.code}: {' '.join(parts)}"


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
