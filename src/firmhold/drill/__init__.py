"""Playable attacks and the demo, used by `make demo`, the tests and operators."""
