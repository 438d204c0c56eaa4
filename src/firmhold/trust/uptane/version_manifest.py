"""The version manifest: what a device says of itself, signed by its own key (Uptane 5.4.2.1).

It is a claim, not a proof that it booted so; but it is this device's claim, it answers the server's
nonce, and its counter grows with every report: nobody replays it, nobody makes it for another. The
server verifies it in this order:

1. signed by the key under which this device was enrolled;
2. naming this device;
3. answering the nonce that the server gave out for it;
4. counted beyond the last report;
5. about components that this device is known to have.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique
from types import MappingProxyType

from firmhold.trust.device_id import DeviceId
from firmhold.trust.document import Bench, Kind, document_bytes, parse_document
from firmhold.trust.encoding import JsonObject, JsonValue, canonical_json
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Absent, Mismatch, VersionMismatch
from firmhold.trust.keys import KeyId, PublicKey
from firmhold.trust.quorum import Holder, Seat
from firmhold.trust.shape import Shape, written_date
from firmhold.trust.uptane.component import ComponentId
from firmhold.trust.verified import Verified, seal

TAG = "firmhold version manifest 1"
NONCE_BYTES = 32
MOST_COMPONENTS = 256
MOST_REFUSALS = 32
MOST_CHECKPOINT_CHARACTERS = 16_384
VERSION_MANIFEST = "version-manifest"

_MOST_SLOTS = 8
_SHAPE = Shape(Code.MANIFEST_SHAPE)
KIND = Kind(TAG, 262_144, _SHAPE, Code.MANIFEST_TAG)
_MEMBERS = (
    "tag",
    "device",
    "nonce",
    "counter",
    "time",
    "recovery",
    "booted",
    "slots",
    "components",
    "outcome",
    "refusals",
    "checkpoint",
)


class SlotState(StrEnum):
    """What the boot loader thinks of a slot; unknown is a state of its own."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"


