"""The command ends with 0 or with 1, whatever is thrown at it."""

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from firmhold.sim.network import Drop, Respond, Trickle, Wire
from firmhold.sim.suite import SimSuite

D, U, N, T, F = (
    "--metadata-dir",
    "--metadata-url",
    "--target-name",
    "--target-base-url",
    "--target-dir",
)
HERE = "http://127.0.0.1:9"

MISUSED: Mapping[str, Sequence[str]] = {
    "nothing": [],
    "no-command": [D, "d"],
    "unknown-command": [D, "d", "install"],
    "unknown-flag": [D, "d", "--insecure", "refresh"],
    "abbreviated-flag": ["--metadata-d", "d", "--metadata-u", HERE, "refresh"],
    "flag-without-a-value": [D],
    "init-without-a-root": [D, "d", "init"],
    "init-with-two-roots": [D, "d", "init", "a", "b"],
    "init-without-a-folder": ["init", "root.json"],
    "init-with-a-root-that-is-not-there": [D, "d", "init", "nowhere.json"],
    "init-with-a-folder-as-root": [D, "d", "init", "."],
    "refresh-without-a-url": [D, "d", "refresh"],
    "refresh-with-an-empty-url": [D, "d", U, "", "refresh"],
    "refresh-without-a-root": [D, "d", U, HERE, "refresh"],
    "refresh-with-too-much": [D, "d", U, HERE, "refresh", "now"],
    "flags-behind-the-command": ["refresh", D, "d", U, HERE],
    "download-without-a-name": [D, "d", U, HERE, T, HERE, F, "f", "download"],
    "download-without-a-base": [D, "d", U, HERE, N, "n", F, "f", "download"],
    "download-without-a-folder": [D, "d", U, HERE, N, "n", T, HERE, "download"],
    "download-without-a-root": [D, "d", U, HERE, N, "n", T, HERE, F, "f", "download"],
    "one-folder-for-both": [D, "d", U, HERE, N, "n", T, HERE, F, "d", "download"],
}


@pytest.mark.parametrize("case", MISUSED)
def test_a_wrong_call_ends_with_one_and_says_why(
    suite: SimSuite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    """Every misuse has a line, a line of advice, status 1, and changes nothing."""
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)

    ran = suite.client.run(*MISUSED[case])

    assert ran.status == 1
    assert ran.output == ""
    assert len(ran.errors.splitlines()) == 2
    assert "Traceback" not in ran.errors
    assert not [file for file in empty.rglob("*") if file.is_file()]
    assert suite.network.requests == []


@pytest.mark.parametrize("arguments", [["-h"], ["--help"], ["init", "--help"]], ids=" ".join)
def test_help_is_no_failure(suite: SimSuite, arguments: Sequence[str]) -> None:
    """Who asks for help gets it, with status 0."""
    ran = suite.client.run(*arguments)

    assert (ran.status, ran.errors) == (0, "")
    assert "usage: firmhold tuf-client" in ran.output


PLACES = {
    "a-file-stands-there": "taken",
    "below-a-file": "taken/below",
    "below-a-device": "/dev/null/below",
    "a-device": "/dev/null",
    "where-nobody-may-write": "/proc/firmhold",
    "too-long": "x" * 300,
}


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("command", ["init", "refresh", "download"])
def test_a_folder_that_cannot_be_had_ends_with_one(
    suite: SimSuite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, place: str
) -> None:
    """A folder that cannot be made or read is reported in plain words."""
    monkeypatch.chdir(tmp_path)
    Path("taken").write_bytes(b"")
    suite.repository.add_target("targets", "a.bin", b"a")
    suite.repository.release("targets")
    arguments = {
        "init": [D, PLACES[place], "init", str(suite.repository.metadata_place("root", 1))],
        "refresh": suite.client.refreshing(),
        "download": suite.client.downloading("a.bin"),
    }[command]
    flag = F if command == "download" else D
    arguments[arguments.index(flag) + 1] = PLACES[place]

    ran = suite.client.run(*arguments)

    assert ran.status == 1
    assert "Traceback" not in ran.errors
    assert Path("taken").read_bytes() == b""


