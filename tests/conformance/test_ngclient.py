"""An independent client, python-tuf's own, reads what `firmhold release` publishes."""

from pathlib import Path

import pytest
from tuf.ngclient import Updater  # noqa: TID251 - the independent judge

from firmhold.cli import main
from firmhold.sim.network import SimNetwork


class Releases:
    """A desk that is worked by the command line, at the present time, and its site."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.site = folder / "site"
        self.desk = folder / "desk"
        self._run("keys", "init")

    @property
    def root(self) -> bytes:
        """The root that clients get by a safe way."""
        return (self.desk / "metadata/1.root.json").read_bytes()

    def publish(self, authority: str, *holders: str, **files: bytes) -> None:
        """Release files of an authority, signed by two of its holders."""
        paths = []
        for name, data in files.items():
            paths.append(str(self._folder / name))
            (self._folder / name).write_bytes(data)
        self._run("build", *paths, "--authority", authority, "--product", "thing")
        for holder in holders:
            key = f"file:{self.desk / 'keys' / holder}.pem"
            self._run("sign", "--role", authority, "--key", key)
        self._run("publish", "--to", str(self.site))

    def _run(self, *arguments: str) -> None:
        command, rest = list(arguments[:1]), arguments[1:]
        if command == ["keys"]:
            command, rest = list(arguments[:2]), arguments[2:]
        assert main(["release", *command, str(self.desk), *rest]) == 0


def download(network: SimNetwork, folder: Path, root: bytes, path: str) -> bytes:
    """Read a target as a new process would: refresh, look the target up, fetch it."""
    folder.mkdir(exist_ok=True)
    updater = Updater(
        metadata_dir=str(folder),
        metadata_base_url=f"{network.url}/metadata/",
        target_dir=str(folder),
        target_base_url=f"{network.url}/targets/",
        bootstrap=root,
    )
    updater.refresh()
    target = updater.get_targetinfo(path)
    assert target is not None
    return Path(updater.download_target(target)).read_bytes()


@pytest.mark.slow
def test_an_independent_client_reads_release_after_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One client follows the first release, the second one, and a fix of the other authority."""
    monkeypatch.setenv("FIRMHOLD_PASSPHRASE", "a passphrase")
    releases = Releases(tmp_path)
    known, path = tmp_path / "client", "feature/thing/firmware"
    with SimNetwork(releases.site) as network:
        releases.publish("feature", "feature-1", "feature-2", firmware=b"one")
        assert download(network, known, releases.root, path) == b"one"
        releases.publish("feature", "feature-3", "feature-1", firmware=b"two", loader=b"boot")
        releases.publish("security", "security-2", "security-3", fix=b"fix")
        for folder in (known, tmp_path / "new client"):
            assert download(network, folder, releases.root, path) == b"two"
            assert download(network, folder, releases.root, "feature/thing/loader") == b"boot"
            assert download(network, folder, releases.root, "security/thing/fix") == b"fix"
        stored = {file.name: file.read_bytes() for file in known.glob("*.json")}
    desk = releases.desk / "metadata"
    assert stored["timestamp.json"] == (desk / "3.timestamp.json").read_bytes()
    assert stored["snapshot.json"] == (desk / "3.snapshot.json").read_bytes()
    assert stored["feature.json"] == (desk / "3.feature.json").read_bytes()


@pytest.mark.slow
def test_an_independent_client_finds_nothing_that_waits_for_a_signature(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one holder alone has signed is no target for anybody."""
    monkeypatch.setenv("FIRMHOLD_PASSPHRASE", "a passphrase")
    releases = Releases(tmp_path)
    releases.publish("feature", "feature-1", firmware=b"one")
    with SimNetwork(releases.site) as network:
        (tmp_path / "client").mkdir()
        updater = Updater(
            metadata_dir=str(tmp_path / "client"),
            metadata_base_url=f"{network.url}/metadata/",
            bootstrap=releases.root,
        )
        updater.refresh()
        assert updater.get_targetinfo("feature/thing/firmware") is None
