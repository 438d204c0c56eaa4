"""The command, called within the process, with a network: the same as from a shell."""

import pytest

from firmhold.interop.tuf_client import main
from firmhold.sim.suite import SimSuite


def test_refresh_and_download_within_the_process(
    suite: SimSuite, capsys: pytest.CaptureFixture[str]
) -> None:
    """The function that the command calls does what the command does."""
    suite.repository.add_target("targets", "a.bin", b"a")
    suite.repository.release("targets")

    assert main(suite.client.refreshing()) == 0
    assert suite.client.downloaded() == {}
    assert main(suite.client.downloading("a.bin")) == 0

    assert suite.client.downloaded() == {"a.bin": b"a"}
    assert capsys.readouterr().out == f"{suite.client.targets / 'a.bin'}\n"


def test_a_refusal_within_the_process(suite: SimSuite, capsys: pytest.CaptureFixture[str]) -> None:
    """A refusal is a status and two lines, never an exception."""
    suite.repository.lie("timestamp", b"[]")

    assert main(suite.client.refreshing()) == 1

    assert capsys.readouterr().err.startswith("refused: tuf.shape: ")
