"""Row 25: names that would lead out of the device's folders, or to something else inside them."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from firmhold.sim.attacker import Document
from firmhold.sim.world import World
from firmhold.trust.errors import Code
from firmhold.trust.faults import Malformed, OverLimit
from firmhold.trust.tuf.wire import metadata_file, target_file

NAMES = [
    "../evil",
    "../../evil",
    "/etc/evil",
    "//evil",
    "a/../../evil",
    ".",
    "..",
    "./evil",
    "...",
    "%2e%2e/evil",
    "%2e%2e%2fevil",
    "..%2fevil",
    "..\\evil",
    "C:\\evil",
    "nul\x00byte",
    "new\nline",
    "esc\x1b[2J",
    "CON",
    "com1.txt",
    " leading and trailing ",
    "trailing.",
    "~root/evil",
    "$HOME/evil",
    "-rf",
    "a?b",
    "a#b",
    "a;b&c=d",
    "http://elsewhere/evil",
    "grüße/☃",
    "\u202eevil",
    "root.json",
    "timestamp.json",
    "evil.part",
    "evil+.part",
    "a//b",
    "trailing/",
]


def outside(world: World) -> Mapping[str, bytes | None]:
    """Everything beside the device's two folders, with its bytes."""
    own = (world.device.metadata, world.device.targets)
    places = world.folder.parent.rglob("*")
    return {
        str(place): place.read_bytes() if place.is_file() else None
        for place in places
        if not any(place.is_relative_to(folder) for folder in own)
    }


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_target_path_is_one_name_in_one_folder(world: World, name: str) -> None:
    """Whoever holds the targets key may name files at will, and leads nobody out of a folder."""
    assert world.device.update("a.bin") is None
    world.repository.add_target("targets", name, b"evil")
    world.repository.release("targets")
    before, beside = world.device.state(), outside(world)

    assert world.device.update(name) is None

    new = set(world.device.state()) - set(before)
    assert new == {f"targets/{target_file(name)}"}
    assert world.device.state()[new.pop()] == b"evil"
    assert outside(world) == beside
    assert [path.name for path in world.device.metadata.iterdir() if path.is_dir()] == []
    quoted = world.network.requests[-1]
    assert quoted.startswith("/targets/")
    assert not {".", ".."} & set(quoted.split("/"))
    assert quoted.isprintable()
    assert not set(' ?#\\"<>') & set(quoted)


@pytest.mark.parametrize(
    "name", [name for name in NAMES if name != "http://elsewhere/evil"], ids=ascii
)
def test_a_role_name_is_one_name_in_one_folder(world: World, name: str) -> None:
    """Whoever delegates may name roles as he likes, and leads nobody out of a folder."""
    assert world.device.update("a.bin") is None
    world.repository.delegate(name, paths=["d.bin"])
    world.repository.add_target(name, "d.bin", b"delegated")
    world.repository.release(name, "targets")
    before, beside = world.device.state(), outside(world)

    assert world.device.update("d.bin") is None

    new = set(world.device.state()) - set(before)
    assert new == {f"metadata/{metadata_file(name)}", "targets/d.bin"}
    assert f"/metadata/{metadata_file(name, 1)}" in world.network.requests
    assert outside(world) == beside
    for role in ("root", "timestamp", "snapshot", "targets"):
        assert world.device.state()[f"metadata/{role}.json"] == world.repository.published[role]


@pytest.mark.parametrize("name", ["root", "timestamp", "snapshot", "targets", "", "x" * 241])
def test_a_role_cannot_be_called_like_a_top_level_one_or_like_nothing(
    bare_world: World, name: str
) -> None:
    """A delegated role that would take a top-level role's file is refused with its delegator."""
    world = bare_world
    assert world.device.update("a.bin") is None
    before = world.device.state()
    world.repository.delegate("delegated")
    world.repository.release("delegated", "targets")

    def rename(signed: Document) -> None:
        signed["delegations"]["roles"][0]["name"] = name

    world.attacker.steal("targets")
    world.attacker.serve("targets", world.attacker.forge("targets", rename))

    assert world.device.update("a.bin") == Code.TUF_SHAPE
    fault = world.device.fault
    assert isinstance(fault, Malformed)
    assert fault.where == "signed.delegations.roles[0].name"
    published = world.repository.published
    kept = {f"metadata/{role}.json": published[role] for role in ("timestamp", "snapshot")}
    assert world.device.state() == {**before, **kept}


