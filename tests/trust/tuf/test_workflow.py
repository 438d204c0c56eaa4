"""TUF 5.1 to 5.6 as a conversation: what is asked for, what is written, and in which order."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from securesystemslib.signer import CryptoSigner

from firmhold.sim.attacker import Document, Edit
from firmhold.sim.repository import SimRepository
from firmhold.trust.errors import Code, Refused, Unavailable
from firmhold.trust.faults import VersionMismatch
from firmhold.trust.outer_faults import FetchFault
from firmhold.trust.tuf.dialect import PLAIN_TUF
from firmhold.trust.tuf.workflow import (
    MAX_ROOT_ROTATIONS,
    Action,
    Fetch,
    FetchIfThere,
    Forget,
    Keep,
    Load,
    refresh,
)

if TYPE_CHECKING:
    from tests.trust.tuf.conftest import Device

Forge = Callable[[str, Edit], bytes]
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)

FAR = 2**63 - 1

QUIET: list[Action] = [
    FetchIfThere("2.root.json", 512_000),
    Load("timestamp"),
    Load("snapshot"),
    Fetch("timestamp.json", 16_384),
    Load("snapshot"),
    Load("targets"),
]
"""A cycle in which nothing is new."""


def code_of(do: Callable[[], object]) -> Code:
    """The code under which a cycle is refused."""
    with pytest.raises(Refused) as error:
        do()
    return error.value.code


def test_5_a_first_cycle_asks_verifies_and_keeps_in_order(
    device: "Device", repository: SimRepository
) -> None:
    """TUF 5: root, timestamp, snapshot, targets; each is written before the next is asked for."""
    published = repository.published
    trusted = device.refresh()
    assert device.actions == [
        FetchIfThere("2.root.json", 512_000),
        Load("timestamp"),
        Load("snapshot"),
        Fetch("timestamp.json", 16_384),
        Keep("timestamp", published["timestamp"]),
        Load("snapshot"),
        Fetch("2.snapshot.json", 2_000_000),
        Keep("snapshot", published["snapshot"]),
        Load("targets"),
        Fetch("2.targets.json", 5_000_000),
        Keep("targets", published["targets"]),
    ]
    assert sorted(trusted.targets) == ["targets"]
    assert device.stored == published


def test_5_a_cycle_in_which_nothing_is_new_writes_nothing(device: "Device") -> None:
    """TUF 5: what is stored and still holds is neither fetched nor written again."""
    first = device.refresh()
    assert device.refresh().targets == first.targets
    assert device.actions == QUIET


def test_5_1_one_moment_holds_for_the_whole_cycle(
    device: "Device", repository: SimRepository
) -> None:
    """TUF 5.1: whatever is fresh when a cycle begins is fresh until it ends."""
    device.now = repository.root.expires - SECOND
    assert device.refresh().snapshot is not None
    device.now += SECOND
    assert code_of(device.refresh) is Code.TUF_FREEZE_ROOT


def test_5_2_a_stored_root_that_is_none_is_refused(device: "Device") -> None:
    """TUF 5.2: without a trusted root nothing is asked for."""
    device.stored["root"] = b"{}"
    assert code_of(device.refresh) is Code.TUF_SHAPE
    assert device.actions == []


def test_5_3_roots_are_walked_one_by_one_and_each_is_kept(
    device: "Device", repository: SimRepository
) -> None:
    """TUF 5.3.3 to 5.3.9: each root is asked for, verified and kept before its successor."""
    roots = []
    for _ in range(3):
        old = repository.rotate("root")
        repository.signers["root"] += old
        repository.publish("root")
        repository.signers["root"] = repository.signers["root"][:1]
        roots.append(repository.published["root"])
    assert device.refresh().root.value.version == 4
    assert device.actions[:7] == [
        FetchIfThere("2.root.json", 512_000),
        Keep("root", roots[0]),
        FetchIfThere("3.root.json", 512_000),
        Keep("root", roots[1]),
        FetchIfThere("4.root.json", 512_000),
        Keep("root", roots[2]),
        FetchIfThere("5.root.json", 512_000),
    ]


def test_5_3_the_walk_over_roots_is_bounded(device: "Device", forge: Forge) -> None:
    """TUF 5.3.3: one cycle reads so many roots and no more; the next goes on from there."""
    metadata = device.folder / "metadata"
    for version in range(2, MAX_ROOT_ROTATIONS + 3):
        root = forge("root", lambda signed, v=version: signed.update(version=v))  # type: ignore[misc]
        (metadata / f"{version}.root.json").write_bytes(root)
    assert device.refresh().root.value.version == MAX_ROOT_ROTATIONS + 1 == 1025
    assert device.refresh().root.value.version == MAX_ROOT_ROTATIONS + 2


def test_5_3_a_bad_root_ends_the_cycle_and_the_good_ones_before_it_stay(
    device: "Device", repository: SimRepository
) -> None:
    """TUF 5.3: what was verified is kept, what was not leaves no trace, and nothing else moves."""
    repository.publish("root")
    good = repository.published["root"]
    repository.signers["root"] = [CryptoSigner.generate_ed25519()]
    repository.publish("root")
    assert code_of(device.refresh) is Code.TUF_SIGNATURES_ROOT_BY_TRUSTED
    assert device.written == [Keep("root", good)]
    assert device.stored == {"root": good}
    assert device.asked == ["2.root.json", "3.root.json"]


def test_5_3_10_an_expired_root_is_kept_and_ends_the_cycle(
    device: "Device", repository: SimRepository
) -> None:
    """TUF 5.3.10: the newest root is judged by its date before anything below is asked for."""
    repository.root.expires = device.now
    repository.publish("root")
    assert code_of(device.refresh) is Code.TUF_FREEZE_ROOT
    assert device.written == [Keep("root", repository.published["root"])]
    assert device.asked == ["2.root.json", "3.root.json"]


@pytest.mark.parametrize("role", ["timestamp", "snapshot"])
def test_5_3_11_a_rotation_forgets_before_the_new_root_is_kept(
    device: "Device", repository: SimRepository, role: str
) -> None:
    """TUF 5.3.11: both stored files go first, so that a power cut repeats rather than skips it."""
    device.refresh()
    repository.rotate(role)
    repository.publish("root", "snapshot", "timestamp")
    published = repository.published
    device.refresh()
    assert device.actions == [
        FetchIfThere("2.root.json", 512_000),
        Forget("timestamp"),
        Forget("snapshot"),
        Keep("root", published["root"]),
        FetchIfThere("3.root.json", 512_000),
        Load("timestamp"),
        Load("snapshot"),
        Fetch("timestamp.json", 16_384),
        Keep("timestamp", published["timestamp"]),
        Load("snapshot"),
        Fetch("3.snapshot.json", 2_000_000),
        Keep("snapshot", published["snapshot"]),
        Load("targets"),
    ]


@pytest.mark.parametrize("role", ["timestamp", "snapshot"])
def test_5_3_11_an_added_key_forgets_nothing(
    device: "Device", repository: SimRepository, role: str
) -> None:
    """TUF 5.3.11: while the old keys may still sign, what they signed serves rollback checks."""
    device.refresh()
    repository.grant(role, CryptoSigner.generate_ed25519())
    repository.publish("root")
    device.refresh()
    assert device.written == [Keep("root", repository.published["root"])]


def fast_forward(device: "Device", forge: Forge, role: str) -> None:
    """Let a device store metadata of the largest version that there is."""
    timestamp: Document = {"version": FAR} if role == "timestamp" else {}
    snapshot = {"snapshot.json": {"version": FAR if role == "snapshot" else 2}}
    changed = forge("timestamp", lambda s: s.update(timestamp | {"meta": snapshot}))
    device.stored["timestamp"] = changed
    if role == "snapshot":
        device.stored["snapshot"] = forge("snapshot", lambda s: s.update(version=FAR))


@pytest.mark.parametrize("role", ["timestamp", "snapshot"])
def test_5_3_11_a_fast_forward_lasts_until_its_keys_are_rotated(
    device: "Device", repository: SimRepository, forge: Forge, role: str
) -> None:
    """TUF 5.3.11: a signed absurd version is believed, and ends with the key that signed it."""
    device.refresh()
    fast_forward(device, forge, role)
    repository.publish("snapshot", "timestamp")
    with pytest.raises(Refused) as error:
        device.refresh()
    assert error.value.fault == VersionMismatch(
        code=Code(f"tuf.rollback.{role}"), role=role, expected=FAR, found=3
    )
    repository.rotate(role)
    repository.publish("root", "snapshot", "timestamp")
    trusted = device.refresh()
    assert trusted.timestamp is not None
    assert trusted.timestamp.value.version == 4
    assert device.stored == repository.published


@pytest.mark.parametrize("until", ["forget", "keep"])
def test_5_3_11_a_power_cut_within_a_rotation_does_not_save_a_fast_forward(
    device: "Device", repository: SimRepository, forge: Forge, until: str
) -> None:
    """TUF 5.3.11: wherever the power fails, the next cycle completes the recovery."""
    device.refresh()
    fast_forward(device, forge, "timestamp")
    repository.rotate("timestamp")
    repository.publish("root", "snapshot", "timestamp")
    cut: dict[str, Action] = {
        "forget": Forget("snapshot"),
        "keep": Keep("root", repository.published["root"]),
    }
    with pytest.raises(InterruptedError):
        device.drive(refresh(device.stored["root"], PLAIN_TUF, device.now), until=cut[until])
    device.refresh()
    assert device.stored == repository.published


@pytest.mark.parametrize("role", ["timestamp", "snapshot"])
def test_stored_metadata_that_say_nothing_any_more_are_replaced_and_not_deleted(
    device: "Device", repository: SimRepository, role: str
) -> None:
    """A damaged file stops nothing: a good one takes its place, and until then it stays."""
    device.refresh()
    device.stored[role] = b"damaged"
    device.refresh()
    assert device.written == [Keep(role, repository.published[role])]
    assert device.stored == repository.published


def test_a_raised_threshold_does_not_delete_what_too_few_signed(
    device: "Device", repository: SimRepository
) -> None:
    """What a larger quorum does not vouch for yet counts for nothing, and serves again later."""
    device.refresh()
    before = device.stored["timestamp"]
    repository.grant("timestamp", CryptoSigner.generate_ed25519())
    repository.root.roles["timestamp"].threshold = 2
    repository.publish("root")
    assert code_of(device.refresh) is Code.TUF_SIGNATURES_TIMESTAMP
    assert device.stored["timestamp"] == before
    repository.root.roles["timestamp"].threshold = 1
    repository.publish("root")
    assert device.refresh().remembered.timestamp is not None
    assert device.stored["timestamp"] == before


def test_5_4_1_a_timestamp_that_cannot_be_had_leaves_everything_as_it_was(
    device: "Device", repository: SimRepository
) -> None:
    """TUF 5.4.1: when nobody answers, what was trusted stays in force."""
    device.refresh()
    (device.folder / "metadata" / "timestamp.json").unlink()
    with pytest.raises(Unavailable) as error:
        device.refresh()
    expected = FetchFault(code=Code.FETCH_NOT_FOUND, url="timestamp.json", detail="404")
    assert error.value.fault == expected
    assert device.written == []
    assert device.stored == repository.published


def test_5_4_3_1_other_bytes_of_the_same_version_are_not_kept(
    device: "Device", repository: SimRepository, forge: Forge
) -> None:
    """TUF 5.4.3.1: a timestamp of an equal version changes nothing on the device."""
    device.refresh()
    before = dict(device.stored)
    repository.lie("timestamp", forge("timestamp", lambda signed: signed.update({"x": 1})))
    device.refresh()
    assert device.actions == QUIET
    assert device.stored == before


def test_5_4_5_a_newer_timestamp_is_kept_and_what_it_names_again_is_not_fetched(
    device: "Device", repository: SimRepository
) -> None:
    """TUF 5.4.5: one new timestamp over the same snapshot costs one request and one write."""
    device.refresh()
    repository.publish("timestamp")
    device.refresh()
    assert device.asked == ["2.root.json", "timestamp.json"]
    assert device.written == [Keep("timestamp", repository.published["timestamp"])]


def test_5_5_a_stored_snapshot_that_is_not_the_named_one_is_fetched_anew(
    strict_device: "Device", strict_repository: SimRepository
) -> None:
    """TUF 5.5.2: other bytes than the named ones are replaced, though rightly signed."""
    strict_device.refresh()
    document = json.loads(strict_device.stored["snapshot"])
    strict_device.stored["snapshot"] = json.dumps(document, indent=2).encode()
    strict_device.refresh()
    published = strict_repository.published["snapshot"]
    assert Fetch("1.snapshot.json", len(published)) in strict_device.actions
    assert strict_device.written == [Keep("snapshot", published)]


def test_5_5_1_no_more_is_asked_for_than_is_named(
    strict_device: "Device", strict_repository: SimRepository
) -> None:
    """TUF 5.5.1 and 5.6.1: where a length is signed, it is the bound of the request."""
    strict_device.refresh()
    published = strict_repository.published
    fetches = [action for action in strict_device.actions if isinstance(action, Fetch)]
    assert fetches == [
        Fetch("timestamp.json", 16_384),
        Fetch("1.snapshot.json", len(published["snapshot"])),
        Fetch("1.targets.json", len(published["targets"])),
    ]


def test_5_5_1_a_signed_length_does_not_lift_the_bound(device: "Device", forge: Forge) -> None:
    """TUF 5.5.1: whoever signs an absurd length gets the usual bound."""
    entry = {"snapshot.json": {"version": 2, "length": FAR}}
    timestamp = forge("timestamp", lambda signed: signed.update(meta=entry))
    (device.folder / "metadata" / "timestamp.json").write_bytes(timestamp)
    assert code_of(device.refresh) is Code.TUF_MIX_SNAPSHOT_LENGTH
    assert device.actions[-1] == Fetch("2.snapshot.json", 2_000_000)


def test_5_5_5_a_new_snapshot_is_held_against_the_stored_one(
    device: "Device", repository: SimRepository, forge: Forge
) -> None:
    """TUF 5.5.5: what an earlier cycle stored is not taken back by a new one, though expired."""
    device.refresh()
    old = {"expires": f"{device.now - DAY:%Y-%m-%dT%H:%M:%SZ}"}
    meta = {"meta": {"targets.json": {"version": 7}}}
    device.stored["snapshot"] = forge("snapshot", lambda signed: signed.update(old | meta))
    repository.publish("snapshot", "timestamp")
    assert code_of(device.refresh) is Code.TUF_ROLLBACK_TARGETS


def test_5_5_7_after_a_refused_snapshot_the_timestamp_stays_and_the_next_cycle_completes(
    device: "Device", repository: SimRepository
) -> None:
    """TUF 5.5: each completed step is kept; a refusal undoes none and blocks none later."""
    device.refresh()
    old = dict(device.stored)
    repository.release("targets")
    snapshot = repository.published["snapshot"]
    repository.lie("snapshot", b"{}")
    assert code_of(device.refresh) is Code.TUF_SHAPE
    assert device.stored == old | {"timestamp": repository.published["timestamp"]}
    repository.lie("snapshot", snapshot)
    device.refresh()
    assert device.stored == repository.published


def test_without_consistent_snapshots_names_carry_no_version(
    device: "Device", repository: SimRepository
) -> None:
    """TUF 5.5.1 and 5.6.1: only a root that says so makes snapshot and targets versioned names."""
    repository.root.consistent_snapshot = False
    repository.publish("root", "targets", "snapshot", "timestamp")
    device.refresh()
    assert device.asked == [
        *("2.root.json", "3.root.json"),
        *("timestamp.json", "snapshot.json", "targets.json"),
    ]


def test_a_fetch_answered_with_nothing_is_a_broken_driver(device: "Device") -> None:
    """Only a request that may fail may be answered with nothing."""
    steps = refresh(device.stored["root"], PLAIN_TUF, device.now)
    for action in iter(lambda: steps.send(None), Fetch("timestamp.json", 16_384)):
        assert isinstance(action, FetchIfThere | Load)
    with pytest.raises(TypeError, match=r"^a Fetch"):
        steps.send(None)
