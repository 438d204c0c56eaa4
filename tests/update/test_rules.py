"""Who may say what about a release: each rule, and that it cannot be gone around."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import pytest

from firmhold.sim.releases import MAIN, MODEL, RADIO, sim_component, sim_release, sim_target
from firmhold.sim.settings import sim_settings
from firmhold.trust.encoding import JsonValue, pretty_json
from firmhold.trust.errors import Code, Fault, Refused
from firmhold.trust.faults import (
    Absent,
    ComponentFault,
    DigestMismatch,
    LengthMismatch,
    Malformed,
    Mismatch,
    VersionMismatch,
)
from firmhold.trust.settings.reader import parse_settings
from firmhold.trust.settings.trust_settings import Witnessed
from firmhold.trust.tuf.roles import Target
from firmhold.trust.uptane.component import ComponentId, HardwareId
from firmhold.trust.verified import Verified, seal
from firmhold.update.authority import Authority, Place, place_of
from firmhold.update.index import Extent, Index, Operation, Recipe
from firmhold.update.pieces import Meter
from firmhold.update.release import (
    ComponentType,
    HardwareRange,
    IndexFile,
    Release,
    ReleaseClass,
)
from firmhold.update.rules import (
    TRUST_TYPES,
    Issued,
    Standing,
    verify_index,
    verify_issued,
    verify_release,
)
from firmhold.update.security import ProductCounter
from firmhold.update.version import ReleaseCounter, SecurityCounter

FEATURE = sim_release()
SECURITY = replace(
    FEATURE,
    release_class=ReleaseClass.SECURITY,
    counter=ReleaseCounter(8),
    components=(sim_component(MAIN, b"a mended system"),),
    dependencies=(),
    patches=FEATURE.digest,
)
TRUST = replace(
    FEATURE,
    release_class=ReleaseClass.TRUST,
    components=tuple(replace(each, type=ComponentType.AGENT) for each in FEATURE.components),
)
SETTINGS = replace(parse_settings(pretty_json(sim_settings())), log_policy=None)
ISSUED = Issued(FEATURE, Place(Authority.FEATURE, FEATURE.product, "release.json"))
STANDING = Standing(
    counter=seal(ProductCounter(FEATURE.product, SecurityCounter(3))),
    settings=seal(SETTINGS),
    patched=seal(ISSUED),
)


@dataclass(frozen=True)
class Case:
    """A release as an authority names it, and what stands beside it; to be bent with `replace`."""

    release: Release
    target: Target
    standing: Standing

    def verify(self) -> Verified[Release]:
        """What the device makes of it."""
        return verify_release(seal(self.target), self.release.to_bytes(), self.standing)

    def fault(self) -> Fault:
        """The fault with which it is refused."""
        with pytest.raises(Refused) as error:
            self.verify()
        return error.value.fault


def feature(release: Release = FEATURE) -> Case:
    """A release under the feature authority."""
    return Case(release, sim_target(release, "feature"), STANDING)


def security(release: Release = SECURITY) -> Case:
    """A release under the security authority."""
    return Case(release, sim_target(release, "security"), STANDING)


def trust(release: Release = TRUST) -> Case:
    """A release under both authorities."""
    other = seal(sim_target(release, "security"))
    return Case(release, sim_target(release, "feature"), replace(STANDING, counterpart=other))


@pytest.mark.parametrize(
    "case", [feature(), security(), trust()], ids=["feature", "security", "trust"]
)
def test_what_keeps_every_rule_may_be_installed(case: Case) -> None:
    """A release of each class that keeps the rules is the release that its bytes say."""
    assert case.verify().value == case.release


def test_the_counterpart_of_a_place_is_the_other_authoritys() -> None:
    """What stands under both authorities has one name, and each leads to the other."""
    place = place_of(sim_target(TRUST, "feature"))
    assert place.counterpart == sim_target(TRUST, "security").path
    assert place_of(sim_target(TRUST, "security")).counterpart == sim_target(TRUST, "feature").path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "release.json",
        "feature/thing",
        "feature/thing/deep/release.json",
        "feature//release.json",
        "feature/thing/",
        "/feature/thing/release.json",
        "Feature/thing/release.json",
        "targets/thing/release.json",
    ],
)
def test_a_path_that_is_no_authoritys_is_refused(path: str) -> None:
    """Only the two release authorities have releases, each below its own name."""
    case = feature()
    assert replace(case, target=replace(case.target, path=path)).fault() == Mismatch(
        code=Code.UPDATE_PATH,
        what="path",
        expected="feature|security/<product>/<file>",
        found=path,
    )


@pytest.mark.parametrize("role", ["targets", "security", "feature-x", "security/feature", ""])
def test_nobody_else_speaks_for_an_authority(role: str) -> None:
    """What another role says under an authority's path, its delegators included, is nothing."""
    case = feature()
    assert replace(case, target=replace(case.target, role=role)).fault() == Mismatch(
        code=Code.UPDATE_AUTHORITY, what="role", expected="feature", found=role
    )


