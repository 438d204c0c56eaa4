"""Whatever is wrong with a document of ours, the refusal points at it."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from tests.places import misplaced
from tests.trust.governance.test_rollout_act import ACT
from tests.trust.uptane.test_version_manifest import MANIFEST
from tests.update.test_index import PIECES
from tests.update.test_index import document as index
from tests.update.test_journal import FULL
from tests.update.test_release import EXTENDED, SECURITY

from firmhold.sim.settings import sim_settings
from firmhold.trust.governance.rollout_act import read_act
from firmhold.trust.settings.reader import parse_settings
from firmhold.trust.uptane.version_manifest import read_manifest
from firmhold.update.index import parse_index
from firmhold.update.journal import parse_state
from firmhold.update.release import parse_release


@dataclass(frozen=True)
class Case:
    """A document in full bloom, and the few places that are told in other words."""

    document: object
    read: Callable[[bytes], object]
    root: str
    elsewhere: frozenset[str] = frozenset()
    """Places whose refusal names a more general or a more exact one."""
    opaque: tuple[str, ...] = ()
    """What names of places end in, or contain, whose values this reader does not judge."""


TAGGED = frozenset({"", "tag", "critical"})

CASES = {
    "state": Case(json.loads(FULL.to_bytes()), parse_state, "state"),
    "security release": Case(json.loads(SECURITY.to_bytes()), parse_release, "", TAGGED),
    "feature release": Case(
        json.loads(EXTENDED.to_bytes()), parse_release, "", TAGGED, ("extensions.",)
    ),
    "index": Case(
        index(),
        lambda data: parse_index(data, PIECES.image),
        "",
        frozenset({"", "tag", "recipes[0].base"}),
    ),
    "version manifest": Case(
        MANIFEST.to_json(), lambda data: read_manifest(json.loads(data)), "signed", opaque=(".tag",)
    ),
    "rollout act": Case(
        ACT.to_json(), lambda data: read_act(json.loads(data)), "signed", opaque=(".tag",)
    ),
    # A key of a kind to come has no seat, and spoils nothing.
    "settings": Case(
        sim_settings(),
        parse_settings,
        "settings",
        frozenset({"settings.log_policy", "settings.logs[1].end"}),
        (".key.",),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_value_of_another_type_is_named(name: str) -> None:
    """Each value in turn becomes one of another type, and the refusal names its place."""
    case = CASES[name]
    wrong, taken = misplaced(case.document, case.read, case.root)
    assert wrong.keys() == case.elsewhere
    assert [place for place in taken if not any(each in place for each in case.opaque)] == []
