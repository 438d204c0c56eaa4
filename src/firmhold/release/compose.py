"""Step 1 for releases: from images to extents, an index for each, and the manifest over all.

The same description and images at the same moment give the same bytes. The counters that are not
described are the next ones: one more than the product's newest release, and the security counter
that the security authority has published for the product.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from firmhold.release.authorities import current_metadata
from firmhold.release.description import DescribedComponent, Description
from firmhold.release.diff import make_extents
from firmhold.release.documents import DELEGATED
from firmhold.release.entries import counter_path
from firmhold.release.ports import Desk
from firmhold.trust.encoding import JsonObject, JsonValue, canonical_json
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.faults import Absent
from firmhold.trust.tuf.dialect import FIRMHOLD
from firmhold.trust.tuf.roles import read_targets
from firmhold.update.release import Release, parse_release
from firmhold.update.security import MAX_BYTES, parse_counter


@dataclass(frozen=True, slots=True)
class Composed:
    """A release that nobody has signed yet: its manifest, and everything that it names."""

    release: Release
    files: tuple[bytes, ...]
    """Manifest, indexes and payloads, each once."""


def compose(desk: Desk, description: Description) -> Composed:
    """Make the manifest of a described release, with all that it needs. Raises `Refused`."""
    parts = [_component(component) for component in description.components]
    counter = description.release_counter or _newest(desk, description.product) + 1
    security = description.security_counter
    members: JsonObject = {
        **description.facts,
        "release_counter": counter,
        "security_counter": _security_counter(desk, description.product)
        if security is None
        else security,
        "components": [facts for facts, _ in parts],
    }
    release = parse_release(canonical_json(members))
    files = (release.to_bytes(), *(data for _, files in parts for data in files))
    return Composed(release, tuple(dict.fromkeys(files)))


def _component(component: DescribedComponent) -> tuple[JsonValue, list[bytes]]:
    made = make_extents(component.image, *component.bases)
    index, image = made.index.to_bytes(), made.index.pieces.image
    sha256 = hashlib.sha256(index).hexdigest()
    facts: JsonObject = {
        **component.facts,
        "image": {"length": image.length, "root": image.root.hex()},
        "index": {"length": len(index), "sha256": sha256},
    }
    return facts, [index, *made.payloads.values()]


def _newest(desk: Desk, product: str) -> int:
    """The counter of the product's newest release of either authority; 0 if there is none."""
    known = [counter for role in DELEGATED for counter in _counters(desk, role, product)]
    return max(known, default=0)


def _counters(desk: Desk, role: str, product: str) -> Iterator[int]:
    named = re.compile(rf"{role}/{re.escape(product)}/([1-9][0-9]{{0,17}})\.json")
    for path in read_targets(current_metadata(desk, role), FIRMHOLD).files:
        if found := named.fullmatch(path):
            yield int(found[1])


def _security_counter(desk: Desk, product: str) -> int:
    """What the security authority has signed for the product."""
    path = counter_path(product)
    file = read_targets(current_metadata(desk, "security"), FIRMHOLD).files.get(path)
    if file is None:
        raise Misuse(Absent(code=Code.RELEASE_NO_COUNTER, name=path, listed_in="security"))
    with desk.file(file.hashes.get("sha256", "")) as reader:
        return parse_counter(reader.read(MAX_BYTES + 1)).counter