def test_a_role_below_an_authority_speaks_for_it() -> None:
    """An authority may give a product to a role of its own."""
    case = feature()
    case = replace(case, target=replace(case.target, role="feature/thing"))
    assert case.verify().value == FEATURE


def test_the_bytes_are_the_targets() -> None:
    """A manifest that is not the one that was signed for is not read."""
    case = feature()
    longer = replace(case.release, patches=None, counter=ReleaseCounter(70))
    fault = replace(case, release=longer).fault()
    assert isinstance(fault, LengthMismatch)
    assert fault.code is Code.TUF_TARGET_LENGTH
    fault = replace(case, release=replace(FEATURE, counter=ReleaseCounter(9))).fault()
    assert isinstance(fault, DigestMismatch)
    assert fault.code is Code.TUF_TARGET_DIGEST


def test_a_target_that_is_no_manifest_is_refused() -> None:
    """Whatever an authority signs for, only a manifest is a release."""
    with pytest.raises(Refused) as error:
        verify_issued(seal(image()), b"[]")
    assert isinstance(error.value.fault, Malformed)
    assert error.value.code is Code.UPDATE_MANIFEST_SHAPE


def image() -> Target:
    """A target of the feature authority that is two bytes long and no manifest."""
    target = sim_target(FEATURE, "feature")
    digests = {"sha256": hashlib.sha256(b"[]").hexdigest()}
    return replace(target, expectation=replace(target.expectation, length=2, digests=digests))


def test_a_manifest_stands_below_its_own_product() -> None:
    """A release cannot be offered as that of another product."""
    case = feature()
    target = replace(case.target, path="feature/other/release.json")
    assert replace(case, target=target).fault() == Mismatch(
        code=Code.UPDATE_PRODUCT, what="product", expected="other", found="thing"
    )


@pytest.mark.parametrize(
    ("custom", "what", "expected", "found"),
    [
        (None, "releaseCounter", "7", "0"),
        ({"hardwareIds": [MODEL], "releaseCounter": 8}, "releaseCounter", "7", "8"),
        ({"releaseCounter": 7}, "hardwareIds", MODEL, ""),
        (
            {"hardwareIds": [MODEL, "thing-9"], "releaseCounter": 7},
            "hardwareIds",
            MODEL,
            f"{MODEL},thing-9",
        ),
    ],
    ids=["nothing", "other counter", "no hardware", "more hardware"],
)
def test_the_target_says_nothing_else_than_the_manifest(
    custom: JsonValue, what: str, expected: str, found: str
) -> None:
    """There is no second word about hardware or order that anybody could read instead."""
    case = feature()
    assert replace(case, target=replace(case.target, custom=custom)).fault() == Mismatch(
        code=Code.UPDATE_CUSTOM, what=what, expected=expected, found=found
    )


@pytest.mark.parametrize(
    ("release", "authority", "found"),
    [(FEATURE, "security", "feature"), (SECURITY, "feature", "security")],
)
def test_neither_authority_does_the_others_work(
    release: Release, authority: str, found: str
) -> None:
    """A class under the other authority is refused, whoever signed it."""
    case = Case(release, sim_target(release, authority), STANDING)
    assert case.fault() == Mismatch(
        code=Code.UPDATE_CLASS, what="class", expected=authority, found=found
    )


