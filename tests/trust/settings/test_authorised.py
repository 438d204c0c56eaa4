"""Settings are true only by the word of the image repository's top-level targets role."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from firmhold.sim.attacker import Document
from firmhold.sim.clock import SimClock
from firmhold.sim.repository import SimRepository
from firmhold.sim.settings import sim_settings
from firmhold.trust.encoding import JsonObject
from firmhold.trust.errors import Code, Fault, Refused
from firmhold.trust.faults import Mismatch
from firmhold.trust.settings.authorised import recall_settings, verify_settings
from firmhold.trust.settings.reader import parse_settings
from firmhold.trust.settings.trust_settings import SETTINGS_PATH
from firmhold.trust.tuf.dialect import FIRMHOLD, HOLDERS_FIELD
from firmhold.trust.tuf.roles import Root, Target
from firmhold.trust.tuf.root_fields import DOMAIN_FIELD
from firmhold.trust.tuf.trusted_set import TARGETS, TrustedSet
from firmhold.trust.verified import Verified, seal

Signed = tuple[bytes, Verified[Target], Verified[Root]]


@pytest.fixture(name="sign")
def _sign(tmp_path: Path) -> Callable[..., Signed]:
    """Have the top-level targets role of a domain sign settings under a path."""

    def sign(
        settings: JsonObject, path: str = SETTINGS_PATH, fields: Document | None = None
    ) -> Signed:
        clock = SimClock()
        repository = SimRepository(tmp_path, clock)
        holders = dict.fromkeys(repository.root.keys, "Ann")
        said = {DOMAIN_FIELD: "staging"} if fields is None else fields
        repository.root.unrecognized_fields.update({HOLDERS_FIELD: holders, **said})
        repository.publish("root")
        data = json.dumps(settings).encode()
        repository.add_target(TARGETS, path, data)
        repository.release(TARGETS)
        trusted = TrustedSet.pin(repository.published["root"], FIRMHOLD)
        for role in ("timestamp", "snapshot", "targets"):
            accept = getattr(trusted, f"accept_{role}")
            trusted = accept(repository.published[role], clock.now())
        target = trusted.targets[TARGETS].document.value.target(path, TARGETS)
        assert target is not None
        return data, seal(target), trusted.root

    return sign


def refusal(data: bytes, target: Verified[Target], root: Verified[Root]) -> Fault:
    """The fault with which settings are refused."""
    with pytest.raises(Refused) as error:
        verify_settings(data, target, root)
    return error.value.fault


def test_settings_that_the_targets_role_signed_are_believed(sign: Callable[..., Signed]) -> None:
    """Bytes, role, path and domain agree: these are the settings of the domain."""
    data, target, root = sign(sim_settings())
    assert verify_settings(data, target, root).value == parse_settings(data)


def test_settings_under_another_path_are_refused(sign: Callable[..., Signed]) -> None:
    """A file that looks like settings is none, whoever signed it."""
    assert refusal(*sign(sim_settings(), "trust/settings.json.old")) == Mismatch(
        code=Code.SETTINGS_PATH,
        what="path",
        expected="trust/settings.json",
        found="trust/settings.json.old",
    )


def test_settings_of_a_delegated_role_are_refused(sign: Callable[..., Signed]) -> None:
    """No authority that signs releases can change what a device believes."""
    data, target, root = sign(sim_settings())
    found = target.value
    delegated = seal(Target(found.path, "feature", found.expectation, found.custom))
    assert refusal(data, delegated, root) == Mismatch(
        code=Code.SETTINGS_ROLE, what="role", expected="targets", found="feature"
    )


def test_other_bytes_than_the_signed_ones_are_refused(sign: Callable[..., Signed]) -> None:
    """Settings are what was signed, to the byte."""
    data, target, root = sign(sim_settings())
    assert refusal(data + b" ", target, root).code is Code.TUF_TARGET_LENGTH
    other = data.replace(b'"format": 1', b'"format": 2')
    assert refusal(other, target, root).code is Code.TUF_TARGET_DIGEST


def test_signed_settings_that_cannot_be_read_are_refused(sign: Callable[..., Signed]) -> None:
    """A signature makes nothing readable."""
    assert refusal(*sign({})).code is Code.SETTINGS_SHAPE


@pytest.mark.parametrize("fields", [{}, {DOMAIN_FIELD: "production"}], ids=["silent", "spoken"])
def test_nothing_goes_unlogged_in_production(sign: Callable[..., Signed], fields: Document) -> None:
    """`log_policy` none is for staging; a root that does not say is a production one."""
    assert refusal(*sign(sim_settings(), fields=fields)) == Mismatch(
        code=Code.SETTINGS_UNLOGGED, what="domain", expected="staging", found="production"
    )
    witnessed = {**sim_settings(), "log_policy": {"witnessed": {"threshold": 1}}}
    assert verify_settings(*sign(witnessed, fields=fields)).value.log_policy is not None


def test_settings_that_were_kept_are_read_as_they_were(sign: Callable[..., Signed]) -> None:
    """A device takes its own settings up again without asking who signed them."""
    data, _, _ = sign(sim_settings())
    assert recall_settings(data).value == parse_settings(data)
