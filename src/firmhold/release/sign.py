"""Step 5: a holder signs a draft, after judging it from its bytes again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from firmhold.release.authorities import authority_of
from firmhold.release.documents import add_signature, parse
from firmhold.release.drafts import check_draft, open_draft
from firmhold.release.ports import Desk
from firmhold.signing.ports import Signer
from firmhold.trust.errors import Absent, Code, Misuse
from firmhold.trust.quorum import Tally


@dataclass(frozen=True, slots=True)
class Signed:
    """What a holder has signed, so that people can compare it with what they meant to sign."""

    added: Mapping[str, str]
    """The SHA-256 of each file that the draft adds, by target path."""
    tally: Tally
    """Who has signed the draft now."""


def sign(desk: Desk, role: str, signer: Signer, now: datetime) -> Signed:
    """Add the signature of `signer` to the open draft of `role`.

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
        added = check_draft(desk, role, parse(data, role), now)
        data = add_signature(data, role, signer)
        desk.put_draft(role, data)
    return Signed(added, authority.tally(parse(data, role)))
