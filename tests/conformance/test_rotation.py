"""Keys are replaced, thresholds move, and the client follows as far as signatures reach."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from securesystemslib.signer import CryptoSigner

from firmhold.sim.suite import SimSuite

KEYS = [CryptoSigner.generate_ed25519() for _ in range(10)]


@dataclass(frozen=True)
class Version:
    """Who may sign, how many must, and who did: positions in `KEYS`."""

    keys: Sequence[int]
    threshold: int
    signed: Sequence[int]


FIVE = (0, 1, 2, 3, 4)
CHAINS: dict[str, tuple[list[Version], int]] = {
    # the versions of root, and how many of them the client takes
    "replaced": ([Version([1], 1, [1]), Version([2], 1, [2, 1]), Version([2], 1, [2])], 3),
    "replaced-among-strangers": (
        [Version([1], 1, [3, 1, 4]), Version([2], 1, [3, 2, 1, 4]), Version([2], 1, [3, 2, 4])],
        3,
    ),
    "three-of-five-in-turns": (
        [Version(FIVE, 3, [0, 2, 4]), Version(FIVE, 3, [0, 4, 1]), Version(FIVE, 3, [1, 3, 2])],
        3,
    ),
    "one-of-five-replaced": (
        [Version(FIVE, 3, [0, 2, 4]), Version([0, 1, 3, 4, 5], 3, [0, 4, 1])],
        2,
    ),
    "all-of-five-replaced": (
        [
            Version(FIVE, 3, [0, 2, 4]),
            Version([5, 6, 7, 8, 9], 3, [0, 2, 4, 5, 6, 7]),
            Version([5, 6, 7, 8, 9], 3, [5, 6, 7]),
        ],
        3,
    ),
    "threshold-raised": ([Version([1, 2, 3], 1, [1]), Version([1, 2, 3], 2, [1, 2])], 2),
    "threshold-lowered": (
        [
            Version([1, 2, 3], 2, [1, 2]),
            Version([1, 2, 3], 1, [1, 2]),
            Version([1, 2, 3], 1, [1]),
        ],
        3,
    ),
    "key-and-threshold-added": ([Version([1], 1, [1]), Version([1, 2], 2, [1, 2])], 2),
    "not-by-the-old-key": ([Version([1], 1, [1]), Version([2], 1, [2, 3, 4])], 1),
    "not-by-the-new-key": ([Version([1], 1, [1]), Version([2], 1, [1, 3, 4])], 1),
    "too-few-of-the-new": (
        [Version(FIVE, 3, [0, 2, 4]), Version([0, 1, 3, 4, 5], 3, [0, 2, 4])],
        1,
    ),
    "too-few-of-the-old": (
        [Version(FIVE, 3, [0, 2, 4]), Version([0, 1, 3, 4, 5], 3, [0, 4, 5])],
        1,
    ),
    "raised-threshold-not-met": ([Version([1, 2, 3], 1, [1]), Version([1, 2, 3], 2, [2])], 1),
    "old-threshold-not-met": ([Version([1, 2, 3], 2, [1, 2]), Version([1, 2, 3], 1, [1])], 1),
    "a-bad-link-ends-the-chain": (
        [
            Version([1], 1, [1]),
            Version([1], 1, [1]),
            Version([2], 1, [2]),
            Version([2], 1, [2]),
        ],
        2,
    ),
}


def set_keys(suite: SimSuite, role: str, version: Version) -> None:
    """Give a role keys, a threshold and signatures, from the next publication on."""
    rule = suite.repository.root.roles[role]
    rule.keyids.clear()
    for position in version.keys:
        suite.repository.root.add_key(KEYS[position].public_key, role)
    rule.threshold = version.threshold
    suite.repository.signers[role] = [KEYS[position] for position in version.signed]


@pytest.mark.parametrize("case", CHAINS)
def test_roots_are_followed_as_far_as_both_sides_signed(
    tmp_path_factory: pytest.TempPathFactory, case: str
) -> None:
    """From root to root the client walks on until one is not signed by its own and the last one."""
    versions, taken = CHAINS[case]
    with SimSuite(tmp_path_factory.mktemp("chain")) as suite:
        suite.repository.root.version = 0
        roots = []
        for version in versions:
            set_keys(suite, "root", version)
            suite.repository.publish("root")
            roots.append(suite.repository.published["root"])
        assert suite.client.init(roots[0]) == 0

        assert suite.client.refresh() == (0 if taken == len(versions) else 1)

        assert suite.client.trusted()["root.json"] == roots[taken - 1]


BELOW = {
    "replaced": (Version([2], 1, [2]), 0),
    "among-strangers": (Version([1], 1, [3, 1, 4]), 0),
    "not-by-the-new-key": (Version([2], 1, [1, 3, 4]), 1),
    "one-of-three-is-a-stranger": (Version([0, 1, 3, 4, 5], 3, [0, 2, 4]), 1),
    "one-is-missing": (Version([0, 1, 3, 4, 5], 3, [0, 4]), 1),
    "three-of-five": (Version(FIVE, 3, [0, 2, 4]), 0),
    "another-three-of-five": (Version(FIVE, 3, [1, 2, 3]), 0),
    "all-five": (Version(FIVE, 5, [4, 3, 2, 1, 0]), 0),
}


@pytest.mark.slow
@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
@pytest.mark.parametrize("case", BELOW)
def test_roles_below_root_follow_it_at_once(suite: SimSuite, case: str, role: str) -> None:
    """A role signed as the newest root asks is taken, and one that is not is not."""
    version, status = BELOW[case]
    assert suite.client.refresh() == 0
    set_keys(suite, role, version)
    suite.repository.publish("root", "targets", "snapshot", "timestamp")

    assert suite.client.refresh() == status

    taken = suite.client.trusted().get(f"{role}.json") == suite.repository.published[role]
    assert taken == (status == 0)
    assert suite.client.trusted()["root.json"] == suite.repository.published["root"]


def test_a_long_chain_of_roots_is_walked_in_one_run(suite: SimSuite) -> None:
    """Forty rotations of every key, most of the roots expired long ago, end at the fortieth."""
    present = suite.repository.root.expires
    for number in range(40):
        last = number == 39
        suite.repository.root.expires = present if last else present.replace(year=2020)
        retired = suite.repository.rotate("root")
        for role in ("timestamp", "snapshot", "targets"):
            suite.repository.rotate(role)
        suite.repository.signers["root"] += retired
        suite.repository.publish("root")
        suite.repository.signers["root"] = suite.repository.signers["root"][:1]
    suite.repository.release("targets")

    assert suite.client.refresh() == 0

    assert suite.client.trusted()["root.json"] == suite.repository.published["root"]
    roots = [f"/metadata/{version}.root.json" for version in range(2, 43)]
    assert suite.network.requests[:41] == roots
    assert suite.network.requests[41] == "/metadata/timestamp.json"


def test_a_rotation_in_use_forgets_what_the_old_keys_said(suite: SimSuite) -> None:
    """After new timestamp and snapshot keys, lower versions are taken again (5.3.11)."""
    suite.repository.snapshot.version = 99_998
    suite.repository.timestamp.version = 98
    suite.repository.targets().version = 9
    suite.repository.release("targets")
    assert suite.client.refresh() == 0

    suite.repository.rotate("timestamp")
    suite.repository.rotate("snapshot")
    for role in ("timestamp", "snapshot", "targets"):
        suite.repository.roles[role].version = 1
    suite.repository.publish("root")
    suite.repository.release("targets")

    assert suite.client.refresh() == 0
    published = suite.repository.published
    assert suite.client.trusted() == {f"{role}.json": published[role] for role in published}
