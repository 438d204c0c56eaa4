"""Whether the newest root and targets still stand for a release that was accepted before.

An installation that was begun is finished under the moment of its acceptance, so no date is judged
here, and neither timestamp nor snapshot is asked. What counts is who may speak *today*: the stored
document of a role says something only if a quorum of those signed it whom the newest root, and the
newest targets below it, name. A release that nobody speaks for any more is withdrawn.
"""

from collections.abc import Callable

from firmhold.trust.errors import Refused
from firmhold.trust.tuf.delegations import Search
from firmhold.trust.tuf.roles import Authority, Targets, read_targets
from firmhold.trust.tuf.trusted_set import TARGETS, TrustedSet
from firmhold.trust.tuf.wire import parse_envelope
from firmhold.update.authority import place_of

Stored = Callable[[str], bytes | None]
"""Gives the stored document of a role of the image repository; None: there is none."""


def authorised(newest: TrustedSet, stored: Stored, release: bytes) -> bool:
    """Tell whether an authority speaks for the manifest with the digest `release` today."""
    try:
        paths = _paths(newest, stored, release)
        return any(_spoken(newest, stored, path, release) for path in sorted(paths))
    except Refused:
        return False  # a search without end, or a path that is no authority's


def _paths(newest: TrustedSet, stored: Stored, release: bytes) -> set[str]:
    """Every path under which a judged document names the digest, whoever has the say there."""
    waiting = [(TARGETS, newest.root.value.authorities[TARGETS])]
    documents: dict[str, Targets] = {}
    while waiting:
        role, authority = waiting.pop()
        document = _judged(newest, stored(role), authority)
        if role in documents or document is None:
            continue
        documents[role] = document
        roles = document.delegations.roles if document.delegations is not None else None
        below = ((name, document.authority(name, role)) for name in roles or ())
        waiting += [(name, rule) for name, rule in below if rule is not None]
    return {
        path
        for document in documents.values()
        for path, file in document.files.items()
        if file.hashes.get("sha256") == release.hex()
    }


def _spoken(newest: TrustedSet, stored: Stored, path: str, release: bytes) -> bool:
    """Tell whether who has the say about a path (TUF 5.6.7) is an authority, and says the digest.

    A role that is asked, and of which no document counts today, says nothing; nor does who is
    asked behind it, since nobody knows what it would have said.
    """
    search, documents = Search(), dict[str, Targets]()
    while (step := search.next()) is not None:
        visit, search = step
        above = documents.get(visit.delegator)
        authority = (
            newest.root.value.authorities[TARGETS]
            if above is None
            else above.authority(visit.role, visit.delegator)
        )
        document = _judged(newest, stored(visit.role), authority)
        if document is None:
            return False
        target = document.target(path, visit.role)
        if target is not None:
            place_of(target)
            return target.expectation.digests.get("sha256") == release.hex()
        documents[visit.role] = document
        search = search.enter(visit, document.delegates(path))
    return False


def _judged(newest: TrustedSet, data: bytes | None, authority: Authority | None) -> Targets | None:
    """What a stored document says, if enough of those signed it who may today."""
    if data is None or authority is None:
        return None
    try:
        envelope = parse_envelope(data, TARGETS, authority.role)
    except Refused:
        return None
    return read_targets(envelope, newest.dialect) if authority.tally(envelope).met else None
