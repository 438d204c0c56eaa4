"""Step 5: a holder signs a draft, after judging it from its bytes again."""

from datetime import datetime

from firmhold.release.authorities import authority_of
from firmhold.release.documents import add_signature, parse
from firmhold.release.drafts import check_draft, open_draft
from firmhold.release.ports import Desk
from firmhold.signing.ports import Signer
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.faults import Absent
from firmhold.trust.quorum import Tally


def sign(desk: Desk, role: str, signer: Signer, now: datetime) -> Tally:
    """Add the signature of `signer` to the open draft of `role`; return who has signed now.

    1. the key must have a seat in the role, by the root's or the targets' word of today;
    2. the draft must be what `build` makes, of the very files that lie here (`check_draft`).
    """
    with desk.locked():
        data = open_draft(desk, role)
        # 1. a seat in the role
        authority = authority_of(desk, role)
        if signer.key_id not in authority.seats:
            name = str(signer.key_id)
            raise Misuse(Absent(code=Code.RELEASE_NOT_A_HOLDER, name=name, listed_in=role))
        # 2. what build makes
        check_draft(desk, role, parse(data, role), now)
        data = add_signature(data, role, signer)
        desk.put_draft(role, data)
    return authority.tally(parse(data, role))
