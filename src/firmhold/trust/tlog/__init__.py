"""Transparency: Merkle trees, checkpoints and what proves that something was recorded."""