@pytest.mark.parametrize("kind", sorted(TRUST_TYPES))
@pytest.mark.parametrize("make", [feature, security], ids=["feature", "security"])
def test_what_carries_trust_comes_in_class_trust_only(
    kind: ComponentType, make: Callable[..., Case]
) -> None:
    """Neither authority alone changes boot chain, agent, keys, settings or policy."""
    release = make().release
    changed = replace(release.components[0], type=kind)
    case = make(replace(release, components=(changed, *release.components[1:])))
    assert case.fault() == ComponentFault(
        code=Code.UPDATE_TRUST_CLASS,
        component=MAIN,
        expected=f"class trust for {kind}",
        found=release.release_class,
    )


def test_the_types_that_carry_trust_are_these() -> None:
    """The list of what neither authority may change alone is a decision, seen in review."""
    assert {str(kind) for kind in TRUST_TYPES} == {
        "boot_chain",
        "agent",
        "keys",
        "settings",
        "policy",
    }


def test_class_trust_under_one_authority_is_refused() -> None:
    """What both must stand for, one of them cannot release."""
    assert replace(trust(), standing=STANDING).fault() == Absent(
        code=Code.UPDATE_ONE_AUTHORITY, name="security/thing/release.json", listed_in="security"
    )


def test_class_trust_begins_under_either_authority() -> None:
    """Which of the two authorities is asked first makes no difference."""
    other = seal(sim_target(TRUST, "feature"))
    standing = replace(STANDING, counterpart=other)
    assert Case(TRUST, sim_target(TRUST, "security"), standing).verify().value == TRUST


COUNTERPARTS: Mapping[str, tuple[Target, Code]] = {
    "another file": (sim_target(TRUST, "security", "other.json"), Code.UPDATE_OTHER_PATH),
    "the same authority": (sim_target(TRUST, "feature"), Code.UPDATE_OTHER_PATH),
    "another product": (
        sim_target(replace(TRUST, product="other"), "security"),
        Code.UPDATE_OTHER_PATH,
    ),
    "another role": (replace(sim_target(TRUST, "security"), role="feature"), Code.UPDATE_AUTHORITY),
    "another release": (
        sim_target(replace(TRUST, counter=ReleaseCounter(9)), "security"),
        Code.UPDATE_OTHER_DIGEST,
    ),
    "a longer release": (
        sim_target(replace(TRUST, counter=ReleaseCounter(70)), "security"),
        Code.UPDATE_OTHER_LENGTH,
    ),
}


@pytest.mark.parametrize(("other", "code"), COUNTERPARTS.values(), ids=COUNTERPARTS)
def test_both_authorities_stand_for_the_same_bytes(other: Target, code: Code) -> None:
    """What the other authority says must be of the same file, by its own role, to the byte."""
    case = replace(trust(), standing=replace(STANDING, counterpart=seal(other)))
    assert case.fault().code is code


@pytest.mark.parametrize("counter", [0, 2, 4])
@pytest.mark.parametrize("make", [feature, trust], ids=["feature", "trust"])
def test_a_release_bears_the_security_counter_that_it_is_given(
    make: Callable[..., Case], counter: int
) -> None:
    """The feature authority neither lags behind the security counter nor pushes it forward."""
    case = make(replace(make().release, security_counter=SecurityCounter(counter)))
    assert case.fault() == VersionMismatch(
        code=Code.UPDATE_SECURITY_COUNTER, role="thing", expected=3, found=counter
    )


@pytest.mark.parametrize("counter", [3, 4])
def test_a_security_release_may_be_ahead_of_the_counter(counter: int) -> None:
    """The security authority may raise the counter with a release."""
    case = security(replace(SECURITY, security_counter=SecurityCounter(counter)))
    assert case.verify().value.security_counter == counter


def test_a_security_release_is_not_behind_the_counter() -> None:
    """What the security authority once raised, its own older releases do not lower."""
    case = security(replace(SECURITY, security_counter=SecurityCounter(2)))
    assert case.fault() == VersionMismatch(
        code=Code.UPDATE_SECURITY_COUNTER, role="thing", expected=3, found=2
    )


