"""Two small documents that are the security authority's own: the counter, and leave to go back.

* `security/counters/<product>.json` says which security counter the releases of a product bear.
* A *revert authorisation* lets named devices go from one release back to another, until a date. It
  lifts the order of releases and nothing else: the security floor stands.

Both are targets, in canonical JSON, one form each.
"""

from dataclasses import dataclass
from datetime import datetime

from firmhold.trust.device_id import DeviceId
from firmhold.trust.encoding import JsonObject, JsonValue, canonical_json, parse_json
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Mismatch, WrongType
from firmhold.trust.shape import Shape, written_date
from firmhold.trust.tuf.roles import Target
from firmhold.trust.verified import Verified, seal
from firmhold.update.authority import Authority, place_of
from firmhold.update.release import RESERVED_PRODUCT, read_product
from firmhold.update.version import ReleaseCounter, SecurityCounter

COUNTER_TAG = "firmhold security counter 1"
REVERT_TAG = "firmhold revert 1"
MAX_BYTES = 262_144
MAX_DEVICES = 1024

_COUNTER = Shape(Code.UPDATE_COUNTER_SHAPE)
_REVERT = Shape(Code.UPDATE_REVERT_SHAPE)


@dataclass(frozen=True, slots=True)
class ProductCounter:
    """The security counter that the releases of a product bear."""

    product: str
    counter: SecurityCounter

    def to_bytes(self) -> bytes:
        """Return the one form of this document."""
        return canonical_json(
            {"tag": COUNTER_TAG, "product": self.product, "security_counter": self.counter}
        )


@dataclass(frozen=True, slots=True)
class Revert:
    """Leave for named devices to go back from one release of a product to another."""

    product: str
    devices: tuple[DeviceId, ...]
    from_counter: ReleaseCounter
    to_counter: ReleaseCounter
    expires: datetime

    def to_bytes(self) -> bytes:
        """Return the one form of this document."""
        return canonical_json(
            {
                "tag": REVERT_TAG,
                "product": self.product,
                "devices": [*self.devices],
                "from": self.from_counter,
                "to": self.to_counter,
                "expires": written_date(self.expires),
            }
        )


def parse_counter(data: bytes) -> ProductCounter:
    """Read the security counter of a product. Raises `Refused`."""
    members = _members(_COUNTER, data, COUNTER_TAG, ("product", "security_counter"))
    counter = ProductCounter(
        read_product(_COUNTER, members["product"], "product"),
        SecurityCounter(_COUNTER.a_number(members["security_counter"], "security_counter")),
    )
    _require_canonical(_COUNTER, counter.to_bytes(), data)
    return counter


def parse_revert(data: bytes) -> Revert:
    """Read a revert authorisation. Raises `Refused`."""
    names = ("product", "devices", "from", "to", "expires")
    members = _members(_REVERT, data, REVERT_TAG, names)
    devices = _REVERT.a_list(members["devices"], "devices", MAX_DEVICES, _device)
    if not devices or len(set(devices)) != len(devices):
        raise _REVERT.refusal("devices", "at least one, each once")
    start = _REVERT.a_number(members["from"], "from", 1)
    revert = Revert(
        product=read_product(_REVERT, members["product"], "product"),
        devices=devices,
        from_counter=ReleaseCounter(start),
        to_counter=ReleaseCounter(_REVERT.a_number(members["to"], "to", 1, start - 1)),
        expires=_REVERT.a_date(members["expires"], "expires"),
    )
    _require_canonical(_REVERT, revert.to_bytes(), data)
    return revert


def verify_counter(target: Verified[Target], data: bytes) -> Verified[ProductCounter]:
    """Return the security counter in `data`, if its authority says so where it says it.

    1. the security authority speaks, of `security/counters/<product>.json`;
    2. these are the bytes;
    3. they can be read, and are about that product.
    """
    # 1. and 2.
    place = _spoken(target.value, data)
    # 3. about the product that the path names
    counter = parse_counter(data)
    expected = f"{RESERVED_PRODUCT}/{counter.product}.json"
    _require(Code.UPDATE_COUNTER_PATH, "path", expected, place)
    return seal(counter)


def verify_revert(target: Verified[Target], data: bytes) -> Verified[Revert]:
    """Return the revert authorisation in `data`, if the security authority gave it.

    1. the security authority speaks;
    2. these are the bytes;
    3. they can be read, and are about the product that the path names.

    Whether it is for this device, for this step and in time, `compatibility` says.
    """
    # 1. and 2.
    place = _spoken(target.value, data)
    # 3. about the product that the path names
    revert = parse_revert(data)
    _require(Code.UPDATE_REVERT_PATH, "product", revert.product, place.partition("/")[0])
    return seal(revert)


def _spoken(target: Target, data: bytes) -> str:
    """Return the path below `security/` at which the security authority speaks of `data`."""
    place = place_of(target)
    _require(Code.UPDATE_NOT_SECURITY, "authority", Authority.SECURITY, place.authority)
    target.expectation.check(data)
    return f"{place.product}/{place.file}"


def _members(shape: Shape, data: bytes, tag: str, names: tuple[str, ...]) -> JsonObject:
    found = shape.an_object(parse_json(data, max_bytes=MAX_BYTES), "document")
    if found.get("tag") != tag:
        other = shape.a_name(found.get("tag"), "document.tag")
        raise Refused(WrongType(code=Code.UPDATE_SECURITY_FORMAT, role=tag, found=other))
    return shape.members(found, "document", ("tag", *names))


def _device(value: JsonValue, where: str) -> DeviceId:
    return DeviceId(_REVERT.a_name(value, where))


def _require_canonical(shape: Shape, written: bytes, data: bytes) -> None:
    if written != data:
        raise shape.refusal("document", "the canonical form")


def _require(code: Code, what: str, expected: str, found: str) -> None:
    if found != expected:
        fault = Mismatch(code=code, what=what, expected=str(expected), found=str(found))
        raise Refused(fault)
