"""Sockets are closed to all tests but those in the folders that are about the wire."""

from pathlib import Path

import pytest

ON_THE_WIRE = frozenset({"attacks", "conformance", "contracts", "drill", "world"})
"""Folders of tests that may open sockets, to loopback only."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Allow loopback where the folder's name says that the test needs a wire."""
    tests = Path(__file__).parent
    for item in items:
        if item.path.relative_to(tests).parts[0] in ON_THE_WIRE:
            item.add_marker(pytest.mark.allow_hosts(["127.0.0.1"]))
