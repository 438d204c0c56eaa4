"""What makes a release manifest a release: feature and security are more than labels.

`verify_issued` says that an authority stands for a manifest, today or long ago; `verify_release`
that the release may be installed now, by the word of the security authority and of the trust
settings too. In order:

1.  the path is an authority's, and that authority speaks there;
2.  the bytes are the target's, and are a manifest;
3.  the manifest is about the product of the path, and the target says the same of hardware and
    release counter as the manifest: there is no second word to read instead;
4.  its class is its authority's, or *trust*;
5.  what carries trust (boot chain, agent, keys, settings, policy) comes in class *trust* only;
6.  class *trust* stands under both authorities, byte for byte;
7.  the security counter is the one that the security authority gives the product: a feature or
    trust release bears exactly it, a security release at least it;
8.  a security release names a manifest of its product by digest and replaces nothing but components
    that this manifest marks patchable, each by one of the same type for the same hardware;
9.  the decision for the release was recorded, unless the trust settings ask for no log.
"""

from dataclasses import dataclass, replace

from firmhold.trust.digest import MismatchCodes
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Absent, ComponentFault, Mismatch, VersionMismatch
from firmhold.trust.settings.trust_settings import TrustSettings
from firmhold.trust.tuf.roles import Target
from firmhold.trust.uptane.component import ComponentId, read_image_facts
from firmhold.trust.verified import Verified, seal
from firmhold.update.authority import Authority, Place, place_of
from firmhold.update.index import Index, parse_index
from firmhold.update.release import (
    ComponentType,
    Release,
    ReleaseClass,
    ReleaseComponent,
    parse_release,
)
from firmhold.update.security import ProductCounter

TRUST_TYPES = frozenset(
    {
        ComponentType.BOOT_CHAIN,
        ComponentType.AGENT,
        ComponentType.KEYS,
        ComponentType.SETTINGS,
        ComponentType.POLICY,
    }
)
"""What decides on the device about everything else."""

OTHER_AUTHORITY = MismatchCodes(Code.UPDATE_OTHER_LENGTH, Code.UPDATE_OTHER_DIGEST)


