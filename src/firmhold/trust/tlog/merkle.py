"""Merkle trees of RFC 9162, section 2.1: root hash, inclusion proofs and consistency proofs.

A leaf is hashed as `SHA-256(0x00 ‖ data)`, a node as `SHA-256(0x01 ‖ left ‖ right)`, so neither
can stand for the other. Functions take leaf *hashes* (32 bytes); `hash_leaf` makes one.

Verification answers True or False and never raises on hostile input: the caller names the code.
"""

import hashlib
from collections.abc import Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256().digest()


def hash_leaf(data: bytes) -> bytes:
    """Return the leaf hash of `data` (2.1.1)."""
    return hashlib.sha256(b"\x00" + data).digest()


def hash_node(left: bytes, right: bytes) -> bytes:
    """Return the hash of the node above two hashes (2.1.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_hash(leaves: Sequence[bytes]) -> bytes:
    """Return the root hash of a tree over leaf hashes (2.1.1)."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    split = _largest_power_below(len(leaves))
    return hash_node(root_hash(leaves[:split]), root_hash(leaves[split:]))


def inclusion_proof(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Return the audit path of the leaf at `index`, which must lie in the tree (2.1.3.1)."""
    if len(leaves) == 1:
        return []
    split = _largest_power_below(len(leaves))
    if index < split:
        return [*inclusion_proof(index, leaves[:split]), root_hash(leaves[split:])]
    return [*inclusion_proof(index - split, leaves[split:]), root_hash(leaves[:split])]


def proves_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Tell whether `proof` shows `leaf` at `index` of the tree of `size` with `root` (2.1.3.2)."""
    if not 0 <= index < size:
        return False
    position, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False  # longer than any path in this tree
        if position & 1 or position == last:
            found = hash_node(sibling, found)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            found = hash_node(found, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and found == root


def consistency_proof(older: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Return the proof that the first `older` leaves (1 … all) are the older tree (2.1.4.1)."""
    return _subproof(older, leaves, whole=True)


def proves_consistency(
    older: int, newer: int, proof: Sequence[bytes], older_root: bytes, newer_root: bytes
) -> bool:
    """Tell whether `proof` shows that the tree of `newer` leaves only appended (2.1.4.2)."""
    if older == newer and older > 0:
        return not proof and older_root == newer_root
    if not 0 < older < newer or not proof:
        return False
    path = list(proof) if older & (older - 1) else [older_root, *proof]
    position, last = older - 1, newer - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    found_older = found_newer = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False  # longer than any path in this tree
        if position & 1 or position == last:
            found_older = hash_node(sibling, found_older)
            found_newer = hash_node(sibling, found_newer)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            found_newer = hash_node(found_newer, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and found_older == older_root and found_newer == newer_root


def _subproof(older: int, leaves: Sequence[bytes], *, whole: bool) -> list[bytes]:
    """Prove the older tree within `leaves`; `whole`: the older root is the verifier's own."""
    if older == len(leaves):
        return [] if whole else [root_hash(leaves)]
    split = _largest_power_below(len(leaves))
    if older <= split:
        return [*_subproof(older, leaves[:split], whole=whole), root_hash(leaves[split:])]
    below = _subproof(older - split, leaves[split:], whole=False)
    return [*below, root_hash(leaves[:split])]


def _largest_power_below(size: int) -> int:
    """The largest power of two smaller than `size` (at least 2): where a tree is split."""
    return 1 << (size - 1).bit_length() - 1
