"""Runs that are killed, run at the same time, or run out of disk."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import pytest

from firmhold.sim.network import Answer, Line, Trickle
from firmhold.sim.suite import SimSuite

Process = subprocess.Popen[bytes]
Start = Callable[..., Process]
PATIENCE = 30.0
"""Seconds: an end to waiting for something that happens at once, or is broken."""


@dataclass
class Kill:
    """A wire on which the client dies: at the request, or when half of the file is on its way."""

    watched: Path | None = None
    victim: Process | None = None
    known: Event = field(default_factory=Event)

    def carry(self, answer: Answer, send: Line) -> None:
        """Kill; if a folder is watched, not before an unfinished file stands in it."""
        assert self.known.wait(PATIENCE)
        assert self.victim is not None
        if self.watched is not None:
            send.head(200, {"Content-Length": str(len(answer.body))})
            send.body(answer.body[: len(answer.body) // 2])
            end = time.monotonic() + PATIENCE
            while not list(self.watched.glob("*.part")) and time.monotonic() < end:
                os.sched_yield()
        self.victim.send_signal(signal.SIGKILL)

    def await_death(self, victim: Process) -> int:
        """Name the victim; return how it ended."""
        self.victim = victim
        self.known.set()
        return victim.wait(PATIENCE)


@pytest.fixture
def start(suite: SimSuite) -> Iterator[Start]:
    """Start the command without waiting for it, through a shell that may limit it first."""
    with ExitStack() as stack:

        def run(*arguments: str, limit: str = ":") -> Process:
            process = subprocess.Popen(  # noqa: S603 - the command under test
                ["/bin/sh", "-c", f'{limit}; exec "$@"', "sh", *suite.client.program, *arguments],
                env=suite.client.everything_set(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
            stack.enter_context(process)
            return process

        yield run


MOMENTS = [
    "*/2.root.json",
    "*/3.root.json",
    "*/4.root.json",
    "*/timestamp.json",
    "*.snapshot.json",
    "*.targets.json",
    "*.A.json",
    "/targets/*",
]


def two_releases(suite: SimSuite) -> set[bytes]:
    """Let the client have one release, publish the next with two roots; return all metadata."""
    published = suite.repository.published
    suite.repository.delegate("A", paths=["a.bin"])
    suite.repository.add_target("A", "a.bin", b"old")
    suite.repository.release("A", "targets")
    assert suite.client.download("a.bin") == 0
    everything = set(published.values())
    suite.repository.rotate("timestamp")
    for _ in range(2):
        suite.repository.publish("root")
        everything.add(published["root"])
    suite.repository.add_target("A", "a.bin", b"new")
    suite.repository.release("A", "targets")
    return everything | set(published.values())


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_run_that_was_killed_is_finished_by_the_next(
    suite: SimSuite, start: Start, moment: str
) -> None:
    """Killed between any two steps, the client stands on whole steps and goes on from there."""
    everything = two_releases(suite)

    kill = Kill()
    suite.network.on(moment, kill)
    assert kill.await_death(start(*suite.client.downloading("a.bin"))) == -signal.SIGKILL

    assert set(suite.client.trusted().values()) <= everything
    assert suite.client.downloaded() == {"a.bin": b"old"}

    suite.network.calm()
    assert suite.client.download("a.bin") == 0
    assert suite.client.downloaded() == {"a.bin": b"new"}
    published = suite.repository.published
    assert suite.client.trusted() == {f"{role}.json": data for role, data in published.items()}


def test_a_download_that_was_killed_leaves_nothing_under_a_finished_name(
    suite: SimSuite, start: Start
) -> None:
    """Killed in the middle of a file, the client has only an unfinished one, and tidies it up."""
    suite.repository.add_target("targets", "a.bin", bytes(200_000))
    suite.repository.release("targets")

    kill = Kill(suite.client.targets)
    suite.network.on("/targets/*", kill)
    assert kill.await_death(start(*suite.client.downloading("a.bin"))) == -signal.SIGKILL
    assert [name.endswith(".part") for name in suite.client.downloaded()] == [True]

    suite.network.calm()
    assert suite.client.download("a.bin") == 0
    assert suite.client.downloaded() == {"a.bin": bytes(200_000)}


def test_what_a_cut_run_left_unfinished_is_not_read(suite: SimSuite) -> None:
    """Leftovers of every file stand in both folders: the next run neither uses nor keeps them."""
    suite.repository.add_target("targets", "a.bin", b"a")
    suite.repository.release("targets")
    suite.client.targets.mkdir()
    for role in suite.repository.published:
        (suite.client.metadata / f"{role}.json.part").write_bytes(b"torn")
    (suite.client.targets / "a.bin+.part").write_bytes(b"torn")
    suite.repository.publish("root")

    assert suite.client.download("a.bin") == 0

    published = suite.repository.published
    assert suite.client.trusted() == {f"{role}.json": data for role, data in published.items()}
    assert suite.client.downloaded() == {"a.bin": b"a"}


def test_runs_at_the_same_time_take_turns(suite: SimSuite, start: Start) -> None:
    """Six clients begin at once in one folder: all succeed, and the folder is whole."""
    suite.repository.add_target("targets", "a.bin", b"a" * 1000)
    suite.repository.publish("root")
    suite.repository.release("targets")

    runs = [start(*suite.client.downloading("a.bin")) for _ in range(6)]
    assert [run.wait(PATIENCE) for run in runs] == [0] * 6

    published = suite.repository.published
    assert suite.client.trusted() == {f"{role}.json": data for role, data in published.items()}
    assert suite.client.downloaded() == {"a.bin": b"a" * 1000}


def test_two_clients_that_share_a_folder_of_targets_do_not_finish_for_each_other(
    suite: SimSuite, start: Start, tmp_path: Path
) -> None:
    """Two clients fetch one slow file into one folder: each file under a finished name is whole."""
    suite.repository.add_target("targets", "a.bin", b"slow" * 50)
    suite.repository.release("targets")
    suite.network.on("/targets/*", Trickle(pause_seconds=0.002))
    root = str(suite.repository.metadata_place("root", 1))
    runs = []
    for number in range(3):
        own = str(tmp_path / f"metadata-{number}")
        assert suite.client.run("--metadata-dir", own, "init", root).status == 0
        arguments = suite.client.downloading("a.bin")
        arguments[arguments.index("--metadata-dir") + 1] = own
        runs.append(start(*arguments))

    while any(run.poll() is None for run in runs):
        finished = suite.client.targets / "a.bin"
        assert not finished.exists() or finished.read_bytes() == b"slow" * 50
        os.sched_yield()

    assert [run.wait(PATIENCE) for run in runs] == [0] * 3
    assert suite.client.downloaded() == {"a.bin": b"slow" * 50}


def test_a_disk_that_is_full_of_metadata_changes_nothing(suite: SimSuite, start: Start) -> None:
    """Not a byte can be written: the old metadata stand, and no torn file beside them."""
    assert suite.client.refresh() == 0
    before = suite.client.trusted()
    suite.repository.publish("root")
    suite.repository.release("targets")

    run = start(*suite.client.refreshing(), limit="ulimit -f 0")
    _, errors = run.communicate(timeout=PATIENCE)

    assert run.returncode == 1
    assert b"store.io" in errors
    assert suite.client.trusted() == before

    assert suite.client.refresh() == 0


def test_a_disk_that_fills_up_in_the_middle_of_a_file_keeps_the_old_one(
    suite: SimSuite, start: Start
) -> None:
    """The image is larger than what is left of the disk: the old image stands as it was."""
    suite.repository.add_target("targets", "a.bin", b"old")
    suite.repository.release("targets")
    assert suite.client.download("a.bin") == 0
    suite.repository.add_target("targets", "a.bin", bytes(500_000))
    suite.repository.release("targets")
    assert suite.client.refresh() == 0

    run = start(*suite.client.downloading("a.bin"), limit="ulimit -f 100")
    _, errors = run.communicate(timeout=PATIENCE)

    assert run.returncode == 1
    assert b"store.io" in errors
    assert suite.client.downloaded() == {"a.bin": b"old"}

    assert suite.client.download("a.bin") == 0
    assert suite.client.downloaded() == {"a.bin": bytes(500_000)}
