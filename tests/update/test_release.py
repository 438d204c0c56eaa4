"""The release manifest: one form in bytes, every member there, nothing passed over that matters."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmhold.sim.releases import MAIN, RADIO, sim_release
from firmhold.trust.encoding import canonical_json
from firmhold.trust.errors import Code, Fault, Refused
from firmhold.trust.faults import LengthMismatch, Malformed, OverLimit, WrongType
from firmhold.trust.uptane.component import ComponentId
from firmhold.update.release import (
    MAX_BYTES,
    TAG,
    Dependency,
    HardwareRange,
    IndexFile,
    Release,
    ReleaseClass,
    parse_release,
)
from firmhold.update.version import ReleaseCounter

RELEASE = sim_release()
DIGEST = hashlib.sha256(b"an older manifest").digest()
SECURITY = replace(
    RELEASE,
    release_class=ReleaseClass.SECURITY,
    components=RELEASE.components[:1],
    dependencies=(),
    patches=DIGEST,
)
EXTENDED = replace(
    RELEASE,
    extensions=(("empty", b"null"), ("notes", b'{"en":"faster"}')),
    checkpoint=b"a log\n7\nAAAA\n",
    proof=bytes(range(64)),
)


def fault_of(data: bytes) -> Fault:
    """The fault with which a manifest is refused."""
    with pytest.raises(Refused) as error:
        parse_release(data)
    return error.value.fault


def fault_of_bent(bend: Callable[[dict[str, Any]], object], release: Release = RELEASE) -> Fault:
    """The fault with which a manifest is refused once `bend` has changed it."""
    value: dict[str, Any] = json.loads(release.to_bytes())
    bend(value)
    return fault_of(canonical_json(value))


@pytest.mark.parametrize(
    "release", [RELEASE, SECURITY, EXTENDED], ids=["feature", "security", "extended"]
)
def test_a_manifest_reads_back_as_it_was_written(release: Release) -> None:
    """Every member survives, and the bytes are the same again."""
    data = release.to_bytes()
    again = parse_release(data)
    assert again == release
    assert again.to_bytes() == data
    assert again.digest == hashlib.sha256(data).digest()


def test_a_manifest_of_some_components_is_a_few_kilobytes() -> None:
    """Many can be kept and compared where memory is short."""
    assert len(RELEASE.to_bytes()) < 4096


def test_what_is_not_known_and_not_critical_is_kept() -> None:
    """A later desk may say more to later devices, and an older one passes it on unchanged."""
    assert dict(parse_release(EXTENDED.to_bytes()).extensions)["notes"] == b'{"en":"faster"}'


@pytest.mark.parametrize("name", ["sealed_keys", "x" * 300])
def test_an_unknown_critical_extension_refuses_the_manifest(name: str) -> None:
    """What a device must not pass over it does not pass over, whatever else has changed."""

    def bend(value: dict[str, Any]) -> None:
        value["critical"] = {name: None}
        value["more"] = 1

    assert fault_of_bent(bend) == Malformed(
        code=Code.UPDATE_CRITICAL_EXTENSION,
        where=f"release.critical.{name[:100]}",
        expected="a known name",
    )


@pytest.mark.parametrize("tag", ["firmhold release 2", "firmhold index 1"])
def test_a_manifest_of_another_format_is_refused_as_such(tag: str) -> None:
    """A later format, or another document, is not read as this one."""
    assert fault_of_bent(lambda value: value.update(tag=tag, more=1)) == WrongType(
        code=Code.UPDATE_MANIFEST_FORMAT, role=TAG, found=tag
    )


@pytest.mark.parametrize(
    "data",
    [
        RELEASE.to_bytes() + b"\n",
        RELEASE.to_bytes().replace(b'"tag"', b'"\\u0074ag"'),
        json.dumps(json.loads(RELEASE.to_bytes()), indent=1).encode(),
    ],
    ids=["line break", "escape", "white space"],
)
def test_a_manifest_has_one_spelling(data: bytes) -> None:
    """The same manifest in other bytes would be another digest of one release: it is refused."""
    assert fault_of(data) == Malformed(
        code=Code.UPDATE_MANIFEST_SHAPE, where="release", expected="the canonical form"
    )


def test_a_manifest_is_bounded() -> None:
    """What is longer than any manifest is not read."""
    assert fault_of(b" " * (MAX_BYTES + 1)) == OverLimit(
        code=Code.ENCODING_TOO_LARGE, what="document", limit=MAX_BYTES
    )


@pytest.mark.parametrize("member", sorted(json.loads(RELEASE.to_bytes())))
def test_every_member_must_be_there(member: str) -> None:
    """A manifest that leaves something unsaid is refused."""
    fault = fault_of_bent(lambda value: value.pop(member))
    assert isinstance(fault, Malformed)
    assert fault.code is Code.UPDATE_MANIFEST_SHAPE
    assert fault.where == f"release.{member}"


def set_in(*path: str | int, to: object) -> Callable[[dict[str, Any]], None]:
    """A change of one member, wherever it stands."""

    def bend(value: dict[str, Any]) -> None:
        place: Any = value
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = to

    return bend


BENT: Mapping[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "more members": (set_in("download_url", to="x"), "release.download_url"),
    "critical no object": (set_in("critical", to=[]), "release.critical"),
    "extensions no object": (set_in("extensions", to=[]), "extensions"),
    "too many extensions": (
        set_in("extensions", to={str(n): 1 for n in range(33)}),
        "extensions",
    ),
    "extension without name": (set_in("extensions", to={"": 1}), "extensions"),
    "tag no text": (set_in("tag", to=1), "release.tag"),
    "product reserved": (set_in("product", to="counters"), "product"),
    "product with a slash": (set_in("product", to="a/b"), "product"),
    "product long": (set_in("product", to="a" * 101), "product"),
    "class unknown": (set_in("class", to="routine"), "class"),
    "class no text": (set_in("class", to=None), "class"),
    "version no text": (set_in("version", to=2), "version"),
    "version odd": (set_in("version", to="2 1"), "version"),
    "counter zero": (set_in("release_counter", to=0), "release_counter"),
    "counter true": (set_in("release_counter", to=True), "release_counter"),
    "security counter below": (set_in("security_counter", to=-1), "security_counter"),
    "security counter text": (set_in("security_counter", to="3"), "security_counter"),
    "requires itself": (set_in("requires", "release_counter", to=7), "requires.release_counter"),
    "requires less than none": (
        set_in("requires", "release_counter", to=-1),
        "requires.release_counter",
    ),
    "requires more": (set_in("requires", "windows", to=1), "requires.windows"),
    "agent odd": (set_in("requires", "agent", to="1.2"), "requires.agent"),
    "no components": (set_in("components", to=[]), "components"),
    "component twice": (set_in("components", 1, "id", to="main"), "components"),
    "component no object": (set_in("components", 0, to=None), "components[0]"),
    "component without name": (set_in("components", 0, "id", to=""), "components[0].id"),
    "type unknown": (set_in("components", 0, "type", to="bootchain2"), "components[0].type"),
    "patchable maybe": (set_in("components", 0, "patchable", to=1), "components[0].patchable"),
    "no hardware": (set_in("components", 0, "hardware", to=[]), "components[0].hardware"),
    "revisions reversed": (
        set_in("components", 0, "hardware", 0, "last", to=0),
        "components[0].hardware[0].last",
    ),
    "revision below zero": (
        set_in("components", 0, "hardware", 0, "first", to=-1),
        "components[0].hardware[0].first",
    ),
    "revision far": (
        set_in("components", 0, "hardware", 0, "last", to=10**7),
        "components[0].hardware[0].last",
    ),
    "model no text": (
        set_in("components", 0, "hardware", 0, "model", to=1),
        "components[0].hardware[0].model",
    ),
    "image empty": (set_in("components", 0, "image", "length", to=0), "components[0].image.length"),
    "image endless": (
        set_in("components", 0, "image", "length", to=2**34 + 1),
        "components[0].image.length",
    ),
    "root short": (set_in("components", 0, "image", "root", to="00"), "components[0].image.root"),
    "index empty": (set_in("components", 0, "index", "length", to=0), "components[0].index.length"),
    "index endless": (
        set_in("components", 0, "index", "length", to=2**25 + 1),
        "components[0].index.length",
    ),
    "index digest": (
        set_in("components", 0, "index", "sha256", to="A0" * 32),
        "components[0].index.sha256",
    ),
    "where to write": (set_in("components", 0, "offset", to=0), "components[0].offset"),
    "dependency of a stranger": (
        set_in("dependencies", 0, "component", to="x"),
        "dependencies[0]",
    ),
    "dependency on itself": (set_in("dependencies", 0, "needs", to="main"), "dependencies[0]"),
    "dependency on nothing": (set_in("dependencies", 0, "least", to=0), "dependencies[0].least"),
    "checks no list": (set_in("health_checks", to=None), "health_checks"),
    "check unknown": (set_in("health_checks", 0, "kind", to="x"), "health_checks[0].kind"),
    "rollback none": (set_in("rollback", to=None), "rollback"),
    "schedule none": (set_in("schedule", to=None), "schedule"),
    "feature that patches": (set_in("patches", to="00" * 32), "patches"),
    "patches no digest": (set_in("patches", to="x"), "patches"),
    "security that patches nothing": (set_in("class", to="security"), "patches"),
    "checkpoint alone": (set_in("checkpoint", to="AAAA"), "proof"),
    "proof alone": (set_in("proof", to="AAAA"), "proof"),
    "checkpoint no base64": (set_in("checkpoint", to="a log"), "checkpoint"),
    "proof too long": (set_in("proof", to="A" * 16_385), "proof"),
}


@pytest.mark.parametrize(("bend", "where"), BENT.values(), ids=BENT)
def test_what_is_no_manifest_is_refused_where_it_is_none(
    bend: Callable[[dict[str, Any]], None], where: str
) -> None:
    """Each member has its type and its bounds, and the refusal says which had not."""
    fault = fault_of_bent(bend)
    assert isinstance(fault, Malformed)
    assert (fault.code, fault.where) == (Code.UPDATE_MANIFEST_SHAPE, where)


def test_the_first_release_requires_none() -> None:
    """A device on which nothing was installed yet takes a release that requires nothing."""
    first = replace(RELEASE, required_counter=ReleaseCounter(0))
    assert parse_release(first.to_bytes()).required_counter == 0


def test_the_least_and_the_most_that_a_manifest_may_say_are_read() -> None:
    """Each bound is itself within the bound."""
    one = replace(RELEASE.components[0], image=replace(RELEASE.components[0].image, length=1))
    names = sorted(f"x{number}" for number in range(32))
    edge = replace(
        RELEASE,
        product="p" * 100,
        counter=ReleaseCounter(1),
        required_counter=ReleaseCounter(0),
        components=(one, RELEASE.components[1]),
        dependencies=(Dependency(MAIN, RADIO, ReleaseCounter(1)),),
        extensions=tuple((name, b"1") for name in names),
    )
    assert parse_release(edge.to_bytes()) == edge


def test_components_are_found_by_name() -> None:
    """A component is the one of that name, or there is none."""
    assert RELEASE.component(RADIO) == RELEASE.components[1]
    assert RELEASE.component(MAIN) == RELEASE.components[0]
    assert RELEASE.component(ComponentId("other")) is None


def test_several_models_and_revisions_can_be_named() -> None:
    """One image may be made for several models, each with revisions of its own."""
    model = RELEASE.components[0].hardware[0].model
    ranges = (HardwareRange(model, 0, 0), HardwareRange(model, 5, 1_000_000))
    component = replace(RELEASE.components[0], hardware=ranges)
    release = replace(RELEASE, components=(component, RELEASE.components[1]))
    assert parse_release(release.to_bytes()) == release


def test_the_index_of_an_image_is_told_by_length_and_digest() -> None:
    """An index that is not the named one is refused before it is read."""
    index = IndexFile(3, hashlib.sha256(b"abc").hexdigest())
    index.expectation.check(b"abc")
    with pytest.raises(Refused) as error:
        index.expectation.check(b"abcd")
    assert error.value.fault == LengthMismatch(
        code=Code.UPDATE_INDEX_LENGTH, what=index.sha256, expected=3, found=4
    )
    with pytest.raises(Refused) as error:
        index.expectation.check(b"abd")
    assert error.value.code is Code.UPDATE_INDEX_DIGEST


@given(st.integers(0, len(EXTENDED.to_bytes()) - 1), st.integers(1, 127))
def test_one_changed_byte_is_refused_or_makes_another_release(at: int, change: int) -> None:
    """Nothing in the bytes of a manifest is without meaning."""
    bent = bytearray(EXTENDED.to_bytes())
    bent[at] ^= change
    try:
        found = parse_release(bytes(bent))
    except Refused:
        return
    assert found != EXTENDED
    assert found.to_bytes() == bytes(bent)