def test_the_counter_of_another_product_is_no_counter() -> None:
    """Products do not lend each other their security counters."""
    counter = seal(ProductCounter("other", SecurityCounter(3)))
    case = replace(feature(), standing=replace(STANDING, counter=counter))
    assert case.fault() == Mismatch(
        code=Code.UPDATE_COUNTER_PRODUCT, what="product", expected="thing", found="other"
    )


def test_a_patch_without_what_it_patches_is_refused() -> None:
    """Nobody can say what a security release may replace if the patched one is not there."""
    case = replace(security(), standing=replace(STANDING, patched=None))
    assert case.fault() == Absent(
        code=Code.UPDATE_PATCHED_ABSENT, name=FEATURE.digest.hex(), listed_in="releases"
    )


def test_a_patch_of_another_release_is_refused() -> None:
    """The marks of one manifest do not serve a patch that names another."""
    other = replace(FEATURE, counter=ReleaseCounter(6))
    standing = replace(STANDING, patched=seal(Issued(other, ISSUED.place)))
    assert replace(security(), standing=standing).fault() == Mismatch(
        code=Code.UPDATE_PATCHED_DIGEST,
        what="patched release",
        expected=FEATURE.digest.hex(),
        found=other.digest.hex(),
    )


def test_a_patch_of_another_product_is_refused() -> None:
    """A security release patches its own product."""
    other = replace(FEATURE, product="other")
    standing = replace(STANDING, patched=seal(Issued(other, ISSUED.place)))
    case = security(replace(SECURITY, patches=other.digest))
    assert replace(case, standing=standing).fault() == Mismatch(
        code=Code.UPDATE_PATCHED_PRODUCT, what="product", expected="thing", found="other"
    )


def test_only_what_is_marked_patchable_is_patched() -> None:
    """What the feature authority kept to itself the security authority does not replace."""
    parts = (replace(FEATURE.components[0], patchable=False), FEATURE.components[1])
    closed = replace(FEATURE, components=parts)
    standing = replace(STANDING, patched=seal(Issued(closed, ISSUED.place)))
    case = replace(security(replace(SECURITY, patches=closed.digest)), standing=standing)
    assert case.fault() == ComponentFault(
        code=Code.UPDATE_NOT_PATCHABLE,
        component=MAIN,
        expected="patchable",
        found="not patchable",
    )


def test_a_patch_brings_no_component_of_its_own() -> None:
    """A security release replaces, it does not add."""
    alone = replace(FEATURE, components=FEATURE.components[1:], dependencies=())
    standing = replace(STANDING, patched=seal(Issued(alone, ISSUED.place)))
    case = replace(security(replace(SECURITY, patches=alone.digest)), standing=standing)
    assert case.fault() == ComponentFault(
        code=Code.UPDATE_NOT_PATCHABLE, component=MAIN, expected="patchable", found="absent"
    )


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"type": ComponentType.DATA}, f"data for {MODEL}:1-4"),
        ({"hardware": (HardwareRange(MODEL, 1, 9),)}, f"system for {MODEL}:1-9"),
        (
            {"hardware": (HardwareRange(HardwareId("thing-2"), 1, 4),)},
            "system for thing-2:1-4",
        ),
    ],
    ids=["type", "revisions", "model"],
)
def test_a_patch_is_of_the_same_kind_for_the_same_hardware(
    changes: Mapping[str, object], found: str
) -> None:
    """A patched component stays what it was and where it was."""
    parts = (replace(SECURITY.components[0], **changes),)  # type: ignore[arg-type]
    assert security(replace(SECURITY, components=parts)).fault() == ComponentFault(
        code=Code.UPDATE_PATCH_CHANGES,
        component=MAIN,
        expected=f"system for {MODEL}:1-4",
        found=found,
    )


def test_a_patched_release_is_believed_by_its_own_authority_only() -> None:
    """The security authority cannot make up the release that it would like to patch."""
    made_up = replace(
        FEATURE, components=tuple(replace(c, patchable=True) for c in FEATURE.components)
    )
    with pytest.raises(Refused) as error:
        verify_issued(seal(sim_target(made_up, "security")), made_up.to_bytes())
    assert error.value.code is Code.UPDATE_CLASS
    issued = verify_issued(seal(sim_target(FEATURE, "feature")), FEATURE.to_bytes())
    assert issued.value == ISSUED


