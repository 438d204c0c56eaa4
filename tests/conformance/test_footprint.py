"""What the command loads: little, and nothing of other places."""

import subprocess
import sys

import pytest

from firmhold.sim.suite import SimSuite

PROGRAM = """
import sys
from firmhold.cli import main
status = main(sys.argv[1:])
print(*sorted(sys.modules), sep="\\n")
sys.exit(status)
"""
FOREIGN = [
    "firmhold.drill",
    "firmhold.release",
    "firmhold.signing",
    "firmhold.sim",
    "asyncio",
    "requests",
    "rich",
    "sqlite3",
    "tuf.ngclient",
    "typer",
    "urllib3",
]


@pytest.fixture
def loaded(suite: SimSuite) -> list[str]:
    """The modules of a process that has downloaded a target."""
    suite.repository.add_target("targets", "a.bin", b"a")
    suite.repository.release("targets")
    ran = subprocess.run(  # noqa: S603 - the command under test
        [sys.executable, "-c", PROGRAM, "tuf-client", *suite.client.downloading("a.bin")],
        env=suite.client.everything_set(),
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout.splitlines()


def test_the_client_loads_nothing_of_other_places(loaded: list[str]) -> None:
    """A device that runs the client loads no desk, no signing, no simulator, no second client."""
    assert "firmhold.interop.client" in loaded
    foreign = [
        module
        for module in loaded
        if any(module == name or module.startswith(f"{name}.") for name in FOREIGN)
    ]
    assert foreign == []
