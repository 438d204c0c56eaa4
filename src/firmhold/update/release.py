"""The release manifest: the target of TUF, a few kilobytes that say everything about a release.

Its bytes are canonical JSON, and there is one form only: what is read is written again to the byte,
so one digest names one release. Every member must be there and nothing else may be. What is not
known today joins in two maps: an unknown name in `critical` refuses the manifest, an unknown one in
`extensions` is kept and passed over.

`checkpoint` and `proof` are for the log: they show that the decision for this release was recorded,
and travel as base64, since a checkpoint has line breaks. `update/rules.py` says when both may be
null.
"""

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum, unique

from firmhold.trust.digest import Expectation, MismatchCodes
from firmhold.trust.encoding import JsonObject, JsonValue, canonical_json, parse_json
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import WrongType
from firmhold.trust.shape import Shape
from firmhold.trust.uptane.component import ComponentId, HardwareId
from firmhold.update.index import MAX_INDEX_BYTES, read_base64
from firmhold.update.pieces import MAX_IMAGE_BYTES, Image
from firmhold.update.schedule import Schedule, read_schedule
from firmhold.update.trial import (
    MAX_CHECKS,
    HealthCheck,
    RollbackPlan,
    read_check,
    read_rollback,
    written_check,
)
from firmhold.update.version import (
    AgentVersion,
    ReleaseCounter,
    ReleaseVersion,
    SecurityCounter,
    read_agent_version,
    read_release_version,
)

TAG = "firmhold release 1"
MAX_BYTES = 65_536
MAX_COMPONENTS = 64
MAX_DEPENDENCIES = 256
MAX_HARDWARE = 64
MAX_EXTENSIONS = 32
MAX_REVISION = 1_000_000
MAX_LOG_CHARACTERS = 16_384
MAX_PRODUCT = 100

INDEX_FILE = MismatchCodes(Code.UPDATE_INDEX_LENGTH, Code.UPDATE_INDEX_DIGEST)

_SHAPE = Shape(Code.UPDATE_MANIFEST_SHAPE)
_CRITICAL = Shape(Code.UPDATE_CRITICAL_EXTENSION)
_MEMBERS = (
    "tag",
    "critical",
    "extensions",
    "product",
    "class",
    "version",
    "release_counter",
    "security_counter",
    "requires",
    "components",
    "dependencies",
    "health_checks",
    "rollback",
    "schedule",
    "patches",
    "checkpoint",
    "proof",
)


@unique
class ReleaseClass(StrEnum):
    """Whose decision a release is."""

    FEATURE = "feature"
    SECURITY = "security"
    TRUST = "trust"
    """Both authorities': it changes what the device trusts."""


@unique
class ComponentType(StrEnum):
    """What an image is on the device; a type that is not listed here is refused."""

    SYSTEM = "system"
    APPLICATION = "application"
    SECONDARY = "secondary"
    DATA = "data"
    BOOT_CHAIN = "boot_chain"
    AGENT = "agent"
    KEYS = "keys"
    SETTINGS = "settings"
    POLICY = "policy"


@dataclass(frozen=True, slots=True)
class HardwareRange:
    """Revisions of one model, both ends included."""

    model: HardwareId
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class IndexFile:
    """The file with the index of an image."""

    length: int
    sha256: str

    @property
    def expectation(self) -> Expectation:
        """What the bytes of the index must be."""
        return Expectation(self.sha256, self.length, {"sha256": self.sha256}, INDEX_FILE)


@dataclass(frozen=True, slots=True)
class ReleaseComponent:
    """One image of a release, and what it is for."""

    component: ComponentId
    type: ComponentType
    patchable: bool
    """A security release that names this manifest may replace it."""
    hardware: tuple[HardwareRange, ...]
    image: Image
    index: IndexFile


@dataclass(frozen=True, slots=True)
class Dependency:
    """`component` of this release works only beside `needs` of at least that release."""

    component: ComponentId
    needs: ComponentId
    least: ReleaseCounter


