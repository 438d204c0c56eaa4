"""Uptane: two repositories must agree before a component takes an image (standard 2.1, 5.4)."""
