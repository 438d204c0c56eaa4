"""Documents with anything at all wrong: they are refused, and nothing that is trusted moves."""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmhold.sim.attacker import Attacker, Document
from firmhold.sim.clock import SimClock
from firmhold.sim.repository import ALL, SimRepository
from firmhold.trust.encoding import canonical_json
from firmhold.trust.errors import Refused
from firmhold.trust.tuf.dialect import PLAIN_TUF
from firmhold.trust.tuf.trusted_set import TrustedSet

Place = tuple[str | int, ...]
GONE = "this value is taken away"
VALUES: list[object] = [
    *(None, True, False, 0, -1, 1, 2, 7, 2**63 - 1, 2**63, 10**30, "", "x", "0" * 64, "*"),
    *([], {}, [[]], [{}], {"": {}}, {"keyids": [], "threshold": 1}, "root", "targets", GONE),
    *("2000-01-01T00:00:00Z", "2100-02-30T00:00:00Z", "1.0.0", "\ud800", "é/../\0"),
]


@dataclass
class Stage:
    """A repository, and what a device trusts before each role's step."""

    repository: SimRepository
    before: dict[str, TrustedSet]
    now: datetime

    def step(self, role: str, data: bytes) -> TrustedSet:
        """Take a role's step."""
        trusted = self.before[role]
        steps: dict[str, Callable[[], TrustedSet]] = {
            "root": lambda: trusted.accept_root(data),
            "timestamp": lambda: trusted.accept_timestamp(data, self.now),
            "snapshot": lambda: trusted.accept_snapshot(data, self.now),
            "targets": lambda: trusted.accept_targets(data, self.now),
        }
        return steps[role]()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """Metadata in which everything occurs that metadata may hold."""
    clock = SimClock()
    repository = SimRepository(tmp_path_factory.mktemp("edits"), clock)
    repository.names_digests = False
    repository.delegate("a", paths=["x/*"])
    repository.add_target("targets", "x/a.bin", b"firmware").unrecognized_fields["custom"] = {
        "b": []
    }
    repository.release("a", "targets")
    published, before = repository.published, {}
    trusted = before["root"] = TrustedSet.pin(published["root"], PLAIN_TUF)
    repository.publish("root")
    trusted = before["timestamp"] = trusted.accept_root(published["root"])
    trusted = before["snapshot"] = trusted.accept_timestamp(published["timestamp"], clock.now())
    before["targets"] = trusted.accept_snapshot(published["snapshot"], clock.now())
    return Stage(repository, before, clock.now())


def places(value: object, here: Place = ()) -> Iterator[Place]:
    """Every place inside a document."""
    inside: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        inside = list(value.items())
    elif isinstance(value, list):
        inside = list(enumerate(value))
    for key, child in inside:
        yield (*here, key)
        yield from places(child, (*here, key))


def edited(document: Document, choice: int, value: object) -> Document:
    """A copy of a document with one place, of any, set to another value or emptied."""
    copy = deepcopy(document)
    every = list(places(copy))
    *path, last = every[choice % len(every)]
    parent: Any = copy
    for key in path:
        parent = parent[key]
    if value == GONE:
        del parent[last]
    else:
        parent[last] = value
    return copy


EDITS = st.lists(st.tuples(st.integers(0, 10_000), st.sampled_from(VALUES)), min_size=1, max_size=2)


def after(document: Document, edits: list[tuple[int, object]]) -> Document:
    """A document after several edits, as far as anything is left to edit."""
    for choice, value in edits:
        document = edited(document, choice, value) if document else document
    return document


@pytest.mark.parametrize("role", ALL)
@settings(deadline=None, max_examples=120)
@given(edits=EDITS)
def test_whatever_is_signed_is_accepted_or_refused_and_moves_nothing_else(
    stage: Stage, role: str, edits: list[tuple[int, object]]
) -> None:
    """A role's own keys may sign any nonsense: a device says yes or no, and never stumbles."""
    original = json.loads(stage.repository.published[role])["signed"]
    signed = after(original, edits)
    data = forged(stage, role, signed)
    before = repr(stage.before[role])
    try:
        accepted = stage.step(role, data)
    except Refused:
        pass
    else:
        assert accepted.root.value.version == 2
        ask(accepted)
    assert repr(stage.before[role]) == before


def forged(stage: Stage, role: str, signed: Document) -> bytes:
    """A signed part with signatures of the role's own keys, or as good as can be."""
    try:
        return Attacker(stage.repository).sign(signed, stage.repository.signers[role])
    except UnicodeEncodeError:
        return json.dumps({"signed": signed, "signatures": []}).encode()


def ask(trusted: TrustedSet) -> None:
    """Ask accepted targets everything that a search would ask."""
    for role, delegated in trusted.targets.items():
        document = delegated.document.value
        for path in ("x/a.bin", "", "é/../\0"):
            document.target(path, role)
            for name, _ in document.delegates(path):
                assert document.authority(name, role) is not None


@pytest.mark.parametrize("role", ALL)
@settings(deadline=None, max_examples=80)
@given(edits=EDITS)
def test_whatever_is_changed_after_signing_is_refused(
    stage: Stage, role: str, edits: list[tuple[int, object]]
) -> None:
    """A changed document under old signatures is refused, unless nothing signed has changed."""
    original = json.loads(stage.repository.published[role])
    document = after(original, edits)
    try:
        accepted = stage.step(role, json.dumps(document).encode())
    except Refused:
        return
    assert canonical_json(document["signed"]) == canonical_json(original["signed"])
    assert accepted == stage.step(role, stage.repository.published[role])


@pytest.mark.parametrize("role", ALL)
@settings(deadline=None, max_examples=80)
@given(position=st.integers(0, 100_000), junk=st.binary(max_size=3))
def test_whatever_bytes_are_changed_on_the_way_are_refused_or_mean_the_same(
    stage: Stage, role: str, position: int, junk: bytes
) -> None:
    """A spoilt file is refused, or says exactly what was signed."""
    data = stage.repository.published[role]
    cut = position % len(data)
    try:
        accepted = stage.step(role, data[:cut] + junk + data[cut + 1 :])
    except Refused:
        return
    assert accepted == stage.step(role, data)


@settings(deadline=None, max_examples=80)
@given(timestamp=EDITS, snapshot=EDITS)
def test_whatever_is_stored_the_device_comes_up(
    stage: Stage, timestamp: list[tuple[int, object]], snapshot: list[tuple[int, object]]
) -> None:
    """Damaged or foreign files on the disk are remembered or not, and stop nothing."""
    published = stage.repository.published
    stored = [
        forged(stage, role, after(json.loads(published[role])["signed"], edits))
        for role, edits in (("timestamp", timestamp), ("snapshot", snapshot))
    ]
    restored = stage.before["timestamp"].restore(*stored)
    assert (restored.timestamp, restored.snapshot) == (None, None)


def test_every_unchanged_document_is_accepted(stage: Stage) -> None:
    """The documents from which the edits start are good ones."""
    for role in ALL:
        assert stage.step(role, stage.repository.published[role]) != stage.before[role]
