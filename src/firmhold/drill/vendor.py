"""A vendor with a release desk of its own; every key is made for this play."""

from collections.abc import Mapping
from pathlib import Path

from firmhold.drill.keys import FileCase, KeyCase
from firmhold.interop.adapters.system import SystemClock
from firmhold.release.adapters.folder import FolderDesk, FolderSite
from firmhold.release.build import build
from firmhold.release.documents import ONLINE
from firmhold.release.keys import init_domain
from firmhold.release.publish import Published, publish
from firmhold.release.sign import sign
from firmhold.signing.ports import Signer


class Vendor:
    """Makes a staging domain in a folder and publishes releases into another."""

    def __init__(self, folder: Path, keys: KeyCase | None = None) -> None:
        self.desk = FolderDesk(folder / "desk")
        self.site = folder / "site"
        self._incoming = folder / "incoming"
        self._keys = keys or FileCase(self.desk.keys)
        self._clock = SystemClock()
        init_domain(self.desk, {}, self._make_key, self._clock.now())

    @property
    def root(self) -> bytes:
        """The root that devices get at manufacture."""
        return self.desk.versions("root")[0][1]

    def key(self, holder: str) -> Signer:
        """Open the key of a holder: the vendor knows all PINs and passphrases of this play."""
        return self._keys.open(holder)

    def draft(self, product: str, files: Mapping[str, bytes]) -> int:
        """Take files in as the feature authority's next version; return its number."""
        self._incoming.mkdir(exist_ok=True)
        paths = []
        for name, data in files.items():
            paths.append(self._incoming / name)
            paths[-1].write_bytes(data)
        return build(self.desk, "feature", product, paths, self._clock.now()).version

    def sign(self, holder: str) -> int:
        """Have a feature holder sign the draft; return how many signatures are still needed."""
        return sign(self.desk, "feature", self.key(holder), self._clock.now()).tally.needed

    def publish(self) -> Published:
        """Publish what is signed."""
        online = {role: self.key(role) for role in ONLINE}
        return publish(self.desk, FolderSite(self.site), online, self._clock.now())

    def _make_key(self, role: str, holder: str) -> Signer:
        return self._keys.make(role if role in ONLINE else holder)
