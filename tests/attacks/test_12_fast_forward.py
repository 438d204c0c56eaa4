"""Row 12: a version is set so high that no honest one can follow; and versions that are none."""

from typing import Any

import pytest

from firmhold.sim.attacker import Document
from firmhold.sim.world import World
from firmhold.trust.errors import Code, Fault
from firmhold.trust.faults import Malformed, VersionMismatch

ONLINE = ("timestamp", "snapshot")
FAR = [2**31, 2**53, 2**63 - 1]


def forge_online(world: World, role: str, version: int) -> None:
    """Set a role's version by the stolen timestamp and snapshot keys."""
    versions = {name: world.repository.roles[name].version + 1 for name in ONLINE}
    versions[role] = version
    world.attacker.steal("timestamp")
    world.attacker.steal("snapshot")

    def timestamp(signed: Document) -> None:
        signed["version"] = versions["timestamp"]
        signed["meta"]["snapshot.json"] = {"version": versions["snapshot"]}

    def snapshot(signed: Document) -> None:
        signed["version"] = versions["snapshot"]
        signed["meta"]["targets.json"]["version"] = versions.get("targets", 2)

    if role == "timestamp":
        only = world.attacker.forge("timestamp", lambda s: s.update(version=version))
        world.attacker.serve("timestamp", only)
        return
    world.attacker.serve("timestamp", world.attacker.forge("timestamp", timestamp))
    forged = world.attacker.forge("snapshot", snapshot)
    world.attacker.serve("snapshot", forged, version=versions["snapshot"])


BLOCKED = {
    "timestamp": (None, Code.TUF_ROLLBACK_TIMESTAMP),
    "snapshot": (None, Code.TUF_ROLLBACK_SNAPSHOT),
    "targets": (Code.FETCH_NOT_FOUND, Code.TUF_ROLLBACK_TARGETS),
}
"""What the attack itself brings, and what an honest, lower version meets afterwards."""


@pytest.mark.parametrize("version", FAR, ids=["2^31", "2^53", "2^63-1"])
@pytest.mark.parametrize("role", BLOCKED)
def test_a_rotation_of_the_stolen_keys_brings_a_lost_version_back(
    world: World, role: str, version: int
) -> None:
    """The thief of the online keys uses all versions up; new keys in a new root end it (5.3.11)."""
    during, after = BLOCKED[role]
    assert world.device.update("a.bin") is None

    forge_online(world, role, version)
    assert world.device.update("a.bin") == during

    for _ in range(3):
        world.repository.release("targets")
    assert world.device.update("a.bin") == after
    fault = world.device.fault
    assert isinstance(fault, VersionMismatch)
    assert fault.expected == version

    world.repository.rotate("timestamp")
    world.repository.rotate("snapshot")
    world.repository.publish("root", "snapshot", "timestamp")
    assert world.device.update("a.bin") is None
    published = world.repository.published
    assert world.device.state() == {
        **{f"metadata/{name}.json": data for name, data in published.items()},
        "targets/a.bin": b"the first version",
    }


def test_without_the_key_no_version_moves(world: World) -> None:
    """An unsigned high version is refused like any other forgery and burns nothing."""
    assert world.device.update("a.bin") is None
    before = world.device.state()

    high = world.attacker.with_signatures_of("timestamp", lambda s: s.update(version=2**31))
    world.attacker.serve("timestamp", high)

    assert world.device.update("a.bin") == Code.TUF_SIGNATURES_TIMESTAMP
    assert world.device.state() == before


def number(text: str) -> Fault:
    """What the reader says of a number that is none."""
    expected = "an integer of 63 bits and sign"
    return Malformed(code=Code.ENCODING_NUMBER, where=repr(text), expected=expected)


def shape(where: str, least: int = 1) -> Fault:
    """What the schema says of a value that is no version."""
    return Malformed(code=Code.TUF_SHAPE, where=where, expected=f"an integer of at least {least}")


NO_VERSIONS = {
    "9223372036854775808": number("9223372036854775808"),
    "7.0": number("7.0"),
    "1e3": number("1e3"),
    "-0": number("-0"),
    "1" * 5000: number("1" * 40),
    '"7"': shape("signed.version"),
    "true": shape("signed.version"),
    "null": shape("signed.version"),
    "[7]": shape("signed.version"),
    "0": shape("signed.version"),
    "-7": shape("signed.version"),
}


@pytest.mark.parametrize("text", NO_VERSIONS, ids=lambda text: text[:12])
@pytest.mark.parametrize("role", ["root", "timestamp"])
def test_what_is_no_version_is_refused_whoever_signed_it(
    world: World, role: str, text: str
) -> None:
    """The thief writes a version that readers understand differently: refused before it is read."""
    assert world.device.update("a.bin") is None
    before = world.device.state()

    world.attacker.steal(role)
    forged = world.attacker.forge(role, lambda signed: signed.update(version=77777))
    version = 2 if role == "root" else None
    spoilt = forged.replace(b"77777", text.encode())
    world.attacker.serve(role, spoilt, version=version)

    assert world.device.update("a.bin") == NO_VERSIONS[text].code
    assert world.device.fault == NO_VERSIONS[text]
    assert world.device.state() == before


@pytest.mark.parametrize("value", [2**63, "7", 7.5, True, 0, None], ids=repr)
@pytest.mark.parametrize("role", ["timestamp", "snapshot"])
def test_what_is_no_version_of_another_role_is_refused_too(
    bare_world: World,
    role: str,
    value: Any,  # noqa: ANN401 - no type is the point
) -> None:
    """A role cannot name another one under a version that is none."""
    world = bare_world
    assert world.device.update("a.bin") is None
    before = world.device.state()
    world.repository.publish("snapshot", "timestamp")
    named = {"timestamp": "snapshot.json", "snapshot": "targets.json"}[role]

    world.attacker.steal(role)
    forged = world.attacker.forge(role, lambda s: s["meta"][named].update(version=77777))
    world.attacker.serve(role, forged.replace(b"77777", encoded(value)))

    assert world.device.update("a.bin") in {Code.TUF_SHAPE, Code.ENCODING_NUMBER}
    kept = {} if role == "timestamp" else {"timestamp": world.repository.published["timestamp"]}
    files = {f"metadata/{name}.json": data for name, data in kept.items()}
    assert world.device.state() == {**before, **files}


def encoded(value: Any) -> bytes:  # noqa: ANN401 - no type is the point
    """The value as JSON text."""
    names = {True: b"true", None: b"null"}
    return names[value] if value in (True, None) else repr(value).replace("'", '"').encode()
