"""Key files, tokens and a TPM: what costs time is made once."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from firmhold.signing.file import FileSigner
from firmhold.sim.token import SimTokens, softhsm_module

PIN = "271828"


@dataclass(frozen=True)
class Known:
    """Knows one passphrase and one PIN."""

    secret: str = "correct horse"  # noqa: S105 - opens keys of this run
    number: str = PIN

    def passphrase(self, _key: str) -> str:
        """Return the passphrase of a file."""
        return self.secret

    def pin(self, _key: str) -> str:
        """Return the PIN of a token or a TPM key."""
        return self.number


@pytest.fixture(scope="session")
def passphrase() -> str:
    """The passphrase of the key file."""
    return Known().secret


@pytest.fixture(scope="session")
def known() -> Known:
    """Somebody who knows the passphrase and the PIN."""
    return Known()


@pytest.fixture(scope="session")
def key_file(tmp_path_factory: pytest.TempPathFactory, passphrase: str) -> Path:
    """An encrypted key file that tests may read and not change."""
    path = tmp_path_factory.mktemp("keys") / "holder.pem"
    FileSigner.create(path, passphrase)
    return path


@pytest.fixture(scope="session")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> SimTokens:
    """SoftHSM2 with one token, `holder`; the package is one of requirements/debian.txt."""
    module = softhsm_module()
    assert module is not None, "softhsm2 is missing: run `make deps`"
    made = SimTokens.make(tmp_path_factory.mktemp("hsm"), module)
    made.add("holder", PIN)
    return made


@pytest.fixture(autouse=True)
def looking_here(request: pytest.FixtureRequest) -> None:
    """Other tests of this process have tokens in other folders."""
    if "tokens" in request.fixturenames:
        request.getfixturevalue("tokens").enter()
