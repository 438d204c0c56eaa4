"""Bytes thrown at every parser, and lines broken to see whether a test notices."""
