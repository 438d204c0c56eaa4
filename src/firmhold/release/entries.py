"""What a role may name at this desk, in which words, and what must lie behind each name.

| role | paths | content |
|---|---|---|
| `targets` | `trust/settings.json` | trust settings |
| `feature`, `security` | `<role>/<product>/<file>` | any file; with `custom`, a release manifest |
| `security` | `security/counters/<product>.json` | the security counter of a product |
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

from tuf.api.metadata import TargetFile

from firmhold.release.ports import Desk
from firmhold.trust.digest import Measurement
from firmhold.trust.errors import Code, Misuse, Refused
from firmhold.trust.faults import Absent, Mismatch
from firmhold.trust.settings.reader import MAX_BYTES as SETTINGS_BYTES
from firmhold.trust.settings.reader import parse_settings
from firmhold.trust.settings.trust_settings import SETTINGS_PATH
from firmhold.update.authority import Authority
from firmhold.update.extents import produce
from firmhold.update.index import MAX_INDEX_BYTES, Extent, Index, Payload, parse_index
from firmhold.update.release import MAX_BYTES as MANIFEST_BYTES
from firmhold.update.release import RESERVED_PRODUCT, Release, ReleaseComponent, parse_release
from firmhold.update.rules import require_class
from firmhold.update.security import MAX_BYTES as COUNTER_BYTES
from firmhold.update.security import parse_counter

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
_PIECE_BYTES = 1 << 20


def is_name(part: str) -> bool:
    """Tell whether every server and file system keeps `part` of a target path as it is."""
    return _NAME.fullmatch(part) is not None


def is_product(part: str) -> bool:
    """Tell whether `part` can be a product's folder of target paths."""
    return is_name(part) and part != RESERVED_PRODUCT


def may_name(role: str, path: str) -> bool:
    """Tell whether a role may name a target path at this desk."""
    if role == "targets":
        return path == SETTINGS_PATH
    authority, _, rest = path.partition("/")
    product, _, name = rest.partition("/")
    if counted_product(path) is not None:
        return role == Authority.SECURITY
    return authority == role and is_product(product) and is_name(name)


def counter_path(product: str) -> str:
    """Return where the security counter of a product stands."""
    return f"security/{RESERVED_PRODUCT}/{product}.json"


def counted_product(path: str) -> str | None:
    """Return the product whose security counter stands at a path; None if none does."""
    folder, _, file = path.rpartition("/")
    product = file.removesuffix(".json")
    is_counter = folder == f"security/{RESERVED_PRODUCT}" and file.endswith(".json")
    return product if is_counter and is_product(product) else None


def entry_of_release(path: str, release: Release) -> TargetFile:
    """Return the words in which a role names a release manifest."""
    data = release.to_bytes()
    models = sorted({each.model for part in release.components for each in part.hardware})
    custom = {"hardwareIds": models, "releaseCounter": release.counter}
    return TargetFile(len(data), {"sha256": release.digest.hex()}, path, {"custom": custom})


def said_again(desk: Desk, path: str, file: TargetFile) -> TargetFile:
    """Return the words of `build` for a file that a draft names. Raises `Refused`."""
    plain = TargetFile(file.length, {"sha256": file.hashes["sha256"]}, path)
    if "custom" not in file.unrecognized_fields:
        return plain
    return entry_of_release(path, manifest(desk, plain))


def manifest(desk: Desk, file: TargetFile) -> Release:
    """Return the release whose manifest lies behind an entry. Raises `Refused`."""
    return parse_release(_read(desk, file.hashes["sha256"], MANIFEST_BYTES))


def check_content(desk: Desk, role: str, path: str, file: TargetFile) -> None:
    """Pass if what lies at the desk may stand under this path. Raises `Refused`."""
    sha256 = file.hashes["sha256"]
    if path == SETTINGS_PATH:
        parse_settings(_read(desk, sha256, SETTINGS_BYTES))
    elif (product := counted_product(path)) is not None:
        found = parse_counter(_read(desk, sha256, COUNTER_BYTES)).product
        _require_same(Code.UPDATE_COUNTER_PATH, "product", product, found)
    elif "custom" in file.unrecognized_fields:
        release = manifest(desk, file)
        _require_same(Code.UPDATE_PRODUCT, "product", path.split("/")[1], release.product)
        require_class(release, Authority(role))
        for component in release.components:
            _check_image(desk, component)


def named_files(desk: Desk, release: Release) -> Iterator[Payload]:
    """Yield every file that a release names: indexes and payloads, by length and digest."""
    for component in release.components:
        yield Payload(component.index.length, component.index.sha256)
        index = _index(desk, component)
        for recipe in index.recipes:
            yield from (each.payload for each in recipe.extents if each.payload is not None)


def _check_image(desk: Desk, component: ReleaseComponent) -> None:
    """Pass if the image can be made, piece by piece as signed, of what lies at the desk."""
    index = _index(desk, component)
    for extent in index.full.extents:
        produce(index, extent, _payload(desk, extent), _no_base)
    for recipe in index.recipes:
        for extent in recipe.extents:
            if extent.base is not None:
                _payload(desk, extent)


def _index(desk: Desk, component: ReleaseComponent) -> Index:
    data = _read(desk, component.index.sha256, MAX_INDEX_BYTES)
    component.index.expectation.check(data)
    return parse_index(data, component.image)


def _payload(desk: Desk, extent: Extent) -> bytes:
    if extent.payload is None:
        return b""
    data = _read(desk, extent.payload.sha256, extent.payload.length)
    extent.payload.expectation.check(data)
    return data


def _no_base(_offset: int, _length: int) -> bytes:
    return b""


def _read(desk: Desk, sha256: str, max_bytes: int) -> bytes:
    if not desk.has(sha256):
        raise Misuse(Absent(code=Code.RELEASE_INCOMPLETE, name=sha256, listed_in="files"))
    with desk.file(sha256) as reader:
        return reader.read(max_bytes + 1)


def measure(reader: BinaryIO, measurement: Measurement) -> None:
    """Run a file through a measurement, which refuses what is not as named."""
    while piece := reader.read(_PIECE_BYTES):
        measurement.update(piece)
    measurement.finish()


def _require_same(code: Code, what: str, expected: str, found: str) -> None:
    if expected != found:
        raise Refused(Mismatch(code=code, what=what, expected=expected, found=found))
