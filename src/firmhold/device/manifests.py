"""The release manifests of what runs and of what is on its way: their checks, where indexes are.

Two are remembered, each in two sealed copies. One that joins takes the place of the one that does
not run; both were verified before they were kept.
"""

from collections.abc import Iterator

from firmhold.device.ports import Durable, Seal
from firmhold.device.twofold import Form, Twofold
from firmhold.update.pieces import Image
from firmhold.update.release import MAX_BYTES, Release, ReleaseComponent, parse_release
from firmhold.update.trial import HealthCheck

NAMES = ("release.first", "release.second")


class Manifests:
    """The manifests that are remembered."""

    def __init__(self, durable: Durable, seal: Seal) -> None:
        self._places = [
            Twofold(durable, seal, Form(name, parse_release, MAX_BYTES)) for name in NAMES
        ]

    def keep(self, release: Release, running: bytes | None) -> None:
        """Remember `release` too; `running` is the digest of the one that must stay."""
        if any(known == release for known in self._known()):
            return
        spare = next(
            place
            for place in self._places
            if place.value is None or running is None or place.value.digest != running
        )
        spare.keep(release, release.to_bytes())

    def checks(self, release: bytes | None) -> tuple[HealthCheck, ...]:
        """Return the health checks of a release, by digest; of one that nobody knows: none."""
        return next((each.checks for each in self._known() if each.digest == release), ())

    def version(self, release: bytes) -> str | None:
        """Return the version, for people, of a release; None: nobody knows."""
        return next((str(each.version) for each in self._known() if each.digest == release), None)

    def component(self, image: Image) -> ReleaseComponent | None:
        """Return the component that has this image; None if no manifest names it."""
        parts = (part for release in self._known() for part in release.components)
        return next((part for part in parts if part.image == image), None)

    def _known(self) -> Iterator[Release]:
        return (place.value for place in self._places if place.value is not None)
