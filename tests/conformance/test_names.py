"""Names of roles and of targets that are meant to be difficult."""

from urllib.parse import quote

import pytest

from firmhold.sim.suite import SimSuite

ROLES = ["?", "#", "/x", "../x", ".", "..", "ü", "a b", "%2e", "a\\b", "'\"", "1.root", "A" * 240]
TARGETS = ["?", "#", "/x", "../x", ".", "..", "ü/☃", "a b", "%2e%2e/x", "a\\b", "a//b", "-", "~x"]


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_asked_for_by_its_quoted_name(suite: SimSuite, role: str) -> None:
    """The request bears one quoted name, the folder one file more."""
    suite.repository.delegate(role)
    suite.repository.release(role, "targets")

    assert suite.client.download("nonexistent") == 1

    quoted = quote(role, safe="")
    assert suite.network.requests[-1] == f"/metadata/1.{quoted}.json"
    assert suite.client.trusted()[f"{quoted}.json"] == suite.repository.published[role]
    assert len(suite.client.trusted()) == 5


@pytest.mark.parametrize("path", TARGETS)
def test_a_target_lands_in_the_folder_whatever_it_is_called(suite: SimSuite, path: str) -> None:
    """A difficult target path is found, asked for below the base URL, and is one file."""
    suite.repository.add_target("targets", path, b"found")
    suite.repository.release("targets")

    assert suite.client.download(f"{path}") == 0

    assert list(suite.client.downloaded().values()) == [b"found"]
    request = suite.network.requests[-1]
    assert request.startswith("/targets/")
    assert ".." not in request.split("/")
    everything = {file.name for file in suite.client.folder.iterdir()}
    assert everything == {"metadata", "targets"}


def test_paths_that_differ_land_in_files_that_differ(suite: SimSuite) -> None:
    """Slashes, escapes and the like never make two targets share a file."""
    paths = ["a/b", "a%2Fb", "a%252Fb", "a\\b", "a b", "a+b", "a_b", "A/b"]
    for path in paths:
        suite.repository.add_target("targets", path, path.encode())
    suite.repository.release("targets")

    assert suite.client.download(*paths) == 0

    assert sorted(suite.client.downloaded().values()) == sorted(path.encode() for path in paths)


@pytest.mark.parametrize("path", ["", "a\x1b[2J", "\udcff"], ids=ascii)
def test_a_name_that_nobody_signed_for_is_refused_quietly(suite: SimSuite, path: str) -> None:
    """Names that are empty, steer terminals or are no text end with status 1 and plain words."""
    assert suite.client.download(path) == 1

    assert suite.client.last is not None
    errors = suite.client.last.errors
    assert errors.replace("\n", "").isprintable()
    assert "Traceback" not in errors


def test_text_from_the_wire_does_not_steer_the_terminal(suite: SimSuite) -> None:
    """What a server puts into a document or a header is shown with its control characters spelt."""
    suite.repository.lie("timestamp", b'{"\\u001b[2J": 1, "\\u001b[2J": 1}')
    assert suite.client.refresh() == 1
    assert suite.client.last is not None
    assert "\x1b" not in suite.client.last.errors

    suite.repository.lie(
        "timestamp", b'{"signatures": [], "signed": {"_type": "\\u001b]0;owned\\u0007"}}'
    )
    assert suite.client.refresh() == 1
    assert suite.client.last.errors.replace("\n", "").isprintable()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_folder_that_the_output_cannot_spell_is_no_failure(
    suite: SimSuite, encoding: str
) -> None:
    """Where the path of a file cannot be written as it is, it is written otherwise."""
    suite.repository.add_target("targets", "a.bin", b"a")
    suite.repository.release("targets")
    suite.client.environment = {**suite.client.environment, "PYTHONIOENCODING": encoding}
    suite.client.folder = suite.client.folder.rename(suite.client.folder.with_name("ü☃"))

    assert suite.client.run(*suite.client.downloading("a.bin")).errors == ""

    assert suite.client.downloaded() == {"a.bin": b"a"}
