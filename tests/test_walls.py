"""The house rules that no linter knows."""

import ast
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_socket import SocketBlockedError

ROOT = Path(__file__).parents[1]
SOURCES = sorted(ROOT.glob("src/firmhold/**/*.py"))
MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_FUNCTION = 60
BANNED_NAMES = {"utils", "util", "common", "helpers", "misc", "manager", "core", "base"}


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of a source file, nested ones too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_files_are_short_enough_to_be_read() -> None:
    """No source file is longer than a reader's patience."""
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert {name: n for name, n in lengths.items() if n > MOST_LINES_OF_A_FILE} == {}


def test_functions_are_short_enough_to_be_read() -> None:
    """No function is longer than a screen."""
    long = [
        f"{path.name}:{function.name}"
        for path in SOURCES
        for function in functions(path)
        if (function.end_lineno or 0) - function.lineno >= MOST_LINES_OF_A_FUNCTION
    ]
    assert long == []


def test_names_say_what_is_in_a_file() -> None:
    """No file or folder is called after what it is not."""
    names = {part.lower() for path in SOURCES for part in (path.stem, path.parent.name)}
    assert names & BANNED_NAMES == set()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_can_be_told_to_skip_a_check(path: Path) -> None:
    """No function takes an argument by which a caller could switch a verification off."""
    arguments = {
        argument.arg
        for function in functions(path)
        for argument in (*function.args.args, *function.args.kwonlyargs)
    }
    off_switches = {name for name in arguments if name.startswith(("skip_", "no_", "unsafe_"))}
    assert off_switches | (arguments & {"verify", "insecure", "check", "trusted_already"}) == set()


def test_sockets_are_closed_outside_the_named_folders() -> None:
    """A test that is not about the wire cannot reach one."""
    with (
        pytest.warns(UserWarning, match="socket"),
        pytest.raises(SocketBlockedError),
    ):
        socket.socket(socket.AF_INET, socket.SOCK_STREAM)