def test_an_older_release_is_still_issued_when_the_counter_has_moved_on() -> None:
    """What runs on devices can be patched, though it could not be installed any more."""
    old = replace(FEATURE, security_counter=SecurityCounter(1))
    assert feature(old).fault().code is Code.UPDATE_SECURITY_COUNTER
    assert verify_issued(seal(sim_target(old, "feature")), old.to_bytes()).value.release == old


@pytest.mark.parametrize(
    ("proof", "found"), [(None, "null"), (b"proof", "a proof that cannot be checked")]
)
def test_where_a_log_is_asked_for_nothing_goes_without_a_proof(
    proof: bytes | None, found: str
) -> None:
    """Until proofs can be checked, a device whose settings ask for one takes nothing."""
    settings = seal(replace(SETTINGS, log_policy=Witnessed(1)))
    case = feature(replace(FEATURE, checkpoint=proof, proof=proof))
    case = replace(case, standing=replace(STANDING, settings=settings))
    assert case.fault() == Mismatch(
        code=Code.UPDATE_NOT_RECORDED,
        what="proof",
        expected="a proof of the log",
        found=found,
    )


def test_every_component_of_a_patch_is_judged() -> None:
    """A good component does not cover for a bad one behind it."""
    parts = (FEATURE.components[0], replace(FEATURE.components[1], patchable=False))
    half_open = replace(FEATURE, components=parts)
    both = tuple(sim_component(name, b"mended") for name in (MAIN, RADIO))
    case = security(replace(SECURITY, components=both, patches=half_open.digest))
    standing = replace(STANDING, patched=seal(Issued(half_open, ISSUED.place)))
    fault = replace(case, standing=standing).fault()
    assert isinstance(fault, ComponentFault)
    assert (fault.code, fault.component) == (Code.UPDATE_NOT_PATCHABLE, RADIO)


def indexed(image: bytes, index: bytes) -> Verified[Release]:
    """A release whose main component has this image and this index."""
    digest = hashlib.sha256(index).hexdigest()
    main = replace(sim_component(MAIN, image), index=IndexFile(len(index), digest))
    return feature(replace(FEATURE, components=(main, FEATURE.components[1]))).verify()


def index_of(image: bytes) -> Index:
    """An index that makes an image of zeros."""
    meter = Meter()
    meter.update(image)
    return Index(meter.finish(), (Recipe(None, (Extent(0, 1, Operation.ZERO),)),))


def test_the_index_of_an_image_is_the_one_that_the_release_names() -> None:
    """An index is believed for its length, its digest and the root of its pieces."""
    index = index_of(bytes(100))
    release = indexed(bytes(100), index.to_bytes())
    assert verify_index(release, MAIN, index.to_bytes()).value == index


def test_another_index_is_refused() -> None:
    """No other index is read, though it may make the same image."""
    index = index_of(bytes(100))
    release = indexed(bytes(100), index.to_bytes())
    other = index.to_bytes().replace(b"zero", b"copy")
    with pytest.raises(Refused) as error:
        verify_index(release, MAIN, other)
    assert error.value.code is Code.UPDATE_INDEX_DIGEST
    with pytest.raises(Refused) as error:
        verify_index(release, MAIN, index.to_bytes() + b"!")
    assert error.value.code is Code.UPDATE_INDEX_LENGTH


def test_an_index_of_another_image_is_refused_though_the_release_names_it() -> None:
    """The image is what was signed, whatever its index says."""
    index = index_of(bytes(100))
    release = indexed(bytes(101), index.to_bytes())
    with pytest.raises(Refused) as error:
        verify_index(release, MAIN, index.to_bytes())
    assert error.value.code is Code.UPDATE_IMAGE_ROOT


def test_a_component_that_the_release_does_not_have_has_no_index() -> None:
    """Nobody gets an index past the release."""
    with pytest.raises(Refused) as error:
        verify_index(feature().verify(), ComponentId("camera"), b"")
    assert error.value.fault == Absent(
        code=Code.UPDATE_NOT_IN_RELEASE, name="camera", listed_in="release 7"
    )
