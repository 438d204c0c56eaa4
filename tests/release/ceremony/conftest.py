"""A desk whose first ceremonies were held."""

from pathlib import Path

import pytest
from tests.release.ceremony.stage import Stage

from firmhold.release.adapters.folder import FolderDesk


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A domain that has begun."""
    return Stage(FolderDesk(tmp_path / "desk")).begin()
