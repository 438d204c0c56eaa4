"""A release of images: from a description to a manifest, extents and drafts."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from firmhold.device.extents import ExtentSource
from firmhold.device.install import candidate
from firmhold.release.build import build_document, build_release, renew
from firmhold.release.description import read_description
from firmhold.release.documents import parse
from firmhold.release.drafts import check_draft
from firmhold.release.entries import counter_path
from firmhold.sim.brought import SimPayloads
from firmhold.sim.desk import SimDesk, SimSite
from firmhold.sim.settings import sim_settings
from firmhold.sim.vendor import SimReader, SimVendor
from firmhold.trust.encoding import pretty_json
from firmhold.trust.errors import Code, FirmholdError, Misuse, Refused
from firmhold.trust.settings.trust_settings import SETTINGS_PATH
from firmhold.trust.uptane.component import ComponentId
from firmhold.update.release import Release, ReleaseClass, parse_release
from firmhold.update.security import ProductCounter
from firmhold.update.version import SecurityCounter

V1 = Random(1).randbytes(300_000)
V2 = V1[:100_000] + b"second" + V1[100_000:]
MAIN = ComponentId("main")
TEXT = """
product = "camera"
class = "{release_class}"
version = "{version}"
{more}
[[components]]
id = "main"
type = "system"
image = "{image}"
hardware = [{{ model = "camera-1", first = 1, last = 4 }}]
{component}
"""


@pytest.fixture(name="camera")
def _camera(tmp_path: Path) -> SimVendor:
    """A vendor of cameras, whose security authority has given them a counter, with two images."""
    (tmp_path / "v1.img").write_bytes(V1)
    (tmp_path / "v2.img").write_bytes(V2)
    vendor = SimVendor()
    count(vendor, 3)
    return vendor


def count(vendor: SimVendor, counter: int) -> None:
    """Have the security authority publish a counter."""
    document = ProductCounter("camera", SecurityCounter(counter)).to_bytes()
    build_document(vendor.desk, counter_path("camera"), document, vendor.clock.now())
    vendor.sign("security", "security-1", "security-2")
    vendor.publish()


def described(**words: str) -> str:
    """A description with something else in it."""
    ordinary = {"release_class": "feature", "version": "1.0", "image": "v1.img"}
    return TEXT.format(**{**ordinary, "more": "", "component": "", **words})


def draft(vendor: SimVendor, folder: Path, **words: str) -> None:
    """Draft a described release."""
    now = vendor.clock.now()
    build_release(vendor.desk, read_description(described(**words).encode(), folder), now)


def release(vendor: SimVendor, folder: Path, **words: str) -> None:
    """Draft, sign and publish a described release."""
    draft(vendor, folder, **words)
    vendor.sign("feature", "feature-1", "feature-2")
    vendor.publish()


def published(vendor: SimVendor, path: str) -> Release:
    """The release manifest that a reader finds at a path."""
    return parse_release(SimReader(vendor.site, vendor.root, vendor.clock).read(path))


def served(vendor: SimVendor) -> dict[str, bytes]:
    """What stands below `payloads/`, by digest."""
    assert isinstance(vendor.site, SimSite)
    found = vendor.site.served.items()
    return {path[9:]: data for path, data in found if path.startswith("payloads/")}


def test_a_described_release_reaches_whoever_asks(camera: SimVendor, tmp_path: Path) -> None:
    """What is published is a manifest, and by content everything that it names."""
    release(camera, tmp_path)
    found = published(camera, "feature/camera/1.json")
    assert (found.counter, found.security_counter, str(found.version)) == (1, 3, "1.0")
    payloads = SimPayloads(
        served(camera), {found.components[0].image: found.components[0].index.sha256}
    )
    assert {hashlib.sha256(data).hexdigest() for data in payloads.files.values()} == set(
        payloads.files
    )
    source, wanted, made = ExtentSource(payloads, lambda: None), candidate(found, MAIN), b""
    while len(made) < len(V1):
        made += source.extent(wanted, len(made) // 65_536)[1]
    assert made == V1


def test_the_next_release_is_counted_on_and_small_for_who_has_the_last(
    camera: SimVendor, tmp_path: Path
) -> None:
    """Counters follow by themselves; a base image makes the way from it short."""
    release(camera, tmp_path)
    before = set(served(camera))
    release(camera, tmp_path, version="2.0", image="v2.img", component='bases = ["v1.img"]')
    assert published(camera, "feature/camera/2.json").counter == 2
    new = [len(data) for name, data in served(camera).items() if name not in before]
    assert sorted(new)[1] < 10_000  # the small recipe's payload, beside the index and the full ones


def test_the_same_description_gives_the_same_bytes(tmp_path: Path) -> None:
    """Two desks that build the same release at the same moment write the same, to the byte."""
    (tmp_path / "v1.img").write_bytes(V1)
    drafts = []
    for _ in range(2):
        vendor = SimVendor()
        count(vendor, 0)
        draft(vendor, tmp_path)
        assert isinstance(vendor.desk, SimDesk)
        drafts.append((vendor.desk.open_drafts, vendor.desk.files))
    assert drafts[0] == drafts[1]


def test_trust_is_drafted_under_both_authorities(camera: SimVendor, tmp_path: Path) -> None:
    """What changes what the device trusts waits for the holders of both."""
    draft(camera, tmp_path, release_class="trust")
    for role in ("feature", "security"):
        camera.sign(role, f"{role}-1", f"{role}-2")
    camera.publish()
    both = [published(camera, f"{role}/camera/1.json") for role in ("feature", "security")]
    assert both[0] == both[1]
    assert both[0].release_class is ReleaseClass.TRUST


def test_without_a_security_counter_nothing_is_built(tmp_path: Path) -> None:
    """The security authority speaks first: which counter the releases bear is its to say."""
    (tmp_path / "v1.img").write_bytes(V1)
    with pytest.raises(Misuse) as error:
        draft(SimVendor(), tmp_path)
    assert error.value.code is Code.RELEASE_NO_COUNTER


def test_settings_are_drafted_for_the_holders_of_targets(camera: SimVendor) -> None:
    """Trust settings go out when two holders of the top-level targets have signed them."""
    data = pretty_json(sim_settings())
    build_document(camera.desk, SETTINGS_PATH, data, camera.clock.now())
    camera.sign("targets", "targets-1", "targets-3")
    camera.publish()
    assert SimReader(camera.site, camera.root, camera.clock).read(SETTINGS_PATH) == data


@pytest.mark.parametrize("role", ["targets", "feature", "security"])
def test_a_role_is_renewed_by_its_holders(camera: SimVendor, role: str) -> None:
    """A role that says nothing new gets a new date all the same."""
    renew(camera.desk, role, camera.clock.now())
    camera.sign(role, f"{role}-1", f"{role}-2")
    assert role in camera.publish().versions


BAD_DOCUMENTS = {
    "settings that cannot be read": (SETTINGS_PATH, b"{}", Code.SETTINGS_SHAPE),
    "a counter of another product": (
        counter_path("camera"),
        ProductCounter("toaster", SecurityCounter(1)).to_bytes(),
        Code.UPDATE_COUNTER_PATH,
    ),
}


@pytest.mark.parametrize(("path", "data", "code"), BAD_DOCUMENTS.values(), ids=BAD_DOCUMENTS)
def test_a_document_that_no_device_could_take_is_not_drafted(
    camera: SimVendor, path: str, data: bytes, code: Code
) -> None:
    """Whoever writes nonsense learns it at the desk, not from a fleet."""
    with pytest.raises(Refused) as error:
        build_document(camera.desk, path, data, camera.clock.now())
    assert error.value.code is code


def forget(desk: SimDesk, found: Release) -> None:
    """Lose the index."""
    del desk.files[found.components[0].index.sha256]


def spoil(desk: SimDesk, found: Release) -> None:
    """Flip a bit in a payload."""
    own = {found.digest.hex(), found.components[0].index.sha256}
    name = next(n for n, data in desk.files.items() if n not in own and len(data) > 1000)
    desk.files[name] = desk.files[name][:-1] + bytes([desk.files[name][-1] ^ 1])


def exchange(desk: SimDesk, found: Release) -> None:
    """Put another manifest in the place of the one that was drafted."""
    desk.files[found.digest.hex()] = found.to_bytes().replace(b'"1.0"', b'"9.9"')


LIES: dict[str, tuple[Callable[[SimDesk, Release], None], Code]] = {
    "an index is gone": (forget, Code.RELEASE_INCOMPLETE),
    "a payload is another one": (spoil, Code.UPDATE_PAYLOAD_DIGEST),
    "the manifest is another one": (exchange, Code.RELEASE_ALTERED_DRAFT),
}


@pytest.mark.parametrize(("lie", "code"), LIES.values(), ids=LIES)
def test_a_holder_signs_no_release_of_which_something_is_wrong(
    camera: SimVendor, tmp_path: Path, lie: Callable[[SimDesk, Release], None], code: Code
) -> None:
    """Before the key is used the release is made again from what lies at the desk."""
    draft(camera, tmp_path)
    desk = camera.desk
    assert isinstance(desk, SimDesk)
    found = next(
        parse_release(data) for data in desk.files.values() if b'"firmhold release 1"' in data
    )
    lie(desk, found)
    before = desk.draft("feature")
    with pytest.raises(FirmholdError) as error:
        camera.sign("feature", "feature-1")
    assert error.value.code is code
    assert desk.draft("feature") == before


def test_a_boot_chain_is_no_feature(camera: SimVendor, tmp_path: Path) -> None:
    """What carries trust is refused at the desk in any other class."""
    text = described().replace('"system"', '"boot_chain"')
    now = camera.clock.now()
    build_release(camera.desk, read_description(text.encode(), tmp_path), now)
    with pytest.raises(Refused) as error:
        camera.sign("feature", "feature-1")
    assert error.value.code is Code.UPDATE_TRUST_CLASS


def test_a_draft_is_what_build_makes_of_the_manifest(camera: SimVendor, tmp_path: Path) -> None:
    """The words beside a manifest are the manifest's own, or the draft was altered."""
    draft(camera, tmp_path)
    desk = camera.desk
    assert isinstance(desk, SimDesk)
    data = desk.open_drafts["feature"]
    desk.open_drafts["feature"] = data.replace(b'"releaseCounter":1', b'"releaseCounter":2')
    with pytest.raises(Refused) as error:
        check_draft(
            desk, "feature", parse(desk.open_drafts["feature"], "feature"), camera.clock.now()
        )
    assert error.value.code is Code.RELEASE_ALTERED_DRAFT