@dataclass(frozen=True, slots=True)
class Release:
    """A release manifest: well-formed, not yet believed."""

    product: str
    release_class: ReleaseClass
    version: ReleaseVersion
    counter: ReleaseCounter
    security_counter: SecurityCounter
    required_counter: ReleaseCounter
    """The least release that must be installed before; 0: none."""
    agent: AgentVersion
    """The least agent that can install it."""
    components: tuple[ReleaseComponent, ...]
    """A set: a device takes all that is made for it, or nothing."""
    dependencies: tuple[Dependency, ...]
    checks: tuple[HealthCheck, ...]
    rollback: RollbackPlan
    schedule: Schedule
    patches: bytes | None = None
    """SHA-256 of the manifest that a security release patches."""
    checkpoint: bytes | None = None
    proof: bytes | None = None
    extensions: tuple[tuple[str, bytes], ...] = ()
    """What is not critical and not known here: names in order, each with canonical JSON."""

    @property
    def digest(self) -> bytes:
        """SHA-256 of the manifest: which release this is."""
        return hashlib.sha256(self.to_bytes()).digest()

    def component(self, name: ComponentId) -> ReleaseComponent | None:
        """Return the component of that name; None if the release has none."""
        return next((found for found in self.components if found.component == name), None)

    def to_bytes(self) -> bytes:
        """Return the one form of this manifest, which `parse_release` reads back."""
        extensions: JsonObject = {
            name: parse_json(data, max_bytes=MAX_BYTES) for name, data in self.extensions
        }
        members: JsonObject = {
            "tag": TAG,
            "critical": {},
            "extensions": extensions,
            "product": self.product,
            "class": self.release_class.value,
            "version": self.version.text,
            "release_counter": self.counter,
            "security_counter": self.security_counter,
            "requires": {"release_counter": self.required_counter, "agent": str(self.agent)},
            "components": [_written_component(component) for component in self.components],
            "dependencies": [
                {"component": each.component, "needs": each.needs, "least": each.least}
                for each in self.dependencies
            ],
            "health_checks": [written_check(check) for check in self.checks],
            "rollback": self.rollback.to_json(),
            "schedule": self.schedule.to_json(),
            "patches": None if self.patches is None else self.patches.hex(),
            "checkpoint": _written_bytes(self.checkpoint),
            "proof": _written_bytes(self.proof),
        }
        return canonical_json(members)


def parse_release(data: bytes) -> Release:
    """Read a release manifest. Raises `Refused`."""
    found = _SHAPE.an_object(parse_json(data, max_bytes=MAX_BYTES), "release")
    if found.get("tag") != TAG:
        tag = _SHAPE.a_name(found.get("tag"), "release.tag")
        raise Refused(WrongType(code=Code.UPDATE_MANIFEST_FORMAT, role=TAG, found=tag))
    # Before the other members: a later extension may well come with members of its own.
    for name in sorted(_SHAPE.an_object(found.get("critical"), "release.critical")):
        raise _CRITICAL.refusal(f"release.critical.{name[:MAX_PRODUCT]}", "a known name")
    members = _SHAPE.members(found, "release", _MEMBERS)
    requires = _SHAPE.members(members["requires"], "requires", ("release_counter", "agent"))
    components = _SHAPE.a_list(members["components"], "components", MAX_COMPONENTS, _component)
    release = Release(
        product=read_product(_SHAPE, members["product"], "product"),
        release_class=ReleaseClass(_one_of(ReleaseClass, members["class"], "class")),
        version=_version(members["version"]),
        counter=ReleaseCounter(_SHAPE.a_number(members["release_counter"], "release_counter", 1)),
        security_counter=SecurityCounter(
            _SHAPE.a_number(members["security_counter"], "security_counter")
        ),
        required_counter=ReleaseCounter(
            _SHAPE.a_number(requires["release_counter"], "requires.release_counter")
        ),
        agent=_agent(requires["agent"]),
        components=components,
        dependencies=_SHAPE.a_list(
            members["dependencies"], "dependencies", MAX_DEPENDENCIES, _dependency
        ),
        checks=_SHAPE.a_list(
            members["health_checks"],
            "health_checks",
            MAX_CHECKS,
            lambda entry, where: read_check(_SHAPE, entry, where),
        ),
        rollback=read_rollback(_SHAPE, members["rollback"], "rollback"),
        schedule=read_schedule(_SHAPE, members["schedule"], "schedule"),
        patches=_digest_or_none(members["patches"], "patches"),
        checkpoint=_bytes_or_none(members["checkpoint"], "checkpoint"),
        proof=_bytes_or_none(members["proof"], "proof"),
        extensions=_extensions(members["extensions"]),
    )
    _check_together(release)
    if release.to_bytes() != data:
        raise _SHAPE.refusal("release", "the canonical form")
    return release


def read_product(shape: Shape, value: JsonValue, where: str) -> str:
    """Read the name of a product: one that can stand in a target path."""
    name = shape.a_name(value, where)
    if len(name) > MAX_PRODUCT or "/" in name or name == RESERVED_PRODUCT:
        raise shape.refusal(where, "a name of a product")
    return name


RESERVED_PRODUCT = "counters"
"""Below `security/` this is where the security counters of all products stand."""


def _check_together(release: Release) -> None:
    """Refuse what no member alone shows to be wrong."""
    names = [each.component for each in release.components]
    if not names or len(set(names)) != len(names):
        raise _SHAPE.refusal("components", "at least one, each name once")
    for number, each in enumerate(release.dependencies):
        if each.component not in names or each.needs == each.component:
            raise _SHAPE.refusal(f"dependencies[{number}]", "a component, and another one")
    if release.required_counter >= release.counter:
        raise _SHAPE.refusal("requires.release_counter", f"less than {release.counter}")
    if (release.patches is not None) != (release.release_class is ReleaseClass.SECURITY):
        raise _SHAPE.refusal("patches", "a digest in a security release, null in others")
    if (release.checkpoint is None) != (release.proof is None):
        raise _SHAPE.refusal("proof", "both checkpoint and proof, or neither")


