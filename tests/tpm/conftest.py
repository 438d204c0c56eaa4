"""A TPM that its maker has certified; the packages are of requirements/debian.txt."""

from collections.abc import Iterator

import pytest

from firmhold.sim.tpm import SimMaker, SimTpm


@pytest.fixture(scope="session")
def other(maker: SimMaker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimTpm]:
    """Another TPM of the same maker, that is on."""
    made = maker.make(tmp_path_factory.mktemp("other")).power_on()
    yield made
    made.power_off()