WIRES: Mapping[str, Wire] = {
    "hang-up": Drop(),
    "hang-up-in-the-middle": Drop(10),
    "redirect": Respond(302, {"Location": "/elsewhere"}),
    "server-error": Respond(500),
    "packed": Respond(200, {"Content-Encoding": "gzip"}),
    "broken-length": Respond(200, {"Content-Length": "many"}),
    "negative-length": Respond(200, {"Content-Length": "-1"}),
    "broken-chunks": Respond(200, {"Transfer-Encoding": "chunked"}),
}


@pytest.mark.slow
@pytest.mark.parametrize("place", ["*/2.root.json", "*.targets.json"])
@pytest.mark.parametrize("wire", WIRES)
def test_a_bad_wire_ends_with_zero_or_one(suite: SimSuite, wire: str, place: str) -> None:
    """Whatever the network does, the status is 0 or 1 and no traceback is seen."""
    suite.network.on(place, WIRES[wire])

    status = suite.client.refresh()

    assert status in {0, 1}
    assert suite.client.last is not None
    assert "Traceback" not in suite.client.last.errors
    complete = set(suite.client.trusted()) == {
        f"{role}.json" for role in suite.repository.published
    }
    assert complete == (status == 0)


def closed_pipe() -> int:
    """The writing end of a pipe whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def full_disk() -> int:
    """A place that takes not one byte."""
    return os.open("/dev/full", os.O_WRONLY)


@pytest.mark.parametrize("place", [closed_pipe, full_disk], ids=["closed-pipe", "full-disk"])
@pytest.mark.parametrize("command", ["download", "refresh", "help"])
def test_an_output_that_takes_nothing_ends_with_zero_or_one(
    suite: SimSuite, place: Callable[[], int], command: str
) -> None:
    """Where the path of a file cannot be told the run has failed, and it ends with 1, not more."""
    suite.repository.add_target("targets", "a.bin", b"a")
    suite.repository.release("targets")
    arguments = {
        "download": suite.client.downloading("a.bin"),
        "refresh": suite.client.refreshing(),
        "help": ["--help"],
    }[command]
    descriptor = place()

    ran = subprocess.run(  # noqa: S603 - the command under test
        [*suite.client.program, *arguments],
        env=suite.client.everything_set(),
        stdout=descriptor,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(descriptor)

    assert ran.returncode == (0 if command == "refresh" else 1)
    assert b"Traceback" not in ran.stderr
    assert b"Exception ignored" not in ran.stderr


@pytest.mark.parametrize("stream", ["stdout", "stderr", "stdin"])
def test_a_missing_stream_is_borne_with(suite: SimSuite, stream: str) -> None:
    """A service that starts the command without a stream gets its work done."""
    suite.repository.add_target("targets", "a.bin", b"a")
    suite.repository.release("targets")
    arguments = suite.client.downloading("a.bin")
    number = {"stdin": 0, "stdout": 1, "stderr": 2}[stream]

    ran = subprocess.run(  # noqa: S603 - the command under test
        ["/bin/sh", "-c", f'exec "$@" {number}>&-', "sh", *suite.client.program, *arguments],
        env=suite.client.everything_set(),
        check=False,
        capture_output=True,
    )

    assert ran.returncode == 0
    assert suite.client.downloaded() == {"a.bin": b"a"}


@pytest.mark.slow
def test_a_server_that_trickles_ends_with_one(suite: SimSuite) -> None:
    """The command's own patience is short enough to see the end of it."""
    suite.network.on("*/timestamp.json", Trickle(pause_seconds=0.5, headers=True))

    assert suite.client.refresh() == 1
