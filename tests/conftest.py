"""Sockets are closed to all tests but those in the folders that are about the wire."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from _pytest.terminal import TerminalReporter

from firmhold.sim.postgresql import Cluster
from firmhold.sim.tpm import SimMaker, SimTpm

ON_THE_WIRE = frozenset({"attacks", "conformance", "contracts", "drill", "path", "world"})
"""Folders of tests that may open sockets, to loopback only."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Allow loopback where the folder's name says that the test needs a wire."""
    tests = Path(__file__).parent
    for item in items:
        if item.path.relative_to(tests).parts[0] in ON_THE_WIRE:
            item.add_marker(pytest.mark.allow_hosts(["127.0.0.1"]))


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server with the roles of a fleet server, for all tests of this process."""
    with Cluster() as made:
        yield made


@pytest.fixture(scope="session")
def maker(tmp_path_factory: pytest.TempPathFactory) -> SimMaker:
    """Who makes TPMs; the packages are of requirements/debian.txt."""
    return SimMaker(tmp_path_factory.mktemp("maker"))


@pytest.fixture(scope="session")
def tpm(maker: SimMaker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimTpm]:
    """A TPM that is on, and that its maker has certified."""
    made = maker.make(tmp_path_factory.mktemp("tpm")).power_on()
    yield made
    made.power_off()


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Have a figure that a test has counted printed at the end of the run."""
    return lambda text: record_property("figure", text)


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Print the figures of the tests that passed."""
    reports = terminalreporter.stats.get("passed", [])
    figures = sorted(
        str(text) for report in reports for name, text in report.user_properties if name == "figure"
    )
    if figures:
        terminalreporter.section("figures")
        for text in figures:
            terminalreporter.write_line(text)
