"""Merkle trees of RFC 9162: what is proved is so, and nothing else can be proved."""

import hashlib
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmhold.trust.tlog.merkle import (
    EMPTY_ROOT,
    consistency_proof,
    hash_leaf,
    hash_node,
    inclusion_proof,
    proves_consistency,
    proves_inclusion,
    root_hash,
)

MOST = 33
LEAVES = [hash_leaf(bytes([n])) for n in range(MOST)]


def test_hashes_are_those_of_the_standard() -> None:
    """Leaves and nodes are told apart by their first byte, and the empty tree has a hash."""
    assert hash_leaf(b"x") == hashlib.sha256(b"\x00x").digest()
    assert hash_node(b"l", b"r") == hashlib.sha256(b"\x01lr").digest()
    assert root_hash([]) == EMPTY_ROOT == hashlib.sha256(b"").digest()
    assert root_hash(LEAVES[:1]) == LEAVES[0]


def test_trees_are_split_at_the_largest_power_of_two() -> None:
    """A tree of seven leaves has the shape of the standard's own example (2.1.5)."""
    d = LEAVES[:7]
    left = hash_node(hash_node(d[0], d[1]), hash_node(d[2], d[3]))
    right = hash_node(hash_node(d[4], d[5]), d[6])
    assert root_hash(d) == hash_node(left, right)
    assert inclusion_proof(6, d) == [hash_node(d[4], d[5]), left]
    assert consistency_proof(3, d) == [d[2], d[3], hash_node(d[0], d[1]), right]


@pytest.mark.parametrize("size", range(1, MOST + 1))
def test_every_leaf_is_proved_at_its_place_and_at_no_other(size: int) -> None:
    """The proof of each leaf of each tree holds for its index only."""
    leaves = LEAVES[:size]
    root = root_hash(leaves)
    for index in range(size):
        proof = inclusion_proof(index, leaves)
        for other in range(size):
            held = proves_inclusion(leaves[index], other, size, proof, root)
            assert held is (other == index)


@pytest.mark.parametrize("size", range(1, MOST + 1))
def test_every_older_tree_is_proved_and_no_other_size(size: int) -> None:
    """The proof of each older tree within each newer one holds for those sizes only."""
    leaves = LEAVES[:size]
    root = root_hash(leaves)
    for older in range(1, size + 1):
        proof, older_root = consistency_proof(older, leaves), root_hash(leaves[:older])
        assert proves_consistency(older, size, proof, older_root, root)
        for other in range(size + 1):
            if other != older:
                assert not proves_consistency(other, size, proof, older_root, root)


@pytest.mark.parametrize("index", [-1, 5, 6], ids=["below", "at the end", "beyond"])
def test_a_leaf_outside_the_tree_is_never_proved(index: int) -> None:
    """An index outside the tree is refused, whatever the proof."""
    leaves = LEAVES[:5]
    assert not proves_inclusion(leaves[0], index, 5, [], root_hash(leaves))


@given(size=st.integers(2, MOST), data=st.data())
def test_a_bent_inclusion_proof_proves_nothing(size: int, data: st.DataObject) -> None:
    """A proof that lacks, repeats or changes a hash, or proves another leaf, does not hold."""
    leaves = LEAVES[:size]
    index = data.draw(st.integers(0, size - 1))
    proof, root = inclusion_proof(index, leaves), root_hash(leaves)
    at = data.draw(st.integers(0, len(proof) - 1))
    for bent in (
        proof[:at] + proof[at + 1 :],
        proof[: at + 1] + proof[at:],
        [*proof[:at], os.urandom(32), *proof[at + 1 :]],
        [*proof, os.urandom(32)],
    ):
        assert not proves_inclusion(leaves[index], index, size, bent, root)
    assert not proves_inclusion(os.urandom(32), index, size, proof, root)
    assert not proves_inclusion(leaves[index], index, size, proof, os.urandom(32))


@given(size=st.integers(2, MOST), data=st.data())
def test_a_bent_consistency_proof_proves_nothing(size: int, data: st.DataObject) -> None:
    """A proof that lacks, repeats or changes a hash, or another root, does not hold."""
    leaves = LEAVES[:size]
    older = data.draw(st.integers(1, size - 1))
    proof = consistency_proof(older, leaves)
    older_root, root = root_hash(leaves[:older]), root_hash(leaves)
    at = data.draw(st.integers(0, len(proof) - 1))
    for bent in (
        proof[:at] + proof[at + 1 :],
        proof[: at + 1] + proof[at:],
        [*proof[:at], os.urandom(32), *proof[at + 1 :]],
        [*proof, os.urandom(32)],
    ):
        assert not proves_consistency(older, size, bent, older_root, root)
    assert not proves_consistency(older, size, proof, os.urandom(32), root)
    assert not proves_consistency(older, size, proof, older_root, os.urandom(32))


def test_the_same_tree_needs_no_proof_and_takes_none() -> None:
    """A tree is consistent with itself by its root alone."""
    root = root_hash(LEAVES)
    assert proves_consistency(MOST, MOST, [], root, root)
    assert not proves_consistency(MOST, MOST, [root], root, root)
    assert not proves_consistency(MOST, MOST, [], root, os.urandom(32))
    assert not proves_consistency(0, 0, [], EMPTY_ROOT, EMPTY_ROOT)
