"""Versions for people have no order; counters and agents have nothing else."""

from operator import lt

import pytest

from firmhold.update.version import (
    AgentVersion,
    ReleaseVersion,
    read_agent_version,
    read_release_version,
)


@pytest.mark.parametrize("text", ["1", "1.4.2", "2026.11-rc1", "v3+build.7~x", "a" * 64])
def test_a_release_version_is_what_people_write(text: str) -> None:
    """A version of a release reads back as it was written."""
    version = read_release_version(text)
    assert version == ReleaseVersion(text)
    assert str(version) == text


@pytest.mark.parametrize(
    "text",
    ["", ".1", "-1", "1 2", "1/2", "1\n", "\u0661", "a" * 65],
    ids=["empty", "dot", "dash", "space", "slash", "line break", "foreign digit", "long"],
)
def test_what_cannot_stand_in_a_name_is_no_release_version(text: str) -> None:
    """A version that would not survive a file name or a line of a log is none."""
    assert read_release_version(text) is None


def test_release_versions_have_no_order() -> None:
    """Nobody can ask which of two release versions is the newer one."""
    with pytest.raises(TypeError):
        lt(ReleaseVersion("1.9"), ReleaseVersion("1.10"))  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["0.0.0", "1.10.2", "999999.0.1"])
def test_an_agent_version_reads_back_as_it_was_written(text: str) -> None:
    """An agent's version has one spelling."""
    assert str(read_agent_version(text)) == text


@pytest.mark.parametrize(
    "text", ["", "1", "1.2", "1.2.3.4", "01.2.3", "1.2.-3", "1.2.3\n", "1000000.0.0", "\u0661.2.3"]
)
def test_what_is_not_three_numbers_is_no_agent_version(text: str) -> None:
    """An agent's version is three numbers without leading zeros and nothing else."""
    assert read_agent_version(text) is None


def test_agent_versions_are_ordered_as_numbers() -> None:
    """The tenth minor version comes behind the ninth."""
    assert AgentVersion(1, 9, 9) < AgentVersion(1, 10, 0) < AgentVersion(2, 0, 0)
