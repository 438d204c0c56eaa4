"""docs/attacks.md tells the truth about this folder and about the code."""

import ast
import re
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from operator import attrgetter
from pathlib import Path
from types import ModuleType

import pytest

TESTS = Path(__file__).parent.parent
DOCUMENT = (TESTS.parent / "docs" / "attacks.md").read_text(encoding="utf-8")
ROWS = re.findall(
    r"^\| (\d+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", DOCUMENT, re.MULTILINE
)
"""Number, attack, source, code and tests of each row."""


def quoted(column: int) -> list[str]:
    """Every name in back quotes in one column, each once."""
    return sorted({name for row in ROWS for name in re.findall(r"`([^`]+)`", row[column])})


def test_every_file_of_this_folder_is_a_row() -> None:
    """A file whose name bears a number stands in the row of that number, and no row is without."""
    files = {file.name for file in Path(__file__).parent.glob("test_[0-9]*.py")}
    named = {
        (int(row[0]), Path(name.partition("::")[0]).name)
        for row in ROWS
        for name in re.findall(r"`([^`]+)`", row[4])
    }
    assert {name for _, name in named} == files
    assert {(number, int(name.split("_")[1])) for number, name in named} == {
        (number, number) for number, _ in named
    }


def test_rows_are_whole_and_in_order() -> None:
    """Each row has an attack, a source, code and tests, and each number stands once."""
    numbers = [int(row[0]) for row in ROWS]
    assert numbers == sorted(set(numbers))
    assert all(cell.strip() for row in ROWS for cell in row)
    assert [row[0] for row in ROWS if "`" not in row[3] or "::" not in row[4]] == []


@pytest.mark.parametrize("name", quoted(3))
def test_the_code_of_a_row_exists(name: str) -> None:
    """Each function that the table names can be imported under that name."""
    module, _, qualified = name.partition(":")
    assert attrgetter(qualified)(import_module(f"firmhold.{module}"))


@pytest.mark.parametrize("name", quoted(4))
def test_the_test_of_a_row_exists(name: str) -> None:
    """Each test that the table names stands in the file that it names."""
    file, _, function = name.partition("::")
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.fixture(scope="module")
def key_theft() -> ModuleType:
    """The tests of row 31, for the sake of their table."""
    spec = spec_from_file_location("key_theft", Path(__file__).parent / "test_31_key_theft.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_stolen_keys_can_do_is_what_was_tried(key_theft: ModuleType) -> None:
    """The document's table of stolen keys is the one that the tests play, row by row."""
    rows = re.findall(r"^\| ([\w+-]+) \| (\S+) \| (\S+) \| (\S+) \|$", DOCUMENT, re.MULTILINE)
    told = {row[0]: row[1:] for row in rows}
    tried = {
        stolen: tuple(f"`{code}`" if code is not None else "yes" for code in outcomes)
        for stolen, (_, outcomes) in key_theft.MATRIX.items()
    }
    assert told == tried


THREATS = (TESTS.parent / "docs" / "threat-model.md").read_text(encoding="utf-8")
STOLEN = [
    line.strip("| ").split(" | ")
    for table in re.findall(r"^\| stolen \|.*\n\|[-|]+\n((?:\|.*\n)+)", THREATS, re.MULTILINE)
    for line in table.splitlines()
]
"""What was stolen, what it can do, and at last the tests, of each row of each table."""


@pytest.mark.parametrize("row", STOLEN, ids=lambda row: row[0])
def test_whatever_can_be_stolen_was_stolen_in_a_test(row: list[str]) -> None:
    """Each row of the threat model's tables names tests, and each of them is there."""
    names = re.findall(r"`([^`]+::[^`]+)`", row[-1])
    assert names
    for name in names:
        test_the_test_of_a_row_exists(name)
