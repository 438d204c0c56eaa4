"""`firmhold uptane-client`: one component of a device as a command, for outside suites.

Both repositories are read by the TUF workflow, in the dialect of Uptane; then full verification
decides. Everything that must outlast a call stands in the work folder:

    W/director/, W/image/    verified metadata
    W/component.json         who we are, and the release counter of the image that we have
    W/targets/NAME           the verified image, folders of its name kept

Exit status 0 if everything was verified and the image for this component is there (or none is
meant for it), else 1.
"""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from firmhold.interop.adapters.component import ComponentFile
from firmhold.interop.adapters.folder import MetadataFolder, NamedFolder
from firmhold.interop.adapters.http import HttpFetcher
from firmhold.interop.adapters.system import SystemClock
from firmhold.interop.client import Client, pin
from firmhold.interop.ports import Fetcher, TargetStore
from firmhold.terminal import Parser, read_root, run, say
from firmhold.trust.errors import Code, Unavailable
from firmhold.trust.tuf.dialect import UPTANE
from firmhold.trust.tuf.schema import TOP_LEVEL
from firmhold.trust.tuf.wire import target_url_paths
from firmhold.trust.uptane.component import Component, ComponentId, HardwareId
from firmhold.trust.uptane.full_verification import Installable, assignments_of, verify_image
from firmhold.trust.verified import Verified


def main(arguments: Sequence[str]) -> int:
    """Run one command; report a failure on standard error in one line and one of advice."""
    return run(lambda: _run(_parser().parse_args(arguments)))


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="firmhold uptane-client", description="One Uptane component.")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser)
    init = commands.add_parser("init", help="pin both roots and say who we are; no network")
    update = commands.add_parser("update", help="verify both repositories and fetch our image")
    for command in (init, update):
        command.add_argument("--workdir", type=Path, required=True, help="what outlasts a call")
    init.add_argument("--director-root", type=Path, required=True, help="the Director's root")
    init.add_argument("--image-root", type=Path, required=True, help="the image repository's root")
    init.add_argument("--ecu-serial", required=True, help="our ECU identifier")
    init.add_argument("--hardware-id", required=True, help="our hardware identifier")
    update.add_argument("--director-url", required=True, help="base URL of the Director")
    update.add_argument("--image-url", required=True, help="base URL of the image repository")
    return parser


def _run(options: argparse.Namespace) -> None:
    own = ComponentFile(options.workdir)
    if options.command == "init":
        pin(_director(options.workdir), read_root(options.director_root), UPTANE)
        pin(_image(options.workdir), read_root(options.image_root), UPTANE)
        serial, hardware = ComponentId(options.ecu_serial), HardwareId(options.hardware_id)
        own.begin(Component(serial, hardware))
        return
    device = _Device(own.load(), HttpFetcher(), options.workdir, options.image_url)
    installable = device.verify(options.director_url)
    if installable is None:
        say("nothing is meant for this component")
        return
    say(str(device.fetch(installable, NamedFolder(options.workdir / "targets"))))
    own.keep(replace(device.own, release_counter=installable.value.release_counter))


@dataclass(frozen=True, slots=True)
class _Device:
    """One component, with what it needs to ask both repositories."""

    own: Component
    http: Fetcher
    workdir: Path
    image_url: str

    def verify(self, director_url: str) -> Verified[Installable] | None:
        """Return what both repositories agree that we install; None if nothing is meant for us."""
        now = SystemClock().now()
        delegations = DelegationsFolder(self.http)
        director = Client(self.http, _director(self.workdir), director_url, now, UPTANE)
        assignment = assignments_of(director.refresh()).value.get(self.own.component)
        if assignment is None:
            return None
        image = Client(delegations, _image(self.workdir), self.image_url, now, UPTANE)
        _, target = image.find(image.refresh(), assignment.target.path)
        return verify_image(self.own, assignment, target)

    def fetch(self, installable: Verified[Installable], store: TargetStore) -> Path:
        """Return where the image stands; fetch it, under any name that it may have, if need be."""
        target = installable.value.target
        if store.has(target):
            return store.path_of(target)
        client = Client(self.http, _image(self.workdir), self.image_url, SystemClock().now())
        *first, last = target_url_paths(target.value.expectation)
        for path in first:
            try:
                return client.download_from(f"{self._targets_url}/{path}", target, store)
            except Unavailable as error:
                if error.code is not Code.FETCH_NOT_FOUND:
                    raise
        return client.download_from(f"{self._targets_url}/{last}", target, store)

    @property
    def _targets_url(self) -> str:
        return f"{self.image_url.rstrip('/')}/targets"


@dataclass(frozen=True, slots=True)
class DelegationsFolder:
    """A fetcher that looks for delegated roles in `delegations/` where they are not at the top."""

    http: Fetcher

    @contextmanager
    def fetch(self, url: str, max_bytes: int) -> Iterator[Iterator[bytes]]:
        """Bring the bytes of `url`, or of the same name one folder down."""
        base, _, name = url.rpartition("/")
        with ExitStack() as stack:
            try:
                pieces = stack.enter_context(self.http.fetch(url, max_bytes))
            except Unavailable as error:
                if error.code is not Code.FETCH_NOT_FOUND or _is_top_level(name):
                    raise
                below = self.http.fetch(f"{base}/delegations/{name}", max_bytes)
                pieces = stack.enter_context(below)
            yield pieces


def _is_top_level(name: str) -> bool:
    return name.removesuffix(".json").rpartition(".")[2] in TOP_LEVEL


def _director(workdir: Path) -> MetadataFolder:
    return MetadataFolder(workdir / "director")


def _image(workdir: Path) -> MetadataFolder:
    return MetadataFolder(workdir / "image")
