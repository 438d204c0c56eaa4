"""Row 38: a second word beside the signed one, in the hope that somebody reads it instead."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from firmhold.sim.releases import MODEL, PRODUCT, sim_release, sim_target
from firmhold.sim.settings import sim_settings
from firmhold.trust.encoding import JsonValue, pretty_json
from firmhold.trust.errors import Code, Refused
from firmhold.trust.settings.reader import parse_settings
from firmhold.trust.verified import Verified, seal
from firmhold.update.release import Release, parse_release
from firmhold.update.rules import Standing, verify_release
from firmhold.update.security import ProductCounter
from firmhold.update.version import SecurityCounter

RELEASE = sim_release()
HONEST = RELEASE.to_bytes()
SETTINGS = replace(parse_settings(pretty_json(sim_settings())), log_policy=None)
STANDING = Standing(seal(ProductCounter(PRODUCT, SecurityCounter(3))), seal(SETTINGS))


def verified(data: bytes = HONEST) -> Verified[Release]:
    """What the device makes of the bytes under the honest target."""
    return verify_release(seal(sim_target(RELEASE, "feature")), data, STANDING)


COPIES: Mapping[str, tuple[bytes, Code]] = {
    "a member twice, the copy first": (
        b'{"security_counter":0,' + HONEST[1:],
        Code.ENCODING_DUPLICATE_KEY,
    ),
    "a member twice, the copy last": (
        HONEST[:-1] + b',"security_counter":0}',
        Code.ENCODING_DUPLICATE_KEY,
    ),
    "an escaped copy": (
        HONEST[:-1] + b',"\\u0073ecurity_counter":0}',
        Code.ENCODING_DUPLICATE_KEY,
    ),
    "a member of another name": (
        HONEST[:-1] + b',"Security_counter":0}',
        Code.UPDATE_MANIFEST_SHAPE,
    ),
    "a second document": (HONEST + HONEST, Code.ENCODING_NOT_JSON),
    "a component twice": (
        HONEST.replace(b'"id":"radio"', b'"id":"main"'),
        Code.UPDATE_MANIFEST_SHAPE,
    ),
}


@pytest.mark.parametrize(("data", "code"), COPIES.values(), ids=COPIES)
def test_a_copy_inside_the_manifest_is_refused(data: bytes, code: Code) -> None:
    """No reader can be made to see another value than the signed one: the bytes are not taken."""
    assert verified().value == RELEASE

    with pytest.raises(Refused) as error:
        verified(data)
    assert error.value.code in {Code.TUF_TARGET_LENGTH, Code.TUF_TARGET_DIGEST}
    with pytest.raises(Refused) as error:
        parse_release(data)
    assert error.value.code is code

    assert verified().value == RELEASE


BESIDE: Mapping[str, JsonValue] = {
    "an older counter": {"hardwareIds": [MODEL], "releaseCounter": 6},
    "a newer counter": {"hardwareIds": [MODEL], "releaseCounter": 2**60},
    "more hardware": {"hardwareIds": [MODEL, "thing-9"], "releaseCounter": 7},
    "no word at all": None,
}


@pytest.mark.parametrize("custom", BESIDE.values(), ids=BESIDE)
def test_what_the_target_says_beside_the_manifest_must_agree(custom: JsonValue) -> None:
    """The words that Uptane reads and the words in the manifest are the same, or it is refused."""
    assert verified().value == RELEASE

    target = replace(sim_target(RELEASE, "feature"), custom=custom)
    with pytest.raises(Refused) as error:
        verify_release(seal(target), HONEST, STANDING)
    assert error.value.code is Code.UPDATE_CUSTOM

    assert verified().value == RELEASE


def test_words_that_nobody_reads_change_nothing() -> None:
    """URLs, addresses and switches beside the manifest are passed over, and reach no decision."""
    custom: JsonValue = {
        "hardwareIds": [MODEL],
        "releaseCounter": 7,
        "url": "http://elsewhere/image",
        "security_counter": 0,
        "earliest_start": "1970-01-01T00:00:00Z",
    }
    target = replace(sim_target(RELEASE, "feature"), custom=custom)
    assert verify_release(seal(target), HONEST, STANDING) == verified()


def test_the_security_counter_has_one_source() -> None:
    """A feature release cannot say of itself that it is as new as security asks for."""
    assert verified().value.security_counter == 3

    bold = replace(RELEASE, security_counter=SecurityCounter(9))
    with pytest.raises(Refused) as error:
        verify_release(seal(sim_target(bold, "feature")), bold.to_bytes(), STANDING)
    assert error.value.code is Code.UPDATE_SECURITY_COUNTER

    assert verified().value.security_counter == 3