@unique
class Verdict(StrEnum):
    """How an installation ended."""

    INSTALLED = "installed"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The last installation that came to an end: of which release, and how."""

    release: bytes
    """Digest of its manifest."""
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Installed:
    """The release that a component has: digest of its manifest, counter, and version for people."""

    release_sha256: bytes
    release_counter: int
    version: str


@dataclass(frozen=True, slots=True)
class VersionManifest:
    """What a device reports."""

    device: DeviceId
    nonce: bytes
    counter: int
    time: datetime
    recovery: bool
    """Whether the device doubts the time, and is of the recovery class."""
    booted: str
    slots: Mapping[str, SlotState]
    components: Mapping[ComponentId, Installed]
    outcome: Outcome | None
    """None: nothing was installed here yet."""
    refusals: tuple[str, ...]
    """Codes of what the device refused since its last report: attacks that it detected."""
    checkpoint: str | None
    """The largest checkpoint of the log that the device has seen; null where nothing is logged."""

    @property
    def payload(self) -> bytes:
        """What the device signs."""
        return canonical_json(self.to_json())

    def to_json(self) -> JsonObject:
        """Return the signed part of the document; `read_manifest` reads it back."""
        components: JsonObject = {
            component: {
                "release_sha256": installed.release_sha256.hex(),
                "release_counter": installed.release_counter,
                "version": installed.version,
            }
            for component, installed in self.components.items()
        }
        refusals: list[JsonValue] = [*self.refusals]
        slots: JsonObject = {name: state.value for name, state in self.slots.items()}
        return {
            "tag": TAG,
            "device": self.device,
            "nonce": self.nonce.hex(),
            "counter": self.counter,
            "time": written_date(self.time),
            "recovery": self.recovery,
            "booted": self.booted,
            "slots": slots,
            "components": components,
            "outcome": None if self.outcome is None else _written_outcome(self.outcome),
            "refusals": refusals,
            "checkpoint": self.checkpoint,
        }

    def to_bytes(self, signatures: Iterable[tuple[KeyId, str]]) -> bytes:
        """Return the document with signatures over `payload`."""
        return document_bytes(self.to_json(), signatures)


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """What the server knows of a device: its key, what it has, and the last counter it reported."""

    device: DeviceId
    key_id: KeyId
    key: PublicKey
    components: frozenset[ComponentId]
    counter: int


def verify_manifest(data: bytes, known: KnownDevice, nonce: bytes) -> Verified[VersionManifest]:
    """Return the report of a device that was asked with `nonce`. Raises `Refused`."""
    document = parse_document(data, KIND)
    manifest = read_manifest(document.signed)
    # 1. by this device's key
    seats = {known.key_id: Seat(known.key, Holder(known.device))}
    bench = Bench(VERSION_MANIFEST, "inventory", 1, seats)
    bench.require_quorum(document, Code.MANIFEST_SIGNATURE)
    # 2. about this device
    _require_same(Code.MANIFEST_DEVICE, "device", known.device, manifest.device)
    # 3. in answer to this nonce
    _require_same(Code.MANIFEST_NONCE, "nonce", nonce.hex(), manifest.nonce.hex())
    # 4. later than the last one
    if manifest.counter <= known.counter:
        code, least = Code.MANIFEST_COUNTER, known.counter + 1
        role, found = VERSION_MANIFEST, manifest.counter
        raise Refused(VersionMismatch(code=code, role=role, expected=least, found=found))
    # 5. about components that it has
    for component in sorted(manifest.components.keys() - known.components):
        code = Code.MANIFEST_COMPONENT
        raise Refused(Absent(code=code, name=component, listed_in="inventory"))
    return seal(manifest)


def read_manifest(signed: JsonObject) -> VersionManifest:
    """Read the signed part of a version manifest. Raises `Refused`."""
    members = _SHAPE.members(signed, "signed", _MEMBERS)
    booted = _SHAPE.a_name(members["booted"], "signed.booted")
    slots = _slots(members["slots"])
    if booted not in slots:
        raise _SHAPE.refusal("signed.booted", "one of the slots")
    refusals = members["refusals"]
    checkpoint = members["checkpoint"]
    if checkpoint is not None:
        checkpoint = _SHAPE.a_text(checkpoint, "signed.checkpoint", MOST_CHECKPOINT_CHARACTERS)
    return VersionManifest(
        device=DeviceId(_SHAPE.a_name(members["device"], "signed.device")),
        nonce=_SHAPE.some_bytes(members["nonce"], "signed.nonce", NONCE_BYTES),
        counter=_SHAPE.a_number(members["counter"], "signed.counter", 1),
        time=_SHAPE.a_date(members["time"], "signed.time"),
        recovery=_SHAPE.a_flag(members["recovery"], "signed.recovery"),
        booted=booted,
        slots=slots,
        components=_components(members["components"]),
        outcome=_outcome(members["outcome"]),
        refusals=_SHAPE.a_list(refusals, "signed.refusals", MOST_REFUSALS, _SHAPE.a_name),
        checkpoint=checkpoint,
    )


def _slots(value: JsonValue) -> Mapping[str, SlotState]:
    found = _few(value, "signed.slots", _MOST_SLOTS)
    slots = {}
    for name, state in found.items():
        where = f"signed.slots.{_SHAPE.a_name(name, 'signed.slots')}"
        text = _SHAPE.a_name(state, where)
        if text not in set(SlotState):
            raise _SHAPE.refusal(where, " or ".join(SlotState))
        slots[name] = SlotState(text)
    return MappingProxyType(slots)


def _components(value: JsonValue) -> Mapping[ComponentId, Installed]:
    components = {}
    for name, entry in _few(value, "signed.components", MOST_COMPONENTS).items():
        where = f"signed.components.{_SHAPE.a_name(name, 'signed.components')}"
        members = _SHAPE.members(entry, where, ("release_sha256", "release_counter", "version"))
        components[ComponentId(name)] = Installed(
            _SHAPE.some_bytes(members["release_sha256"], f"{where}.release_sha256"),
            _SHAPE.a_number(members["release_counter"], f"{where}.release_counter"),
            _SHAPE.a_name(members["version"], f"{where}.version"),
        )
    return MappingProxyType(components)


def _written_outcome(outcome: Outcome) -> JsonObject:
    return {"release_sha256": outcome.release.hex(), "verdict": outcome.verdict.value}


def _outcome(value: JsonValue) -> Outcome | None:
    if value is None:
        return None
    where = "signed.outcome"
    members = _SHAPE.members(value, where, ("release_sha256", "verdict"))
    verdict = _SHAPE.a_name(members["verdict"], f"{where}.verdict")
    if verdict not in set(Verdict):
        raise _SHAPE.refusal(f"{where}.verdict", " or ".join(Verdict))
    digest = _SHAPE.some_bytes(members["release_sha256"], f"{where}.release_sha256")
    return Outcome(digest, Verdict(verdict))


def _few(value: JsonValue, where: str, most: int) -> JsonObject:
    found = _SHAPE.an_object(value, where)
    if len(found) > most:
        raise _SHAPE.refusal(where, f"at most {most} members")
    return found


def _require_same(code: Code, what: str, expected: str, found: str) -> None:
    if found != expected:
        raise Refused(Mismatch(code=code, what=what, expected=expected, found=found))
