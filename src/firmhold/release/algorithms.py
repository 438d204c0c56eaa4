"""Until when keys of a scheme may sign at this desk, as its trust settings say.

Each scheme has a *sign until* and an *accept until*. A holder is warned in good time before the
first, and refused after it: what he signed then, devices would take until the second, and nobody
would notice that a key of yesterday goes on. A desk without settings has no such policy yet.

Ceremonies are signed whatever the scheme: where every key of a role is of yesterday, the holders
above it appoint others.
"""

from datetime import datetime, timedelta

from firmhold.release.authorities import standing_metadata
from firmhold.release.ports import Desk
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.outer_faults import PlaceFault
from firmhold.trust.settings.reader import MAX_BYTES, parse_settings
from firmhold.trust.settings.trust_settings import SETTINGS_PATH, TrustSettings
from firmhold.trust.shape import written_date
from firmhold.trust.tuf.dialect import FIRMHOLD
from firmhold.trust.tuf.roles import read_targets

WARNED = timedelta(days=180)
"""How long before the end of a scheme its holders are told: new keys take a ceremony."""


def require_algorithm(desk: Desk, scheme: str, now: datetime) -> str | None:
    """Pass if a key of `scheme` may sign now; return a warning if that ends soon.

    Raises `Misuse` (`key.algorithm`).
    """
    settings = _settings(desk)
    if settings is None:
        return None
    algorithm = settings.algorithms.get(scheme)
    if algorithm is None:
        raise _misuse(scheme, "the trust settings do not name it")
    if now > algorithm.sign_until:
        raise _misuse(scheme, f"signs nothing since {written_date(algorithm.sign_until)}")
    if now > algorithm.sign_until - WARNED:
        ends = written_date(algorithm.sign_until)
        return f"keys of {scheme} sign until {ends}: appoint others before"
    return None


def _settings(desk: Desk) -> TrustSettings | None:
    if desk.current("targets") is None or (found := standing_metadata(desk, "targets")) is None:
        return None
    files = read_targets(found.envelope, FIRMHOLD).files
    if SETTINGS_PATH not in files:
        return None
    with desk.file(files[SETTINGS_PATH].hashes["sha256"]) as reader:
        return parse_settings(reader.read(MAX_BYTES + 1))


def _misuse(scheme: str, detail: str) -> Misuse:
    return Misuse(PlaceFault(code=Code.KEY_ALGORITHM, path=scheme, detail=detail))
