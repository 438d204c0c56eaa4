"""When bytes are the trust settings of this domain.

1. They are asked for as `trust/settings.json`, and by nobody but the image repository's top-level
   `targets` role itself: what a delegated role says under that path is nothing.
2. They have the length and every digest that this role signed for.
3. They can be read.
4. `log_policy` is `none` only below a staging root.
"""

from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Mismatch
from firmhold.trust.settings.reader import parse_settings
from firmhold.trust.settings.trust_settings import SETTINGS_PATH, TrustSettings
from firmhold.trust.tuf.roles import Root, Target
from firmhold.trust.tuf.root_fields import Domain
from firmhold.trust.tuf.trusted_set import TARGETS
from firmhold.trust.verified import Verified, seal


def verify_settings(
    data: bytes, target: Verified[Target], root: Verified[Root]
) -> Verified[TrustSettings]:
    """Return the settings in `data`, as `target` of the image repository under `root`.

    The caller brings the *image repository's* target: a Director has no settings to give.
    """
    named = target.value
    # 1. the settings, by the top-level role itself
    _require(Code.SETTINGS_PATH, "path", SETTINGS_PATH, named.path)
    _require(Code.SETTINGS_ROLE, "role", TARGETS, named.role)
    # 2. these very bytes
    named.expectation.check(data)
    # 3. readable
    settings = parse_settings(data)
    # 4. nothing goes unlogged in production
    if settings.log_policy is None:
        domain = root.value.fields.domain
        _require(Code.SETTINGS_UNLOGGED, "domain", Domain.STAGING, domain)
    return seal(settings)


def recall_settings(data: bytes) -> Verified[TrustSettings]:
    """Return settings that this device verified before, and kept under its own seal.

    Whoever calls this has read `data` from such a place, or from what was built in at manufacture;
    they are judged no second time, because what they were judged by may have expired since.
    """
    return seal(parse_settings(data))


def _require(code: Code, what: str, expected: str, found: str) -> None:
    if found != expected:
        fault = Mismatch(code=code, what=what, expected=str(expected), found=str(found))
        raise Refused(fault)
