"""Step 5: a holder signs a draft, after judging it from its bytes again."""

from firmhold.release.authorities import authority_of
from firmhold.release.documents import add_signature, parse
from firmhold.release.ports import Desk
from firmhold.signing.ports import Signer
from firmhold.trust.digest import Expectation, Measurement
from firmhold.trust.errors import (
    Absent,
    Code,
    Misuse,
    Refused,
    VersionMismatch,
)
from firmhold.trust.quorum import Tally
from firmhold.trust.tuf.dialect import FIRMHOLD
from firmhold.trust.tuf.roles import Targets, read_targets

_PIECE_BYTES = 1 << 20


def sign(desk: Desk, role: str, signer: Signer) -> Tally:
    """Add the signature of `signer` to the open draft of `role`; return who has signed now.

    1. the key must have a seat in the role, by the root's or the targets' word of today;
    2. the draft must be the next version;
    3. each file that it names must be the file that lies here.
    """
    with desk.locked():
        data = desk.draft(role)
        if data is None:
            raise Misuse(Absent(code=Code.RELEASE_NOTHING_TO_SIGN, name=role, listed_in="drafts"))
        # 1. a seat in the role
        authority = authority_of(desk, role)
        if signer.key_id not in authority.seats:
            name = str(signer.key_id)
            raise Misuse(Absent(code=Code.RELEASE_NOT_A_HOLDER, name=name, listed_in=role))
        # 2. the next version
        draft = read_targets(parse(data, role), FIRMHOLD)
        _check_version(desk, role, draft)
        # 3. the very files
        _check_files(desk, role, draft)
        data = add_signature(data, role, signer)
        desk.put_draft(role, data)
    return authority.tally(parse(data, role))


def _check_version(desk: Desk, role: str, draft: Targets) -> None:
    current = desk.current(role)
    expected = 1 + (read_targets(parse(current, role), FIRMHOLD).version if current else 0)
    if draft.version != expected:
        fault = VersionMismatch(
            code=Code.RELEASE_STALE_DRAFT, role=role, expected=expected, found=draft.version
        )
        raise Refused(fault)


def _check_files(desk: Desk, role: str, draft: Targets) -> None:
    for path in draft.files:
        target = draft.target(path, role)
        if target is not None:
            check_file(desk, target.expectation)


def check_file(desk: Desk, expectation: Expectation) -> None:
    """Pass if the file that the desk holds for `expectation` is that file."""
    measurement = Measurement(expectation)
    with desk.file(expectation.digests["sha256"]).open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            measurement.update(piece)
    measurement.finish()
