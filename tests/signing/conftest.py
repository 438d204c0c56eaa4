"""Key files: making one costs scrypt's time, so they are made once."""

from pathlib import Path

import pytest

from firmhold.signing.file import FileSigner


@pytest.fixture(scope="session")
def passphrase() -> str:
    """The passphrase of the key file."""
    return "correct horse"


@pytest.fixture(scope="session")
def key_file(tmp_path_factory: pytest.TempPathFactory, passphrase: str) -> Path:
    """An encrypted key file that tests may read and not change."""
    path = tmp_path_factory.mktemp("keys") / "holder.pem"
    FileSigner.create(path, passphrase)
    return path