def test_a_path_that_is_too_long_for_a_file_is_refused_before_it_is_asked_for(world: World) -> None:
    """A signed path of thousands of characters opens no file and sends no request."""
    assert world.device.update("a.bin") is None
    name = "long/" * 1000
    world.repository.targets().targets[name] = world.repository.targets().targets["a.bin"]
    world.repository.release("targets")
    assert world.device.update("a.bin") is None
    before = world.device.state()
    world.network.requests.clear()

    assert world.device.update(name) == Code.STORE_NAME_TOO_LONG
    assert isinstance(world.device.fault, OverLimit)
    assert world.device.state() == before
    assert not any(path.startswith("/targets/") for path in world.network.requests)


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """A file outside the device's folders that a link could lead to."""
    file = tmp_path / "precious"
    file.write_bytes(b"precious")
    return file


@pytest.mark.parametrize("link", ["a.bin", "a.bin.part", "a.bin+.part"])
def test_a_link_in_the_targets_folder_leads_nobody_out(
    world: World, precious: Path, link: str
) -> None:
    """Somebody plants a link where the file, or its unfinished form, will stand."""
    assert world.device.update() is None
    world.device.targets.mkdir()
    (world.device.targets / link).symlink_to(precious)

    assert world.device.update("a.bin") is None

    assert precious.read_bytes() == b"precious"
    landed = world.device.targets / "a.bin"
    assert landed.read_bytes() == b"the first version"
    assert not landed.is_symlink()


@pytest.mark.parametrize("role", ["root", "timestamp", "snapshot", "targets"])
@pytest.mark.parametrize("suffix", ["", ".part"])
def test_a_link_in_the_metadata_folder_leads_nobody_out(
    world: World, precious: Path, role: str, suffix: str
) -> None:
    """Somebody plants a link where metadata, or their unfinished form, will stand."""
    assert world.device.update("a.bin") is None
    world.repository.publish("root", "targets", "snapshot", "timestamp")
    place = world.device.metadata / f"{role}.json{suffix}"
    if not suffix:
        precious.write_bytes(place.read_bytes())
    place.unlink(missing_ok=True)
    place.symlink_to(precious)
    content = precious.read_bytes()

    assert world.device.update("a.bin") is None

    assert precious.read_bytes() == content
    landed = world.device.metadata / f"{role}.json"
    assert landed.read_bytes() == world.repository.published[role]
    assert not landed.is_symlink()


def test_a_link_to_a_genuine_file_is_replaced_by_the_file(world: World, precious: Path) -> None:
    """A link that leads to the right bytes today may lead elsewhere tomorrow: it is no file."""
    precious.write_bytes(b"the first version")
    assert world.device.update() is None
    world.device.targets.mkdir()
    (world.device.targets / "a.bin").symlink_to(precious)

    assert world.device.update("a.bin") is None

    assert not (world.device.targets / "a.bin").is_symlink()
    assert world.network.requests[-1].endswith(".a.bin")


@pytest.mark.parametrize("name", ["timestamp.json", "targets.json"])
def test_a_pipe_in_the_metadata_folder_keeps_nobody_waiting(world: World, name: str) -> None:
    """Somebody plants a pipe where metadata are read: it is reported, not waited for."""
    assert world.device.update("a.bin") is None
    before = world.device.state()
    (world.device.metadata / name).unlink()
    os.mkfifo(world.device.metadata / name)

    assert world.device.update("a.bin") == Code.STORE_IO
    del before[f"metadata/{name}"]
    assert world.device.state() == before


def test_a_pipe_in_the_targets_folder_is_replaced_by_the_file(world: World) -> None:
    """Somebody plants a pipe where the image will stand: the image takes its name."""
    assert world.device.update() is None
    world.device.targets.mkdir()
    os.mkfifo(world.device.targets / "a.bin")

    assert world.device.update("a.bin") is None
    assert world.device.state()["targets/a.bin"] == b"the first version"


def test_a_finished_name_never_stands_for_an_unfinished_file(world: World) -> None:
    """A target whose path ends like an unfinished file's is not thrown away for another's sake."""
    world.repository.add_target("targets", "a.bin.part", b"a target like any other")
    world.repository.release("targets")
    assert world.device.update("a.bin.part") is None

    assert world.device.update("a.bin") is None

    assert world.device.state()["targets/a.bin.part"] == b"a target like any other"
    assert world.device.state()["targets/a.bin"] == b"the first version"
