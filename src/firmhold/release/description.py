"""What a person writes of a release, before there are extents and digests: a TOML file.

    product = "camera"
    class = "feature"                     # feature, security or trust
    version = "2.1.0"

    [[components]]
    id = "main"
    type = "system"
    image = "camera-2.1.0.img"            # beside this file
    hardware = [{ model = "camera-1", first = 1, last = 4 }]

Everything else has a default that asks for nothing: see `_DEFAULTS`. What is not known here is
refused by name, so that no misspelt word is passed over.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from firmhold.trust.encoding import JsonObject, JsonValue
from firmhold.trust.errors import Code
from firmhold.trust.shape import Shape, written_date
from firmhold.update.release import TAG as MANIFEST
from firmhold.update.schedule import BUCKETS

MAX_BYTES = 262_144
MOST_COMPONENTS = 64
MOST_BASES = 16
MOST_PATH = 4096

LONG_AGO = "2000-01-01T00:00:00Z"
"""Begins the only wave of a release that nobody has to wait for."""

_SHAPE = Shape(Code.RELEASE_DESCRIPTION)
_REQUIRED = ("product", "class", "version", "components")
_OPTIONAL = (
    "release_counter",
    "security_counter",
    "requires",
    "dependencies",
    "health_checks",
    "rollback",
    "schedule",
    "patches",
)
_COMPONENT = ("id", "type", "image", "hardware")


@dataclass(frozen=True, slots=True)
class DescribedComponent:
    """One image: where it lies, which older ones devices may have, and what it is for."""

    image: Path
    bases: tuple[Path, ...]
    facts: JsonObject
    """The members of the manifest that a person knows: id, type, patchable, hardware."""


@dataclass(frozen=True, slots=True)
class Description:
    """A release as it was described; numbers that were left out are None."""

    product: str
    release_class: str
    release_counter: int | None
    security_counter: int | None
    components: tuple[DescribedComponent, ...]
    facts: JsonObject
    """The members of the manifest that need no image and no counter."""


def read_description(data: bytes, folder: Path) -> Description:
    """Read a description; image paths in it are below `folder`. Raises `Refused`."""
    members = _members(_parsed(data), "description", _REQUIRED, _OPTIONAL)
    components = _SHAPE.a_list(
        members["components"],
        "components",
        MOST_COMPONENTS,
        lambda entry, where: _component(entry, where, folder),
    )
    facts = {**_defaults(), **{name: members[name] for name in _kept(members)}}
    requires = _SHAPE.an_object(facts["requires"], "requires")
    facts["requires"] = {"release_counter": 0, "agent": "0.0.0", **requires}
    return Description(
        product=_SHAPE.a_name(members["product"], "product"),
        release_class=_SHAPE.a_name(members["class"], "class"),
        release_counter=_number(members, "release_counter", 1),
        security_counter=_number(members, "security_counter", 0),
        components=components,
        facts=facts,
    )


def _defaults() -> JsonObject:
    """A release that asks for nothing, tries three boots, and is for all devices at once."""
    return {
        "tag": MANIFEST,
        "critical": {},
        "extensions": {},
        "requires": {},
        "dependencies": [],
        "health_checks": [],
        "rollback": {"trial_boots": 3, "confirm_seconds": 900, "data_kept": True},
        "schedule": {
            "earliest_start": LONG_AGO,
            "waves": [{"after_seconds": 0, "buckets": BUCKETS}],
        },
        "patches": None,
        "checkpoint": None,
        "proof": None,
    }


def _kept(members: Mapping[str, JsonValue]) -> list[str]:
    own = ("components", "release_counter", "security_counter")
    return [name for name in members if name not in own]


def _component(entry: JsonValue, where: str, folder: Path) -> DescribedComponent:
    members = _members(entry, where, _COMPONENT, ("patchable", "bases"))
    bases = members.get("bases", [])

    def path(value: JsonValue, place: str) -> Path:
        return folder / _SHAPE.a_text(value, place, MOST_PATH)

    return DescribedComponent(
        image=path(members["image"], f"{where}.image"),
        bases=_SHAPE.a_list(bases, f"{where}.bases", MOST_BASES, path),
        facts={
            "id": members["id"],
            "type": members["type"],
            "patchable": members.get("patchable", False),
            "hardware": members["hardware"],
        },
    )


def _number(members: JsonObject, name: str, least: int) -> int | None:
    return None if name not in members else _SHAPE.a_number(members[name], name, least)


def _members(
    value: JsonValue, where: str, required: tuple[str, ...], optional: tuple[str, ...]
) -> JsonObject:
    found = _SHAPE.an_object(value, where)
    for name in required:
        if name not in found:
            raise _SHAPE.refusal(f"{where}.{name}", "to be there")
    for name in found:
        if name not in (*required, *optional):
            raise _SHAPE.refusal(f"{where}.{name}", " or ".join((*required, *optional)))
    return found


def _parsed(data: bytes) -> JsonObject:
    if len(data) > MAX_BYTES:
        raise _SHAPE.refusal("description", f"at most {MAX_BYTES} bytes")
    try:
        return {name: _plain(value, name) for name, value in tomllib.loads(data.decode()).items()}
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _SHAPE.refusal("description", f"TOML ({error})") from error


def _plain(value: object, where: str) -> JsonValue:
    """A value of TOML as one of JSON; dates become the texts that manifests have."""
    match value:
        case bool() | int() | str():
            return value
        case datetime():
            return written_date(value)
        case list():
            return [_plain(each, f"{where}[{number}]") for number, each in enumerate(value)]
        case dict():
            return {name: _plain(each, f"{where}.{name}") for name, each in value.items()}
        case _:
            raise _SHAPE.refusal(where, "a text, a whole number, a date, a list or a table")
