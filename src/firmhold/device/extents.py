"""Makes the bytes of a release out of what was fetched, and of what the device has already.

The index is believed because its pieces have the root that was signed; each extent is believed
because each of its pieces has its hash. If the base image turns out not to be the one that the
small recipe is for, the full recipe makes the same pieces, so a wrong guess costs a detour only.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from firmhold.device.ports import BlockDevice
from firmhold.trust.errors import Code, Refused
from firmhold.update.extents import produce
from firmhold.update.index import Extent, Index, Recipe, parse_index
from firmhold.update.journal import Candidate
from firmhold.update.pieces import Image

Base: TypeAlias = tuple[Image, BlockDevice]
"""The image that runs, and where its bytes are."""


class Payloads(Protocol):
    """What was fetched for a release's images; nothing of it is believed yet.

    What was not fetched is `Unavailable`.
    """

    def index(self, image: Image) -> bytes:
        """Return the index of an image."""
        ...

    def payload(self, sha256: str, length: int) -> bytes:
        """Return the payload with this digest, `length` bytes of it at most."""
        ...


@dataclass(slots=True)
class ExtentSource:
    """Makes extents (the port `ImageSource`)."""

    payloads: Payloads
    base: Callable[[], Base | None]
    """The image that runs; None: the recovery system, or nobody knows what runs."""
    _indexes: dict[Image, Index] = field(default_factory=dict)

    def extent(self, release: Candidate, first: int) -> tuple[int, bytes]:
        """Return the extent that makes piece `first`: its own first piece, and whole pieces."""
        index, base = self._index(release.image), self.base()
        recipe = index.recipe_for(None if base is None else base[0])
        try:
            return self._made(index, recipe, first, base)
        except Refused as error:
            if error.code is not Code.UPDATE_WRONG_BASE:
                raise
        return self._made(index, index.full, first, None)

    def _made(
        self, index: Index, recipe: Recipe, first: int, base: Base | None
    ) -> tuple[int, bytes]:
        extent = recipe.beyond(first)[0]

        def read_base(offset: int, length: int) -> bytes:
            return b"" if base is None else base[1].read(offset, length)

        return extent.first, produce(index, extent, self._payload(extent), read_base)

    def _payload(self, extent: Extent) -> bytes:
        named = extent.payload
        return b"" if named is None else self.payloads.payload(named.sha256, named.length)

    def _index(self, image: Image) -> Index:
        if image not in self._indexes:
            self._indexes = {image: parse_index(self.payloads.index(image), image)}
        return self._indexes[image]