def _component(value: JsonValue, where: str) -> ReleaseComponent:
    names = ("id", "type", "patchable", "hardware", "image", "index")
    members = _SHAPE.members(value, where, names)
    hardware = _SHAPE.a_list(members["hardware"], f"{where}.hardware", MAX_HARDWARE, _hardware)
    if not hardware:
        raise _SHAPE.refusal(f"{where}.hardware", "at least one model")
    return ReleaseComponent(
        component=ComponentId(_SHAPE.a_name(members["id"], f"{where}.id")),
        type=ComponentType(_one_of(ComponentType, members["type"], f"{where}.type")),
        patchable=_SHAPE.a_flag(members["patchable"], f"{where}.patchable"),
        hardware=hardware,
        image=_image(members["image"], f"{where}.image"),
        index=_index(members["index"], f"{where}.index"),
    )


def _hardware(value: JsonValue, where: str) -> HardwareRange:
    members = _SHAPE.members(value, where, ("model", "first", "last"))
    first = _SHAPE.a_number(members["first"], f"{where}.first", 0, MAX_REVISION)
    return HardwareRange(
        HardwareId(_SHAPE.a_name(members["model"], f"{where}.model")),
        first,
        _SHAPE.a_number(members["last"], f"{where}.last", first, MAX_REVISION),
    )


def _image(value: JsonValue, where: str) -> Image:
    members = _SHAPE.members(value, where, ("length", "root"))
    length = _SHAPE.a_number(members["length"], f"{where}.length", 1, MAX_IMAGE_BYTES)
    return Image(length, _SHAPE.some_bytes(members["root"], f"{where}.root"))


def _index(value: JsonValue, where: str) -> IndexFile:
    members = _SHAPE.members(value, where, ("length", "sha256"))
    length = _SHAPE.a_number(members["length"], f"{where}.length", 1, MAX_INDEX_BYTES)
    return IndexFile(length, _SHAPE.some_bytes(members["sha256"], f"{where}.sha256").hex())


def _dependency(value: JsonValue, where: str) -> Dependency:
    members = _SHAPE.members(value, where, ("component", "needs", "least"))
    return Dependency(
        ComponentId(_SHAPE.a_name(members["component"], f"{where}.component")),
        ComponentId(_SHAPE.a_name(members["needs"], f"{where}.needs")),
        ReleaseCounter(_SHAPE.a_number(members["least"], f"{where}.least", 1)),
    )


def _version(value: JsonValue) -> ReleaseVersion:
    version = read_release_version(_SHAPE.a_name(value, "version"))
    if version is None:
        raise _SHAPE.refusal("version", "a version that can stand in a file name")
    return version


def _agent(value: JsonValue) -> AgentVersion:
    agent = read_agent_version(_SHAPE.a_name(value, "requires.agent"))
    if agent is None:
        raise _SHAPE.refusal("requires.agent", "three numbers with dots between")
    return agent


def _one_of(kind: Iterable[StrEnum], value: JsonValue, where: str) -> str:
    known = {member.value for member in kind}
    name = _SHAPE.a_name(value, where)
    if name not in known:
        raise _SHAPE.refusal(where, " or ".join(sorted(known)))
    return name


def _digest_or_none(value: JsonValue, where: str) -> bytes | None:
    return None if value is None else _SHAPE.some_bytes(value, where)


def _bytes_or_none(value: JsonValue, where: str) -> bytes | None:
    return None if value is None else read_base64(_SHAPE, value, where, MAX_LOG_CHARACTERS)


def _extensions(value: JsonValue) -> tuple[tuple[str, bytes], ...]:
    members = _SHAPE.an_object(value, "extensions")
    if len(members) > MAX_EXTENSIONS:
        raise _SHAPE.refusal("extensions", f"at most {MAX_EXTENSIONS}")
    names = sorted(_SHAPE.a_name(name, "extensions") for name in members)
    return tuple((name, canonical_json(members[name])) for name in names)


def _written_bytes(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()


def _written_component(component: ReleaseComponent) -> JsonObject:
    image, index = component.image, component.index
    return {
        "id": component.component,
        "type": component.type.value,
        "patchable": component.patchable,
        "hardware": [
            {"model": each.model, "first": each.first, "last": each.last}
            for each in component.hardware
        ],
        "image": {"length": image.length, "root": image.root.hex()},
        "index": {"length": index.length, "sha256": index.sha256},
    }
