"""Row 13: metadata and files of different moments, each genuine, served together."""

from collections.abc import Callable, Mapping

import pytest

from firmhold.sim.network import Alter, Replay
from firmhold.sim.world import World
from firmhold.trust.errors import Code, Fault
from firmhold.trust.faults import DigestMismatch, LengthMismatch, VersionMismatch

CODES = {
    "snapshot": (
        Code.TUF_MIX_SNAPSHOT_LENGTH,
        Code.TUF_MIX_SNAPSHOT_DIGEST,
        Code.TUF_MIX_SNAPSHOT_VERSION,
    ),
    "targets": (
        Code.TUF_MIX_TARGETS_LENGTH,
        Code.TUF_MIX_TARGETS_DIGEST,
        Code.TUF_MIX_TARGETS_VERSION,
    ),
}
CODES["delegated"] = CODES["targets"]
ORDER = ("timestamp", "snapshot", "targets", "delegated")


def second_release(world: World) -> Mapping[str, bytes]:
    """Publish a delegated role twice; return the first metadata."""
    world.repository.delegate("delegated", paths=["d.bin"])
    world.repository.add_target("delegated", "d.bin", b"delegated")
    world.repository.release("delegated", "targets")
    assert world.device.update("a.bin", "d.bin") is None
    first = dict(world.repository.published)
    world.repository.release("delegated", "targets")
    return first


def kept_above(world: World, role: str) -> Mapping[str, bytes]:
    """The new files that the device rightly keeps before it comes to `role`."""
    above = ORDER[: ORDER.index(role)]
    return {f"metadata/{name}.json": world.repository.published[name] for name in above}


@pytest.mark.parametrize("role", CODES)
def test_yesterdays_file_under_todays_name_has_the_wrong_digest(world: World, role: str) -> None:
    """The attacker pairs today's timestamp with yesterday's file of the same length."""
    first = second_release(world)
    before = world.device.state()

    world.network.on(f"*.{role}.json", Replay(first[role]))

    assert len(first[role]) == len(world.repository.published[role])
    assert world.device.update("d.bin") == CODES[role][1]
    fault = world.device.fault
    assert isinstance(fault, DigestMismatch)
    assert (fault.what.removesuffix(".json"), fault.algorithm) == (role, "sha256")
    assert world.device.state() == {**before, **kept_above(world, role)}

    world.network.calm()
    assert world.device.update("a.bin", "d.bin") is None


@pytest.mark.parametrize("role", CODES)
def test_a_shorter_file_than_named_is_refused(world: World, role: str) -> None:
    """The file loses its last byte on the way: its length tells before anything is parsed."""
    second_release(world)
    before = world.device.state()
    length = len(world.repository.published[role])

    world.network.on(f"*.{role}.json", Alter(lambda body: body[:-1]))

    assert world.device.update("d.bin") == CODES[role][0]
    fault = world.device.fault
    assert isinstance(fault, LengthMismatch)
    assert (fault.expected, fault.found) == (length, length - 1)
    assert world.device.state() == {**before, **kept_above(world, role)}


@pytest.mark.parametrize("role", CODES)
def test_a_longer_file_than_named_is_not_read_to_its_end(world: World, role: str) -> None:
    """The file gains a byte on the way: reading stops there."""
    second_release(world)
    before = world.device.state()

    world.network.on(f"*.{role}.json", Alter(lambda body: body + b" "))

    assert world.device.update("d.bin") == Code.FETCH_TOO_LONG
    assert world.device.state() == {**before, **kept_above(world, role)}


@pytest.mark.parametrize("role", CODES)
def test_where_no_digests_are_named_the_version_tells(bare_world: World, role: str) -> None:
    """A repository that names versions only is protected by them, not by luck."""
    world = bare_world
    first = second_release(world)
    before = world.device.state()

    world.network.on(f"*.{role}.json", Replay(first[role]))

    assert world.device.update("d.bin") == CODES[role][2]
    fault = world.device.fault
    assert isinstance(fault, VersionMismatch)
    assert (fault.role, fault.expected, fault.found) == (
        role,
        world.repository.roles[role].version,
        world.repository.roles[role].version - 1,
    )
    assert world.device.state() == {**before, **kept_above(world, role)}


Spoil = Callable[[dict[str, str]], object]


def only_unknown(hashes: dict[str, str]) -> None:
    """Leave a digest that nobody can check."""
    hashes.clear()
    hashes["crc32"] = "00000000"


SPOILT: Mapping[str, Spoil] = {
    "one-of-two-is-wrong": lambda hashes: hashes.update(sha512="0" * 128),
    "an-unknown-one-besides": lambda hashes: hashes.update(whirlpool="00"),
    "only-an-unknown-one": only_unknown,
}


@pytest.mark.parametrize("spoil", SPOILT)
def test_every_digest_that_is_named_must_agree(world: World, spoil: str) -> None:
    """A file whose sha256 agrees is still refused for a digest that disagrees or is unknown."""
    assert world.device.update("a.bin") is None
    before = world.device.state()
    (world.repository.target_place("b.bin")).write_bytes(b"b")

    target = world.repository.add_target("targets", "b.bin", b"b")
    SPOILT[spoil](target.hashes)
    world.repository.release("targets")
    for prefixed in target.get_prefixed_paths():
        world.repository.target_place(prefixed).write_bytes(b"b")

    assert world.device.update("b.bin") == Code.TUF_TARGET_DIGEST
    fault: Fault | None = world.device.fault
    assert isinstance(fault, DigestMismatch)
    assert fault.what == "b.bin"
    assert set(world.device.state()) == set(before)


def test_a_file_of_another_moment_is_refused(world: World) -> None:
    """Today's metadata with yesterday's image under today's name: the image is not the one."""
    assert world.device.update("a.bin") is None
    world.repository.add_target("targets", "a.bin", b"the other version")
    world.repository.release("targets")

    world.network.on("*a.bin", Replay(b"the first version"))

    assert world.device.update("a.bin") == Code.TUF_TARGET_DIGEST
    assert world.device.state()["targets/a.bin"] == b"the first version"

    world.network.calm()
    assert world.device.update("a.bin") is None
    assert world.device.state()["targets/a.bin"] == b"the other version"
