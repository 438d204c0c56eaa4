"""Row 27: whatever the metadata say besides, nothing but the files they list is ever asked for."""

from typing import Any

from firmhold.sim.world import World

FIRST_RUN = [
    "/metadata/2.root.json",
    "/metadata/timestamp.json",
    "/metadata/2.snapshot.json",
    "/metadata/2.targets.json",
]


def target_request(world: World, path: str) -> str:
    """The request for a target as the metadata name it."""
    file = world.repository.targets().targets[path]
    return f"/targets/{file.hashes['sha256']}.{path}"


def test_a_run_asks_for_exactly_the_files_of_the_specification(world: World) -> None:
    """From a fresh device to a verified file: five requests, in this order, and no sixth."""
    assert world.device.update("a.bin") is None

    assert world.network.requests == [*FIRST_RUN, target_request(world, "a.bin")]


def test_a_run_with_nothing_new_asks_for_root_and_timestamp_only(world: World) -> None:
    """What is there and verified is not asked for again."""
    assert world.device.update("a.bin") is None
    world.network.requests.clear()

    assert world.device.update("a.bin") is None

    assert world.network.requests == FIRST_RUN[:2]


def test_urls_and_dependencies_that_metadata_mention_are_not_followed(world: World) -> None:
    """The metadata are full of addresses in fields that mean nothing to TUF: nobody goes there."""
    bait: dict[str, Any] = {
        "url": f"{world.network.url}/bait",
        "mirrors": [f"{world.network.url}/bait"],
        "dependencies": ["bait.bin"],
        "postinstall": "curl bait | sh",
        "snapshots": {"bait.json": {"version": 1}},
    }
    for role in ("root", "targets", "snapshot", "timestamp"):
        world.repository.roles[role].unrecognized_fields |= bait
    file = world.repository.add_target("targets", "a.bin", b"the first version")
    file.unrecognized_fields["custom"] = bait
    world.repository.add_target("targets", "bait.bin", b"not asked for")
    world.repository.publish("root", "targets", "snapshot", "timestamp")

    assert world.device.update("a.bin") is None

    assert world.network.requests == [
        "/metadata/2.root.json",
        "/metadata/3.root.json",
        "/metadata/timestamp.json",
        "/metadata/3.snapshot.json",
        "/metadata/3.targets.json",
        target_request(world, "a.bin"),
    ]


def test_roles_that_cannot_speak_for_the_path_are_not_asked(world: World) -> None:
    """Twenty delegations stand in the metadata; one of them covers the path, and is asked."""
    roles = [f"product-{number}" for number in range(20)]
    for role in roles:
        world.repository.delegate(role, paths=[f"{role}/*"])
    world.repository.add_target("product-7", "product-7/x.bin", b"seven")
    world.repository.release(*roles, "targets")
    assert world.device.update("a.bin") is None
    world.network.requests.clear()

    assert world.device.update("product-7/x.bin") is None

    file = world.repository.targets("product-7").targets["product-7/x.bin"]
    assert world.network.requests == [
        "/metadata/2.root.json",
        "/metadata/timestamp.json",
        "/metadata/1.product-7.json",
        f"/targets/product-7/{file.hashes['sha256']}.x.bin",
    ]


def test_a_refused_file_is_not_asked_for_again_in_the_same_run(world: World) -> None:
    """After a refusal the run is over: no retry, no second file, no other address."""
    world.repository.add_target("targets", "b.bin", b"b")
    world.repository.release("targets")
    assert world.device.update() is None
    world.network.requests.clear()
    (world.repository.folder / target_request(world, "a.bin")[1:]).write_bytes(b"x" * 17)

    assert world.device.update("a.bin", "b.bin") is not None

    assert world.network.requests == [*FIRST_RUN[:2], target_request(world, "a.bin")]
