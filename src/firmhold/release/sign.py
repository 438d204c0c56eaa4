"""Step 5: a holder signs a draft, after judging it from its bytes again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from firmhold.release.algorithms import require_algorithm
from firmhold.release.authorities import authority_of, require_pinned
from firmhold.release.documents import add_signature, parse, version_of
from firmhold.release.drafts import check_draft, open_draft
from firmhold.release.ports import Desk
from firmhold.signing.ports import Signer
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.faults import Absent
from firmhold.trust.quorum import Tally


@dataclass(frozen=True, slots=True)
class Signed:
    """What a holder has signed, so that people can compare it with what they meant to sign."""

    version: int
    expires: datetime
    added: Mapping[str, str]
    """The SHA-256 of each file that the draft adds, by target path."""
    tally: Tally
    """Who has signed the draft now."""
    warning: str | None
    """What the holder should know of his key's scheme."""


def sign(
    desk: Desk, role: str, signer: Signer, now: datetime, *, pinned: bytes | None = None
) -> Signed:
    """Add the signature of `signer` to the open draft of `role`.

    `pinned` is the first root of the domain, if the holder has it by a safe way. Without it the
    desk's own is believed, and whoever can write there can put a domain of his own in its place.

    1. the desk must be the one of the holder's domain;
    2. the key must have a seat in the role, by the root's or the targets' word of today, and be of
       a scheme that the trust settings still let sign;
    3. the draft must be what `build` makes, of the very files that lie here (`check_draft`).
    """
    with desk.locked():
        data = open_draft(desk, role)
        # 1. the holder's domain
        require_pinned(desk, pinned)
        # 2. a seat in the role
        authority = authority_of(desk, role)
        if signer.key_id not in authority.seats:
            name = str(signer.key_id)
            raise Misuse(Absent(code=Code.RELEASE_NOT_A_HOLDER, name=name, listed_in=role))
        scheme = authority.seats[signer.key_id].key.scheme
        warning = require_algorithm(desk, scheme, now)
        # 3. what build makes
        draft = parse(data, role)
        added = check_draft(desk, role, draft, now)
        data = add_signature(data, role, signer)
        desk.put_draft(role, data)
    tally = authority.tally(parse(data, role))
    return Signed(version_of(draft), draft.expires, added, tally, warning)
