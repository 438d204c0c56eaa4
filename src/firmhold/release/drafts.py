"""What a draft is: the current version with files added, one version on, under a new date.

Nothing else can be drafted at this desk. So a draft is judged by making it again, from the current
version and from the files that it adds: where a byte of the signed part differs, somebody wrote in
it, and no holder's key may touch it.
"""

import re
from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime, timedelta

from tuf.api import metadata as api

from firmhold.release.authorities import current_metadata, require_release_role
from firmhold.release.documents import expectation_of, expiry, parse, unsigned, version_of
from firmhold.release.ports import Desk
from firmhold.trust.digest import Expectation, Measurement
from firmhold.trust.errors import Code, Misuse, Refused
from firmhold.trust.faults import Absent, Malformed, VersionMismatch
from firmhold.trust.tuf.dialect import FIRMHOLD
from firmhold.trust.tuf.roles import Targets, read_targets
from firmhold.trust.tuf.wire import Envelope

RESERVED_PRODUCTS = frozenset({"counters"})
"""Products whose paths have a meaning of their own."""

CLOCKS_APART = timedelta(days=1)
"""How far the clocks of two people at one desk may differ."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
_PIECE_BYTES = 1 << 20


def is_name(part: str) -> bool:
    """Tell whether every server and file system keeps `part` of a target path as it is."""
    return _NAME.fullmatch(part) is not None


def is_product(part: str) -> bool:
    """Tell whether `part` can be a product's folder of target paths."""
    return is_name(part) and part not in RESERVED_PRODUCTS


def next_version(
    current: Envelope, added: Mapping[str, api.TargetFile], expires: datetime
) -> bytes:
    """Return the draft that follows `current`, with `added` files by target path."""
    signed = api.Targets.from_dict(deepcopy(current.signed))
    signed.targets |= added
    signed.version += 1
    signed.expires = expires
    return unsigned(signed)


def open_draft(desk: Desk, role: str) -> bytes:
    """Return the draft of `role` that is open."""
    require_release_role(role)
    data = desk.draft(role)
    if data is None:
        raise Misuse(Absent(code=Code.RELEASE_NOTHING_TO_SIGN, name=role, listed_in="drafts"))
    return data


def check_draft(desk: Desk, role: str, draft: Envelope, now: datetime) -> dict[str, str]:
    """Pass if `build` could have made the draft at this desk, of the very files that lie here.

    Returns the digest of each file that it adds, by target path.

    1. it is the next version;
    2. it lives no longer than its role may;
    3. it differs from the current version by files in the role's own paths, and by nothing else;
    4. each file that it adds is the file that lies here.
    """
    current = current_metadata(desk, role)
    # 1. the next version
    expected, found = version_of(current) + 1, version_of(draft)
    if found != expected:
        code = Code.RELEASE_STALE_DRAFT
        raise Refused(VersionMismatch(code=code, role=role, expected=expected, found=found))
    # 2. for no longer
    latest = expiry(role, now) + CLOCKS_APART
    if draft.expires > latest:
        raise _altered("expires", f"at most {latest:%Y-%m-%dT%H:%M:%SZ}")
    # 3. nothing but files
    added = _added(read_targets(current, FIRMHOLD), read_targets(draft, FIRMHOLD), role)
    if parse(next_version(current, added, draft.expires), role).payload != draft.payload:
        raise _altered("targets", "what `release build` writes, to the byte")
    # 4. the very files
    for path, file in added.items():
        _check_file(desk, expectation_of(path, file))
    return {path: file.hashes["sha256"] for path, file in added.items()}


def _added(current: Targets, draft: Targets, role: str) -> dict[str, api.TargetFile]:
    """The files that `draft` adds, each said again in the words of `build`."""
    added = {}
    for path, file in draft.files.items():
        if file == current.files.get(path):
            continue
        sha256 = file.hashes.get("sha256")
        if sha256 is None or not _is_target_path(role, path):
            raise _altered(f"targets.{path}", f"{role}/PRODUCT/FILE with its sha256")
        added[path] = api.TargetFile(file.length, {"sha256": sha256}, path)
    return added


def _is_target_path(role: str, path: str) -> bool:
    authority, _, rest = path.partition("/")
    product, _, name = rest.partition("/")
    return authority == role and is_product(product) and is_name(name)


def _check_file(desk: Desk, expectation: Expectation) -> None:
    measurement = Measurement(expectation)
    with desk.file(expectation.digests["sha256"]) as file:
        while piece := file.read(_PIECE_BYTES):
            measurement.update(piece)
    measurement.finish()


def _altered(where: str, expected: str) -> Refused:
    code = Code.RELEASE_ALTERED_DRAFT
    return Refused(Malformed(code=code, where=f"signed.{where}", expected=expected))
