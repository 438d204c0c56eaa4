"""What comes to the director over its sockets, and what it answers the gateway."""

from collections.abc import Sequence

from firmhold.fleet.director.inventory import Known
from firmhold.fleet.director.tick import Asked, Told
from firmhold.protocol.check_in import NONCE_BYTES
from firmhold.protocol.identity import device_id
from firmhold.trust.encoding import JsonObject, JsonValue, parse_json, pretty_json
from firmhold.trust.errors import Code
from firmhold.trust.shape import Shape
from firmhold.trust.uptane.component import ComponentId, HardwareId
from firmhold.update.release import MAX_REVISION

MOST_QUESTIONS = 1000

_SHAPE = Shape(Code.PROTOCOL_SHAPE)


def read_questions(data: bytes, max_bytes: int) -> list[Asked]:
    """Read who asked for the time. Raises `Refused`."""
    found = _SHAPE.members(parse_json(data, max_bytes=max_bytes), "tick", ("questions",))
    return [*_SHAPE.a_list(found["questions"], "tick.questions", MOST_QUESTIONS, _question)]


def read_device(data: bytes, max_bytes: int) -> Known:
    """Read a device that is to be known. Raises `Refused`."""
    names = ("device", "product", "component", "model", "revision")
    members = _SHAPE.members(parse_json(data, max_bytes=max_bytes), "device", names)
    return Known(
        device_id(_SHAPE.a_name(members["device"], "device.device"), "device.device"),
        _SHAPE.a_name(members["product"], "device.product"),
        ComponentId(_SHAPE.a_name(members["component"], "device.component")),
        HardwareId(_SHAPE.a_name(members["model"], "device.model")),
        _SHAPE.a_number(members["revision"], "device.revision", 0, MAX_REVISION),
        None,
        None,
    )


def told_bytes(
    told: Told, asked: Sequence[Asked], image: tuple[int, bytes], director_root: int
) -> bytes:
    """Return the answer to a tick: the statement, and each device's own part."""
    root, timestamp = image

    def one(each: Asked) -> JsonObject:
        vouched = told.vouched.get(each.device)
        if vouched is None:
            return {"device": each.device, "code": Code.FLEET_NO_DEVICE.value}
        return {
            "device": each.device,
            "proof": vouched.proof.decode(),
            "root": director_root,
            "timestamp": vouched.timestamp.decode(),
        }

    answers: list[JsonValue] = [one(each) for each in asked]
    return pretty_json(
        {
            "statement": told.statement.decode(),
            "image": {"root": root, "timestamp": timestamp.decode()},
            "answers": answers,
        }
    )


def _question(value: JsonValue, where: str) -> Asked:
    names = ("device", "nonce", "timestamp", "timestamp_sha256")
    members = _SHAPE.members(value, where, names)
    return Asked(
        device_id(_SHAPE.a_name(members["device"], f"{where}.device"), f"{where}.device"),
        _SHAPE.some_bytes(members["nonce"], f"{where}.nonce", NONCE_BYTES),
        _SHAPE.a_number(members["timestamp"], f"{where}.timestamp"),
        _SHAPE.some_bytes(members["timestamp_sha256"], f"{where}.timestamp_sha256"),
    )
