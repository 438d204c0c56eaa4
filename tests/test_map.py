"""The documents tell the truth about the tree: its folders, functions, tests and links."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from operator import attrgetter
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent
SOURCE = TOP / "src" / "firmhold"
DOCUMENTS = sorted([*TOP.glob("*.md"), *(TOP / "docs").rglob("*.md")])
CLAUSES = [
    *("5.1", "5.2"),
    *(f"5.3.{n}" for n in range(1, 13)),
    *("5.4.1", "5.4.2", "5.4.3", "5.4.3.1", "5.4.3.2", "5.4.4", "5.4.5"),
    *(f"5.5.{n}" for n in range(1, 8)),
    *(f"5.6.{n}" for n in range(1, 8)),
    *("5.6.7.1", "5.6.7.2", "5.6.7.2.1", "5.6.7.2.2"),
    *("5.7.1", "5.7.2", "5.7.3"),
]
"""Every numbered clause of section 5 of the TUF specification 1.0.34."""

CHAPTERS = {"5", "5.3", "5.4", "5.5", "5.6", "5.7"}
"""What holds several clauses together; a test may be about all of them."""

FORBIDDEN = (
    # No host of a registry, spelled here in halves: not even this file names one.
    "|".join(
        half + rest
        for half, rest in (
            ("py", r"pi\.org"),
            ("pythonho", r"sted\.org"),
            ("npm", r"js\.(?:org|com)"),
        )
    ),
    r"(?<![\w.])/(?:work|home|root|tmp|opt|Users)\b",
)
"""Hosts of package registries, and paths of one machine."""


@cache
def text(path: Path) -> str:
    """The text of a document."""
    return path.read_text(encoding="utf-8")


def clause_rows() -> list[list[str]]:
    """The rows of the tables in docs/clauses.md, as lists of cells, without heads and rules."""
    clauses = text(TOP / "docs" / "clauses.md")
    rows = re.findall(r"^\| ((?:UPT )?\d[\d.]*) \|(.*)\|$", clauses, re.MULTILINE)
    return [[number, *(cell.strip() for cell in rest.split(" | "))] for number, rest in rows]


def quoted(column: int) -> list[str]:
    """Every name in back quotes in one column of the clauses, each once."""
    return sorted({name for row in clause_rows() for name in re.findall(r"`([^`]+)`", row[column])})


@cache
def functions_in(path: Path) -> frozenset[str]:
    """The names of the functions in a test file, those in classes included."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def clause_in(function: str) -> str:
    """The clause of section 5 in the name of a test; empty if there is none."""
    found = re.match(r"test_(5(?:_\d+)*)_", function)
    return found[1].replace("_", ".") if found else ""


def links(document: Path) -> Iterator[str]:
    """The relative links of a document, code left out."""
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", text(document), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", prose):
        if not re.match(r"[a-z]+:", link):
            yield link


def anchors(document: Path) -> set[str]:
    """The names under which the headings of a document can be linked to."""
    headings = re.findall(r"^#+ (.*)$", text(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_clause_has_a_row_and_a_test() -> None:
    """Each clause of section 5 stands in the table, with a function and with a test."""
    rows = {row[0]: row for row in clause_rows()}
    assert [number for number in CLAUSES if number not in rows] == []
    assert [number for number in CLAUSES if not re.search(r"`[^`]+::test_", rows[number][3])] == []
    assert [number for number in CLAUSES if "`" not in rows[number][2]] == []


def test_every_step_of_full_verification_has_a_row_and_a_test() -> None:
    """Each numbered step of Uptane's full verification stands in the table, with a test."""
    rows = {row[0]: row for row in clause_rows()}
    steps = [f"UPT 5.4.4.2.{number}" for number in range(1, 14)]
    assert [step for step in steps if step not in rows] == []
    assert [step for step in steps if not re.search(r"`[^`]+::test_", rows[step][3])] == []


def test_every_row_is_a_clause() -> None:
    """The table names no clause of section 5 that does not exist, and none twice."""
    numbers = [row[0] for row in clause_rows()]
    assert len(set(numbers)) == len(numbers)
    assert [n for n in numbers if n.startswith("5") and n not in CLAUSES] == []


@pytest.mark.parametrize("name", quoted(2))
def test_functions_of_clauses_exist(name: str) -> None:
    """Each function that the table names can be imported under that name."""
    module, _, qualified = name.partition(":")
    assert attrgetter(qualified)(import_module(f"firmhold.{module}"))


@pytest.mark.parametrize("name", quoted(3))
def test_tests_of_clauses_exist(name: str) -> None:
    """Each test that the table names stands in the file that it names."""
    file, _, function = name.partition("::")
    assert function in functions_in(TOP / "tests" / file)


def test_clauses_in_names_of_tests_stand_in_the_table() -> None:
    """A test whose name bears a clause of section 5 stands in the row of that clause."""
    rows = {row[0]: row[3] for row in clause_rows()}
    missing = []
    for file in sorted((TOP / "tests").rglob("test_*.py")):
        for function in sorted(functions_in(file)):
            number = clause_in(function)
            in_its_row = f"`{file.relative_to(TOP / 'tests')}::{function}`" in rows.get(number, "")
            if number and not in_its_row and number not in CHAPTERS:
                missing.append(function)
    assert missing == []


def test_the_map_is_the_tree() -> None:
    """The README's map names every package and the folders beside it, and nothing that is not."""
    block = re.search(
        r"^## The map\n.*?```\w*\n(.*?)```", text(TOP / "README.md"), re.MULTILINE | re.DOTALL
    )
    listed = [line.split()[0] for line in block[1].splitlines() if line.strip()] if block else []
    packages = {file.parent for file in SOURCE.rglob("__init__.py")} - {SOURCE}
    beside = {TOP / "docs", TOP / "tests", TOP / "fuzz", TOP / "deploy"}
    wanted = {f"{folder.relative_to(TOP)}/" for folder in packages | beside}
    assert sorted(wanted - set(listed)) == []
    assert [folder for folder in listed if not (TOP / folder).is_dir()] == []
    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(TOP)))
def test_links_resolve(document: Path) -> None:
    """Each relative link leads to something that is there, and to a heading if it names one."""
    for link in links(document):
        place, _, anchor = link.partition("#")
        target = (document.parent / place).resolve() if place else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(TOP)))
def test_documents_are_of_no_one_machine(document: Path) -> None:
    """No document names the host of a package registry or a path of somebody's machine."""
    assert [found for rule in FORBIDDEN for found in re.findall(rule, text(document))] == []


def test_the_index_is_complete() -> None:
    """Every document below docs can be found from its index, decisions by their folder."""
    index = TOP / "docs" / "README.md"
    linked = {(index.parent / link).resolve() for link in links(index)}
    below = {path for path in DOCUMENTS if path.is_relative_to(index.parent)} - {index}
    assert [path for path in sorted(below) if not linked & {path, path.parent}] == []


def test_decisions_are_numbered() -> None:
    """No two decisions bear one number, and no number is left out."""
    names = sorted(path.name for path in (TOP / "docs" / "decisions").glob("[0-9]*.md"))
    assert [name[:4] for name in names] == [f"{n:04}" for n in range(1, len(names) + 1)]
