"""What lies on a medium, or in a spool: documents and payloads in the layout of a published site.

    order.json                   the offline update that plays Director
    metadata/, targets/          the image repository
    payloads/SHA256              indexes and payloads, by content

Nothing of it is believed. A name leads to a file inside the folder, or nowhere.
"""

from pathlib import Path

from firmhold.device.adapters.disk import read_file
from firmhold.device.manifests import Manifests
from firmhold.device.ports import Repository
from firmhold.trust.errors import Code, Unavailable
from firmhold.trust.outer_faults import FetchFault
from firmhold.trust.uptane.offline import MAX_BYTES
from firmhold.update.pieces import Image


class Medium:
    """A folder that somebody brought (the ports `Documents` and `Payloads`)."""

    def __init__(self, folder: Path, manifests: Manifests) -> None:
        self.folder = folder
        self._manifests = manifests

    def order(self) -> bytes:
        """Return the offline update."""
        return self.read("order.json", MAX_BYTES)

    def metadata(self, repository: Repository, path: str, max_bytes: int) -> bytes | None:
        """Return metadata of the image repository; a medium brings none of a Director's."""
        if repository is Repository.DIRECTOR:
            return None
        try:
            return self.read(f"metadata/{path}", max_bytes)
        except Unavailable:
            return None

    def target(self, path: str, max_bytes: int) -> bytes:
        """Return a small target of the image repository."""
        return self.read(f"targets/{path}", max_bytes)

    def index(self, image: Image) -> bytes:
        """Return the index of an image, under the digest that its manifest names."""
        part = self._manifests.component(image)
        if part is None:
            raise _unavailable(image.root.hex(), "no manifest names this image")
        return self.read(f"payloads/{part.index.sha256}", part.index.length)

    def payload(self, sha256: str, length: int) -> bytes:
        """Return the payload with this digest."""
        return self.read(f"payloads/{sha256}", length)

    def read(self, path: str, max_bytes: int) -> bytes:
        """Return a file of the folder, cut off at `max_bytes`."""
        place = (self.folder / path).resolve()
        if not place.is_relative_to(self.folder.resolve()):
            raise _unavailable(path, "outside the medium")
        try:
            return read_file(place, max_bytes)[:max_bytes]
        except OSError as error:
            raise _unavailable(path, error.strerror or str(error)) from error


def _unavailable(what: str, detail: str) -> Unavailable:
    return Unavailable(FetchFault(code=Code.FETCH_NOT_FOUND, url=what, detail=detail))
