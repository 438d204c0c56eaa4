"""The desk takes what a ceremony made, once somebody apart has looked at all of it."""

from firmhold.release.ceremony.assemble import assemble
from firmhold.release.ceremony.propose import kept_as
from firmhold.release.ceremony.transcript import Files, require_verified
from firmhold.release.ports import Desk
from firmhold.trust.errors import Code, Misuse, Refused
from firmhold.trust.outer_faults import CeremonyFault


def adopt(desk: Desk, files: Files, transcript: bytes) -> int:
    """Keep the signed document as the newest of its role; return its version.

    1. the signatures make just this document;
    2. the transcript is of this ceremony, by somebody who did not sign;
    3. it follows what stands on the desk now.
    """
    # 1. the document
    if assemble(files.plan, files.outcome, files.partials) != files.document:
        detail = "not what was signed"
        fault = CeremonyFault(
            code=Code.CEREMONY_OTHER_DOCUMENT, what=files.outcome.role, detail=detail
        )
        raise Refused(fault)
    # 2. the transcript
    require_verified(transcript, files)
    role, version = kept_as(files.plan.kind, files.plan.repository), files.outcome.version
    desk.make()
    with desk.locked():
        # 3. the next version of the desk's own chain
        _require_next(desk, files, role)
        desk.keep(role, version, files.document)
    return version


def _require_next(desk: Desk, files: Files, role: str) -> None:
    chain = "root" if role == "targets" else role
    versions = desk.versions(role)
    newest = versions[-1][0] if versions else 0
    same_roots = tuple(data.decode() for _, data in desk.versions(chain)) == files.plan.roots
    if newest + 1 != files.outcome.version or not same_roots:
        if versions and versions[-1] == (files.outcome.version, files.document):
            return  # adopted already: a command that was cut off may be given again
        detail = f"the desk is at version {newest}"
        raise Misuse(CeremonyFault(code=Code.CEREMONY_STALE, what=role, detail=detail))
