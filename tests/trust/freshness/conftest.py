"""A root, settings and a question that fit together."""

import json
from dataclasses import replace

import pytest

from firmhold.sim.clock import BEGIN
from firmhold.sim.settings import sim_settings
from firmhold.sim.vendor import SimVendor
from firmhold.trust.device_id import DeviceId
from firmhold.trust.freshness.statement import Question
from firmhold.trust.settings.reader import parse_settings
from firmhold.trust.settings.trust_settings import TrustSettings
from firmhold.trust.tuf.dialect import FIRMHOLD
from firmhold.trust.tuf.roles import Root
from firmhold.trust.tuf.root_fields import FreshnessEpoch
from firmhold.trust.tuf.trusted_set import TrustedSet
from firmhold.trust.verified import Verified, seal


@pytest.fixture(scope="session")
def root() -> Verified[Root]:
    """The root of a staging domain: epoch 1 since the world began."""
    root = TrustedSet.pin(SimVendor().root, FIRMHOLD).root
    assert root.value.fields.freshness == FreshnessEpoch(1, BEGIN)
    return root


@pytest.fixture(scope="session")
def settings() -> Verified[TrustSettings]:
    """Settings whose freshness key of epoch 1 is `freshness-1`; nothing is logged."""
    return seal(parse_settings(json.dumps(sim_settings()).encode()))


@pytest.fixture(scope="session")
def logged(settings: Verified[TrustSettings]) -> Verified[TrustSettings]:
    """The same settings, where everything is logged."""
    policy = json.dumps({**sim_settings(), "log_policy": {"witnessed": {"threshold": 1}}})
    return seal(replace(settings.value, log_policy=parse_settings(policy.encode()).log_policy))


@pytest.fixture(scope="session")
def question() -> Question:
    """What one device asks."""
    return Question(DeviceId("camera-7"), b"n" * 32, 5, b"d" * 32)
