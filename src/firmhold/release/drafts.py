"""What a draft is: the current version with files added, one version on, under a new date.

Nothing else can be drafted at this desk. So a draft is judged by making it again, from the current
version and from the files that it adds: where a byte of the signed part differs, somebody wrote in
it, and no holder's key may touch it.
"""

from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime, timedelta

from tuf.api import metadata as api

from firmhold.release.authorities import require_release_role, standing_metadata
from firmhold.release.documents import expectation_of, expiry, parse, unsigned, version_of
from firmhold.release.entries import check_content, may_name, measure, said_again
from firmhold.release.ports import Desk
from firmhold.trust.digest import Expectation, Measurement
from firmhold.trust.errors import Code, Misuse, Refused
from firmhold.trust.faults import Absent, Malformed, VersionMismatch
from firmhold.trust.tuf.dialect import FIRMHOLD
from firmhold.trust.tuf.roles import Targets, read_targets
from firmhold.trust.tuf.wire import Envelope

CLOCKS_APART = timedelta(days=1)
"""How far the clocks of two people at one desk may differ."""


def next_version(
    current: Envelope | None, added: Mapping[str, api.TargetFile], expires: datetime
) -> bytes:
    """Return the draft that follows `current`, with `added` files by target path.

    Without a version before it the draft is the first of its role.
    """
    signed = api.Targets()
    if current is not None:
        signed = api.Targets.from_dict(deepcopy(current.signed))
        signed.version += 1
    signed.targets |= added
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
    4. each file that it adds is the file that lies here, and may stand there (`entries`). Where the
       current version was signed by others than those who may sign now, every file counts as added.
    """
    standing = standing_metadata(desk, role)
    current = None if standing is None else standing.envelope
    # 1. the next version
    expected, found = following(current), version_of(draft)
    if found != expected:
        code = Code.RELEASE_STALE_DRAFT
        raise Refused(VersionMismatch(code=code, role=role, expected=expected, found=found))
    # 2. for no longer
    latest = expiry(role, now) + CLOCKS_APART
    if draft.expires > latest:
        raise _altered("expires", f"at most {latest:%Y-%m-%dT%H:%M:%SZ}")
    # 3. nothing but files
    known = standing is not None and standing.vouched
    before = read_targets(current, FIRMHOLD).files if current is not None and known else {}
    added = _added(desk, before, read_targets(draft, FIRMHOLD), role)
    if parse(next_version(current, added, draft.expires), role).payload != draft.payload:
        raise _altered("targets", "what `release build` writes, to the byte")
    # 4. the very files, with a content that may stand there
    for path, file in added.items():
        _check_file(desk, expectation_of(path, file))
        check_content(desk, role, path, file)
    return {path: file.hashes["sha256"] for path, file in added.items()}


def following(current: Envelope | None) -> int:
    """Return the version that comes after `current`."""
    return 1 if current is None else version_of(current) + 1


def _added(
    desk: Desk, before: Mapping[str, api.TargetFile], draft: Targets, role: str
) -> dict[str, api.TargetFile]:
    """The files that `draft` adds, each said again in the words of `build`."""
    added = {}
    for path, file in draft.files.items():
        if file == before.get(path):
            continue
        if file.hashes.get("sha256") is None or not may_name(role, path):
            raise _altered(f"targets.{path}", "a path of this role's, with its sha256")
        try:
            added[path] = said_again(desk, path, file)
        except Refused as error:
            where = f"targets.{path}.custom"
            raise _altered(where, "what a release manifest says of itself") from error
    return added


def _check_file(desk: Desk, expectation: Expectation) -> None:
    with desk.file(expectation.digests["sha256"]) as file:
        measure(file, Measurement(expectation))


def _altered(where: str, expected: str) -> Refused:
    code = Code.RELEASE_ALTERED_DRAFT
    return Refused(Malformed(code=code, where=f"signed.{where}", expected=expected))