@dataclass(frozen=True, slots=True)
class Issued:
    """A release that its authority stands for; whether it may be installed is another question."""

    release: Release
    place: Place


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands beside a release when it is judged."""

    counter: Verified[ProductCounter]
    settings: Verified[TrustSettings]
    counterpart: Verified[Target] | None = None
    """What the other authority says at `Place.counterpart`, for class *trust*."""
    patched: Verified[Issued] | None = None
    """The release that a security release patches."""


def verify_issued(
    target: Verified[Target], data: bytes, counterpart: Verified[Target] | None = None
) -> Verified[Issued]:
    """Return the release in `data`, if its authority stands for it (1 to 6). Raises `Refused`."""
    # 1. an authority's own word
    place = place_of(target.value)
    # 2. these bytes, a manifest
    target.value.expectation.check(data)
    release = parse_release(data)
    # 3. one word only
    _check_said_once(release, place, target.value)
    # 4. and 5. the authority's own class; trust where trust is carried
    require_class(release, place.authority)
    # 6. trust under both authorities
    if release.release_class is ReleaseClass.TRUST:
        _check_counterpart(place, counterpart, data)
    return seal(Issued(release, place))


def verify_release(target: Verified[Target], data: bytes, standing: Standing) -> Verified[Release]:
    """Return the release in `data`, if it may be installed now (1 to 9). Raises `Refused`."""
    # 1. to 6.
    release = verify_issued(target, data, standing.counterpart).value.release
    # 7. the security authority's counter
    _check_counter(release, standing.counter.value)
    # 8. patches stay within what may be patched
    if release.patches is not None:
        _check_patch(release, _patched(release.patches, standing.patched))
    # 9. nothing unseen
    _check_recorded(release, standing.settings.value)
    return seal(release)


def verify_index(
    release: Verified[Release], component: ComponentId, data: bytes
) -> Verified[Index]:
    """Return the index in `data`, if it is the one that the release names. Raises `Refused`."""
    named = release.value.component(component)
    if named is None:
        code, listed_in = Code.UPDATE_NOT_IN_RELEASE, f"release {release.value.counter}"
        raise Refused(Absent(code=code, name=component, listed_in=listed_in))
    named.index.expectation.check(data)
    return seal(parse_index(data, named.image))


def require_class(release: Release, authority: Authority) -> None:
    """Pass if an authority may release this class, and the class what is in it (4, 5)."""
    # 4. the authority's own class
    _check_class(release, authority)
    # 5. trust where trust is carried
    _check_types(release)


def _check_said_once(release: Release, place: Place, target: Target) -> None:
    _require(Code.UPDATE_PRODUCT, "product", place.product, release.product)
    facts = read_image_facts(target)
    code, said = Code.UPDATE_CUSTOM, str(facts.release_counter)
    _require(code, "releaseCounter", str(release.counter), said)
    models = {each.model for component in release.components for each in component.hardware}
    _require(code, "hardwareIds", ",".join(sorted(models)), ",".join(sorted(facts.hardware)))


def _check_class(release: Release, authority: Authority) -> None:
    if release.release_class is not ReleaseClass.TRUST:
        _require(Code.UPDATE_CLASS, "class", authority, release.release_class)


def _check_types(release: Release) -> None:
    for component in release.components:
        if component.type in TRUST_TYPES and release.release_class is not ReleaseClass.TRUST:
            code, expected = Code.UPDATE_TRUST_CLASS, f"class trust for {component.type}"
            raise _component_refusal(code, component, expected, release.release_class)


def _check_counterpart(place: Place, other: Verified[Target] | None, data: bytes) -> None:
    """Pass if the other authority names the same bytes under the same product and file."""
    if other is None:
        code, listed_in = Code.UPDATE_ONE_AUTHORITY, str(place.authority.other)
        raise Refused(Absent(code=code, name=place.counterpart, listed_in=listed_in))
    place_of(other.value)
    _require(Code.UPDATE_OTHER_PATH, "path", place.counterpart, other.value.path)
    replace(other.value.expectation, codes=OTHER_AUTHORITY).check(data)


def _check_counter(release: Release, counter: ProductCounter) -> None:
    _require(Code.UPDATE_COUNTER_PRODUCT, "product", release.product, counter.product)
    found, expected = release.security_counter, counter.counter
    more_is_good = release.release_class is ReleaseClass.SECURITY
    if found < expected or (found > expected and not more_is_good):
        code = Code.UPDATE_SECURITY_COUNTER
        role = release.product
        raise Refused(VersionMismatch(code=code, role=role, expected=expected, found=found))


def _patched(digest: bytes, patched: Verified[Issued] | None) -> Release:
    """The release that a security release names."""
    if patched is None:
        code = Code.UPDATE_PATCHED_ABSENT
        raise Refused(Absent(code=code, name=digest.hex(), listed_in="releases"))
    found = patched.value.release
    _require(Code.UPDATE_PATCHED_DIGEST, "patched release", digest.hex(), found.digest.hex())
    return found


def _check_patch(release: Release, patched: Release) -> None:
    _require(Code.UPDATE_PATCHED_PRODUCT, "product", release.product, patched.product)
    for component in release.components:
        old = patched.component(component.component)
        if old is None or not old.patchable:
            found = "absent" if old is None else "not patchable"
            raise _component_refusal(Code.UPDATE_NOT_PATCHABLE, component, "patchable", found)
        if (old.type, old.hardware) != (component.type, component.hardware):
            code = Code.UPDATE_PATCH_CHANGES
            raise _component_refusal(code, component, _made_for(old), _made_for(component))


def _check_recorded(release: Release, settings: TrustSettings) -> None:
    """Pass where no log is asked for; no proof can be checked yet, so none is enough elsewhere."""
    if settings.log_policy is not None:
        found = "null" if release.proof is None else "a proof that cannot be checked"
        _require(Code.UPDATE_NOT_RECORDED, "proof", "a proof of the log", found)


def _made_for(component: ReleaseComponent) -> str:
    ranges = ",".join(f"{each.model}:{each.first}-{each.last}" for each in component.hardware)
    return f"{component.type} for {ranges}"


def _component_refusal(
    code: Code, component: ReleaseComponent, expected: str, found: str
) -> Refused:
    name = component.component
    return Refused(ComponentFault(code=code, component=name, expected=expected, found=str(found)))


def _require(code: Code, what: str, expected: str, found: str) -> None:
    if found != expected:
        fault = Mismatch(code=code, what=what, expected=str(expected), found=str(found))
        raise Refused(fault)
