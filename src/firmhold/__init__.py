"""Firmhold: secure firmware updates, from the release desk to the attested boot."""

__version__ = "0.1.0"
