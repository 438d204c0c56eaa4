"""What a device is: its name, its one component, and where its slots and its state are.

A file `device.json` in the state folder, written once by `firmhold device init`.
"""

from dataclasses import dataclass
from pathlib import Path

from firmhold.trust.device_id import DeviceId
from firmhold.trust.encoding import JsonObject, JsonValue, parse_json, pretty_json
from firmhold.trust.errors import Code
from firmhold.trust.shape import Shape
from firmhold.trust.uptane.component import ComponentId, HardwareId
from firmhold.update.release import MAX_REVISION
from firmhold.update.slots import Slot

MAX_BYTES = 65_536
MOST_GROUPS = 64
MOST_PATH = 4096

_SHAPE = Shape(Code.DEVICE_CONFIG)
_MEMBERS = ("device", "product", "component", "model", "revision", "groups", "slots")


@dataclass(frozen=True, slots=True)
class Config:
    """One device with one component in two slots."""

    device: DeviceId
    product: str
    component: ComponentId
    model: HardwareId
    revision: int
    groups: tuple[str, ...]
    slots: dict[Slot, Path]
    tpm: str | None = None
    """How the TPM with the device signing key is reached (TCTI); None: the key is in a file."""

    def to_bytes(self) -> bytes:
        """Return the form in which it is stored; `parse_config` reads it back."""
        slots: JsonObject = {slot.value: str(path) for slot, path in self.slots.items()}
        groups: list[JsonValue] = [*self.groups]
        return pretty_json(
            {
                "device": self.device,
                "product": self.product,
                "component": self.component,
                "model": self.model,
                "revision": self.revision,
                "groups": groups,
                "slots": slots,
                **({} if self.tpm is None else {"tpm": self.tpm}),
            }
        )


def parse_config(data: bytes) -> Config:
    """Read what `Config.to_bytes` wrote. Raises `Refused`."""
    value = parse_json(data, max_bytes=MAX_BYTES)
    members = _SHAPE.members(value, "config", _MEMBERS, optional=("tpm",))
    slots = _SHAPE.members(members["slots"], "config.slots", tuple(Slot))
    return Config(
        device=DeviceId(_SHAPE.a_name(members["device"], "config.device")),
        product=_SHAPE.a_name(members["product"], "config.product"),
        component=ComponentId(_SHAPE.a_name(members["component"], "config.component")),
        model=HardwareId(_SHAPE.a_name(members["model"], "config.model")),
        revision=_SHAPE.a_number(members["revision"], "config.revision", 0, MAX_REVISION),
        groups=_SHAPE.a_list(members["groups"], "config.groups", MOST_GROUPS, _SHAPE.a_name),
        slots={
            slot: Path(_SHAPE.a_text(slots[slot], f"config.slots.{slot}", MOST_PATH))
            for slot in Slot
        },
        tpm=_SHAPE.a_name(members["tpm"], "config.tpm") if "tpm" in members else None,
    )
