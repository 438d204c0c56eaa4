"""The walls that a process puts around itself hold, for it and for whatever it starts."""

import subprocess
import sys
from pathlib import Path

import pytest

PREFACE = """
import os, socket, subprocess, sys
from pathlib import Path
from firmhold.device.adapters.walls import no_network, only

def outcome(act):
    try:
        act()
    except OSError as error:
        return type(error).__name__
    return "done"
"""


def walled(program: str, *arguments: str) -> list[str]:
    """What a process prints that has put walls around itself."""
    words = [sys.executable, "-c", PREFACE + program, *arguments]
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - own words
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_NETLINK", "AF_PACKET"])
def test_without_a_network_only_unix_sockets_are_opened(family: str) -> None:
    """The half that installs cannot reach anybody, whatever it is made to run."""
    program = """
no_network()
family = getattr(socket, sys.argv[1])
kind = socket.SOCK_RAW if sys.argv[1] in ("AF_NETLINK", "AF_PACKET") else socket.SOCK_STREAM
print(outcome(lambda: socket.socket(family, kind).close()))
print(outcome(lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).close()))
"""
    assert walled(program, family) == ["PermissionError", "done"]


def test_what_a_walled_process_starts_has_no_network_either() -> None:
    """A health check cannot do what its parent may not."""
    program = """
no_network()
ask = "import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM)"
found = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True)
print("PermissionError" in found.stderr)
"""
    assert walled(program) == ["True"]


def test_a_walled_process_writes_into_its_own_folder_alone(tmp_path: Path) -> None:
    """The half with the network reaches neither slots nor what the device remembers."""
    spool, state = tmp_path / "spool", tmp_path / "state"
    for folder in (spool, state):
        folder.mkdir()
        (folder / "old").write_text("was here")
    program = """
spool, state = map(Path, sys.argv[1:3])
only(reads=[Path(sys.prefix), Path("/usr"), Path("/lib")], writes=[spool])
print(outcome(lambda: (spool / "new").write_text("x")))
print(outcome(lambda: (spool / "old").read_text()))
print(outcome(lambda: (state / "old").read_text()))
print(outcome(lambda: (state / "old").write_text("x")))
print(outcome(lambda: (state / "new").write_text("x")))
print(outcome(lambda: (state / "old").unlink()))
print(outcome(lambda: os.truncate(state / "old", 0)))
print(outcome(lambda: os.rename(spool / "old", state / "moved")))
print(outcome(lambda: os.listdir(state)))
"""
    done, refused = "done", "PermissionError"
    found = walled(program, str(spool), str(state))
    assert found[:2] == [done, done]
    assert found[2:7] == [refused] * 5
    assert found[7] in {refused, "OSError"}  # EXDEV, by the rules of Landlock
    assert found[8] == refused
    assert (state / "old").read_text() == "was here"


def test_a_walled_process_reads_what_it_is_given(tmp_path: Path) -> None:
    """A single file may be given as well as a folder, and is not written."""
    given = tmp_path / "given"
    given.write_text("read me")
    program = """
given = Path(sys.argv[1])
only(reads=[Path(sys.prefix), Path("/usr"), Path("/lib"), given], writes=[])
print(outcome(given.read_text), outcome(lambda: given.write_text("no")))
"""
    assert walled(program, str(given)) == ["done", "PermissionError"]
