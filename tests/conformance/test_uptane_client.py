"""`firmhold uptane-client` keeps its contract: both repositories agree, or nothing is written."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tuf.api.metadata import TargetFile

from firmhold.cli import main
from firmhold.sim.attacker import Attacker
from firmhold.sim.clock import SimClock
from firmhold.sim.network import SimNetwork
from firmhold.sim.repository import SimRepository
from firmhold.trust.errors import Code
from firmhold.trust.tuf.trusted_set import TARGETS

SERIAL, HARDWARE = "ecu-1", "hw-1"
OLD, NEW = b"old image" * 50, b"new image" * 60


def system_clock() -> SimClock:
    """A clock that is right today: the command reads the system's own."""
    return SimClock(datetime.now(UTC).replace(microsecond=0))  # noqa: TID251 - as the command does


@dataclass
class Scene:
    """Two repositories behind one wire, and a component with a work folder."""

    network: SimNetwork
    director: SimRepository
    image: SimRepository
    workdir: Path

    def init(self, serial: str = SERIAL) -> int:
        """Pin both roots."""
        roots = {}
        for name, repository in (("director", self.director), ("image", self.image)):
            roots[name] = self.workdir.parent / f"{name}.root.json"
            roots[name].write_bytes(repository.published["root"])
        words = ["uptane-client", "init", "--workdir", str(self.workdir)]
        words += ["--director-root", str(roots["director"]), "--image-root", str(roots["image"])]
        return main([*words, "--ecu-serial", serial, "--hardware-id", HARDWARE])

    def update(self) -> int:
        """Verify both repositories and fetch what is ours."""
        words = ["uptane-client", "update", "--workdir", str(self.workdir)]
        words += ["--director-url", f"{self.network.url}/director/metadata"]
        return main([*words, "--image-url", f"{self.network.url}/image/metadata"])

    def order(self, path: str, data: bytes, component: str = SERIAL) -> TargetFile:
        """Have the Director assign an image."""
        file = self.director.add_target(TARGETS, path, data)
        custom = {"ecuIdentifiers": {component: {"hardwareId": HARDWARE}}}
        file.unrecognized_fields["custom"] = custom
        return file

    def offer(self, path: str, data: bytes, role: str = TARGETS, **custom: object) -> TargetFile:
        """Have the image repository offer an image."""
        file = self.image.add_target(role, path, data)
        file.unrecognized_fields["custom"] = {"hardwareIds": [HARDWARE], **custom}
        return file

    def release(self) -> None:
        """Publish both."""
        self.director.release(TARGETS)
        self.image.release(TARGETS)

    def images(self) -> dict[str, bytes]:
        """What lies in the work folder's targets."""
        folder = self.workdir / "targets"
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }


@pytest.fixture(name="scene")
def _scene(tmp_path: Path) -> Iterator[Scene]:
    """A component that was initialised, and an image that both repositories name."""
    served, clock = tmp_path / "served", system_clock()
    director = SimRepository(served / "director", clock)
    image = SimRepository(served / "image", clock)
    for repository in (director, image):
        (repository.folder / "targets").mkdir(exist_ok=True)
        (repository.folder / "metadata" / "targets").symlink_to("../targets")
    with SimNetwork(served) as network:
        scene = Scene(network, director, image, tmp_path / "work")
        scene.order("fw/a.img", OLD)
        scene.offer("fw/a.img", OLD, releaseCounter=1)
        assert scene.init() == 0
        scene.release()
        yield scene


def refused(capsys: pytest.CaptureFixture[str]) -> str:
    """The code on standard error."""
    return capsys.readouterr().err.partition(": ")[2].partition(":")[0]


def test_an_agreed_image_lies_under_its_own_name(scene: Scene) -> None:
    """What both repositories name arrives, folders of its name kept."""
    assert scene.update() == 0
    assert scene.images() == {"fw/a.img": OLD}


def test_a_second_call_fetches_nothing_again(scene: Scene) -> None:
    """An image that is there is not fetched again."""
    assert scene.update() == 0
    scene.network.requests.clear()
    assert scene.update() == 0
    assert not [path for path in scene.network.requests if "/targets/" in path]


