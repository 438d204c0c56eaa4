"""From partial signatures to a signed document, which is judged as a device would judge it."""

from collections.abc import Sequence

from firmhold.release.ceremony.outcome import Outcome
from firmhold.release.ceremony.partial import Partial, require_good
from firmhold.release.ceremony.plan import Plan
from firmhold.release.documents import parse, with_signatures
from firmhold.trust.errors import Code, Refused
from firmhold.trust.outer_faults import CeremonyFault
from firmhold.trust.tuf.dialect import FIRMHOLD
from firmhold.trust.tuf.trusted_set import ROOT, TrustedSet


def assemble(plan: Plan, outcome: Outcome, partials: Sequence[Partial]) -> bytes:
    """Return the document with all signatures, if enough holders of each side have signed.

    Raises `Refused`; a bad signature among good ones is refused too, since somebody made it.
    """
    for partial in partials:
        require_good(partial, plan, outcome)
    document = with_signatures(
        outcome.unsigned, outcome.role, {str(each.key_id): each.sig for each in partials}
    )
    require_complete(outcome, document)
    return document


def require_complete(outcome: Outcome, document: bytes) -> None:
    """Pass if a device that trusts what stood before would trust `document` next."""
    envelope = parse(document, outcome.role)
    for authority in outcome.must_sign:
        count = authority.tally(envelope)
        if not count.met:
            detail = f"{count.needed} more of {', '.join(count.missing)}"
            what = authority.role
            raise Refused(CeremonyFault(code=Code.CEREMONY_INCOMPLETE, what=what, detail=detail))
    if outcome.role != ROOT:
        return
    if outcome.before is None:
        TrustedSet.pin(document, FIRMHOLD)
    else:
        outcome.before.accept_root(document)
