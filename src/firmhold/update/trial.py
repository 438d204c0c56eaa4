"""What a release must show when it has booted for the first time, and what happens if it does not.

Health checks are data, bounded each in what they may do and in how long it may take: the release
manifest signs them, the device that confirms carries them out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from firmhold.trust.encoding import JsonObject, JsonValue
from firmhold.trust.shape import Shape

MAX_CHECKS = 32
MAX_ARGUMENTS = 32
MAX_DEADLINE_SECONDS = 3600
MAX_TRIAL_BOOTS = 10
MAX_CONFIRM_SECONDS = 86_400
MAX_MEMORY_BYTES = 1 << 50

_STATUS = (100, 599)
_PORTS = (1, 65_535)


@dataclass(frozen=True, slots=True)
class CommandCheck:
    """A program that must end with status 0."""

    deadline_seconds: int
    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HttpCheck:
    """A server of the device's own that must answer a GET on loopback with one status."""

    deadline_seconds: int
    port: int
    path: str
    status: int


@dataclass(frozen=True, slots=True)
class MemoryCheck:
    """A service that must not use more memory than that."""

    deadline_seconds: int
    service: str
    most_bytes: int


@dataclass(frozen=True, slots=True)
class ServiceCheck:
    """A service that must be up."""

    deadline_seconds: int
    service: str


HealthCheck: TypeAlias = CommandCheck | HttpCheck | MemoryCheck | ServiceCheck


@dataclass(frozen=True, slots=True)
class RollbackPlan:
    """How long the new system may take to be confirmed, and whether the old one can take over."""

    trial_boots: int
    """Boots in which it may become good; then the device goes back."""
    confirm_seconds: int
    """Time from a boot in which it must be confirmed."""
    data_kept: bool
    """The old system can use the data as the new one leaves them."""

    def to_json(self) -> JsonObject:
        """Return the form in which a release manifest bears the plan."""
        return {
            "trial_boots": self.trial_boots,
            "confirm_seconds": self.confirm_seconds,
            "data_kept": self.data_kept,
        }


def read_rollback(shape: Shape, value: JsonValue, where: str) -> RollbackPlan:
    """Read the rollback plan of a release manifest. Raises `Refused`."""
    names = ("trial_boots", "confirm_seconds", "data_kept")
    found = shape.members(value, where, names)
    return RollbackPlan(
        shape.a_number(found["trial_boots"], f"{where}.trial_boots", 1, MAX_TRIAL_BOOTS),
        shape.a_number(
            found["confirm_seconds"], f"{where}.confirm_seconds", 1, MAX_CONFIRM_SECONDS
        ),
        shape.a_flag(found["data_kept"], f"{where}.data_kept"),
    )


def read_check(shape: Shape, value: JsonValue, where: str) -> HealthCheck:
    """Read one health check of a release manifest. Raises `Refused`."""
    kind = shape.a_name(shape.an_object(value, where).get("kind"), f"{where}.kind")
    if kind not in _KINDS:
        raise shape.refusal(f"{where}.kind", " or ".join(_KINDS))
    names, read = _KINDS[kind]
    members = shape.members(value, where, ("kind", "deadline_seconds", *names))
    place = f"{where}.deadline_seconds"
    deadline = shape.a_number(members["deadline_seconds"], place, 1, MAX_DEADLINE_SECONDS)
    return read(shape, members, where, deadline)


def written_check(health: HealthCheck) -> JsonObject:
    """Return the form in which a release manifest bears a health health."""
    deadline: JsonObject = {"deadline_seconds": health.deadline_seconds}
    if isinstance(health, CommandCheck):
        return {"kind": "command", "argv": list(health.argv), **deadline}
    if isinstance(health, HttpCheck):
        bounds: JsonObject = {"port": health.port, "path": health.path, "status": health.status}
        return {"kind": "http", **bounds, **deadline}
    if isinstance(health, MemoryCheck):
        most: JsonObject = {"service": health.service, "most_bytes": health.most_bytes}
        return {"kind": "memory", **most, **deadline}
    return {"kind": "service", "service": health.service, **deadline}


def _command(shape: Shape, members: JsonObject, where: str, deadline: int) -> CommandCheck:
    place = f"{where}.argv"
    argv = shape.a_list(members["argv"], place, MAX_ARGUMENTS, shape.a_name)
    if not argv or not argv[0].startswith("/"):
        raise shape.refusal(place, "the absolute path of a program, then arguments")
    return CommandCheck(deadline, argv)


def _http(shape: Shape, members: JsonObject, where: str, deadline: int) -> HttpCheck:
    path = shape.a_name(members["path"], f"{where}.path")
    if not path.startswith("/") or not path.isascii() or " " in path:
        raise shape.refusal(f"{where}.path", "a path of a URL")
    port = shape.a_number(members["port"], f"{where}.port", *_PORTS)
    status = shape.a_number(members["status"], f"{where}.status", *_STATUS)
    return HttpCheck(deadline, port, path, status)


def _memory(shape: Shape, members: JsonObject, where: str, deadline: int) -> MemoryCheck:
    service = shape.a_name(members["service"], f"{where}.service")
    place = f"{where}.most_bytes"
    most = shape.a_number(members["most_bytes"], place, 1, MAX_MEMORY_BYTES)
    return MemoryCheck(deadline, service, most)


def _service(shape: Shape, members: JsonObject, where: str, deadline: int) -> ServiceCheck:
    return ServiceCheck(deadline, shape.a_name(members["service"], f"{where}.service"))


_Read: TypeAlias = Callable[[Shape, JsonObject, str, int], HealthCheck]

_KINDS: Mapping[str, tuple[tuple[str, ...], _Read]] = {
    "command": (("argv",), _command),
    "http": (("port", "path", "status"), _http),
    "memory": (("service", "most_bytes"), _memory),
    "service": (("service",), _service),
}
"""Members and reader of each kind of check."""