def test_a_newer_image_replaces_the_older(scene: Scene) -> None:
    """The next release is taken under the same name."""
    assert scene.update() == 0
    scene.order("fw/a.img", NEW)
    scene.offer("fw/a.img", NEW, releaseCounter=2)
    scene.release()
    assert scene.update() == 0
    assert scene.images() == {"fw/a.img": NEW}


def test_a_component_that_is_not_named_writes_nothing(scene: Scene) -> None:
    """Where the Director means others only, the call succeeds and no image is written."""
    del scene.director.targets().targets["fw/a.img"]
    scene.order("fw/a.img", OLD, component="ecu-2")
    scene.release()
    assert scene.update() == 0
    assert scene.images() == {}


def test_what_is_not_named_is_not_asked_for(scene: Scene) -> None:
    """Where the Director has nothing for a component, the image repository is not even read."""
    scene.order("fw/a.img", OLD, component="ecu-2")
    scene.director.release(TARGETS)
    scene.image.edit("timestamp", lambda _: b"not metadata")
    assert scene.update() == 0
    assert scene.images() == {}


def test_an_image_of_the_director_alone_is_refused(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    """A Director in the wrong hands cannot give what the image repository does not have."""
    scene.order("fw/evil.img", NEW)
    del scene.director.targets().targets["fw/a.img"]
    scene.release()
    assert scene.update() == 1
    assert refused(capsys) == Code.TUF_NO_SUCH_TARGET
    assert scene.images() == {}


def test_an_older_release_counter_is_refused_after_the_newer_was_installed(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    """The release counter outlasts the call that installed it."""
    scene.offer("fw/a.img", OLD, releaseCounter=5)
    scene.release()
    assert scene.update() == 0
    scene.order("fw/b.img", NEW)
    scene.offer("fw/b.img", NEW, releaseCounter=4)
    del scene.director.targets().targets["fw/a.img"]
    scene.release()
    assert scene.update() == 1
    assert refused(capsys) == Code.UPTANE_RELEASE_COUNTER
    assert scene.images() == {"fw/a.img": OLD}


@pytest.mark.parametrize("named", [True, False], ids=["digests named", "no digests named"])
def test_the_same_version_with_other_bytes_is_taken(scene: Scene, *, named: bool) -> None:
    """Metadata of a version that is known are taken anew if their signatures are good."""
    for each in (scene.director, scene.image):
        each.names_digests = named
    scene.release()
    assert scene.update() == 0
    scene.order("fw/b.img", NEW)
    scene.offer("fw/b.img", NEW, releaseCounter=1)
    del scene.director.targets().targets["fw/a.img"]
    for each in (scene.director, scene.image):
        for role in (TARGETS, "snapshot", "timestamp"):
            each.write(role)
    assert scene.update() == 0
    assert scene.images() == {"fw/a.img": OLD, "fw/b.img": NEW}


def test_an_older_version_is_still_refused(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    """A repeated version may be said again; an older one may not."""
    assert scene.update() == 0
    scene.director.timestamp.version -= 1
    scene.director.write("timestamp")
    assert scene.update() == 1
    assert refused(capsys) == Code.TUF_ROLLBACK_TIMESTAMP


@pytest.mark.parametrize("prefix", ["sha256", "sha512", ""], ids=["sha256", "sha512", "no prefix"])
def test_an_image_is_found_under_any_name_that_it_may_have(scene: Scene, prefix: str) -> None:
    """An image may be served under any of its digests, or under its plain name."""
    file = scene.image.targets().targets["fw/a.img"]
    for name in file.get_prefixed_paths():
        if not prefix or file.hashes[prefix] not in name:
            scene.image.target_place(name).unlink()
    if not prefix:
        scene.image.target_place("fw/a.img").write_bytes(OLD)
    assert scene.update() == 0
    assert scene.images() == {"fw/a.img": OLD}


@pytest.mark.parametrize("folder", [".", "delegations"], ids=["beside", "in a folder of its own"])
def test_a_delegated_role_is_found_in_either_place(scene: Scene, folder: str) -> None:
    """The image repository may keep delegated roles beside the others or in `delegations/`."""
    scene.image.delegate("maker", paths=["made/*"])
    scene.offer("made/c.img", NEW, role="maker", releaseCounter=1)
    scene.order("made/c.img", NEW)
    del scene.director.targets().targets["fw/a.img"]
    scene.image.publish("maker")
    scene.release()
    place = scene.image.metadata_place("maker")
    (place.parent / folder).mkdir(exist_ok=True)
    place.replace(place.parent / folder / place.name)
    assert scene.update() == 0
    assert scene.images() == {"made/c.img": NEW}


def test_a_repository_without_consistent_snapshots_is_read(scene: Scene) -> None:
    """Unversioned file names are read where the root says so."""
    scene.image.root.consistent_snapshot = False
    scene.image.publish("root")
    scene.image.release(TARGETS)
    assert scene.update() == 0
    assert scene.images() == {"fw/a.img": OLD}


@pytest.mark.parametrize("repository", ["director", "image"])
def test_two_signatures_of_one_key_id_are_refused(
    scene: Scene, repository: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A document that bears one key id twice is refused, whatever the threshold."""
    sim: SimRepository = getattr(scene, repository)
    signers = sim.signers["timestamp"]
    sim.lie("timestamp", Attacker(sim).forge("timestamp", _as_it_is, [*signers, *signers]))
    assert scene.update() == 1
    assert refused(capsys) == Code.TUF_SHAPE


def _as_it_is(_signed: dict[str, Any]) -> None:
    """An edit that changes nothing."""


def test_a_key_under_another_id_counts_for_nothing(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    """A key id must be the digest of its key."""
    signer = scene.image.signers["timestamp"][0]
    key = scene.image.root.keys.pop(signer.public_key.keyid)
    key.keyid = signer.public_key.keyid = "an-opaque-name"
    scene.image.root.keys["an-opaque-name"] = key
    scene.image.root.roles["timestamp"].keyids = ["an-opaque-name"]
    scene.image.publish("root", "timestamp")
    assert scene.update() == 1
    assert refused(capsys) == Code.TUF_SIGNATURES_TIMESTAMP


@pytest.mark.parametrize(
    "change", [lambda data: data[:-1], lambda data: data[::-1]], ids=["shorter", "other"]
)
def test_an_image_that_is_not_the_named_one_is_never_written(
    scene: Scene, change: Callable[[bytes], bytes]
) -> None:
    """Bytes that are not what both repositories name get no name here."""
    for place in (scene.image.folder / "targets" / "fw").iterdir():
        place.write_bytes(change(place.read_bytes()))
    assert scene.update() == 1
    assert scene.images() == {}


def test_a_work_folder_belongs_to_one_component(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same init twice changes nothing; another component's is refused."""
    assert scene.init() == 0
    assert scene.update() == 0
    assert scene.init("ecu-9") == 1
    assert refused(capsys) == Code.STORE_ALREADY_PINNED
    assert scene.update() == 0


def test_an_update_before_init_says_what_is_missing(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is trusted before it was pinned."""
    scene.workdir = scene.workdir.with_name("elsewhere")
    assert scene.update() == 1
    assert refused(capsys) == Code.STORE_NO_ROOT


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b'{"component":"ecu-1","hardware":"hw-1","release_counter":-1}'],
    ids=["empty", "a list", "a negative counter"],
)
def test_a_damaged_memory_is_reported_as_such(
    scene: Scene, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """A component that cannot read who it is does not guess."""
    (scene.workdir / "component.json").write_bytes(content)
    assert scene.update() == 1
    assert refused(capsys) == Code.STORE_ROOT_DAMAGED


def test_the_command_as_a_process_answers_with_its_exit_status() -> None:
    """The command ends with 0 or 1, and with 1 for a call that cannot be meant."""
    for words, status in ((["--help"], 0), ([], 1), (["update"], 1), (["update", "--bogus"], 1)):
        done = subprocess.run(  # noqa: S603 - our own words
            [sys.executable, "-m", "firmhold", "uptane-client", *words],
            capture_output=True,
            check=False,
        )
        assert done.returncode == status
