"""The search for a target asks the right roles in the right order."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from firmhold.sim.suite import SimSuite


@dataclass(frozen=True)
class Edge:
    """A delegation from one role to another."""

    by: str
    role: str
    paths: Sequence[str] = ("*",)
    terminating: bool = False


T = "targets"
PY = ("*.py",)
GRAPHS: dict[str, tuple[list[Edge], list[str]]] = {
    # the delegations, and the roles that are asked for a file that nobody has
    "one": ([Edge(T, "A")], ["A"]),
    "two": ([Edge(T, "A"), Edge(T, "B")], ["A", "B"]),
    "below-the-last": ([Edge(T, "A"), Edge(T, "B"), Edge("B", "C")], ["A", "B", "C"]),
    "depth-first": (
        [Edge(T, "A"), Edge(T, "B"), Edge("A", "C"), Edge("A", "D")],
        ["A", "C", "D", "B"],
    ),
    "depth-first-three-levels": (
        [Edge(T, "A"), Edge(T, "B"), Edge("A", "C"), Edge("C", "D")],
        ["A", "C", "D", "B"],
    ),
    "terminating": (
        [Edge(T, "A"), Edge(T, "B"), Edge("A", "C", terminating=True), Edge("A", "D")],
        ["A", "C"],
    ),
    "terminating-with-descendants": (
        [Edge(T, "A"), Edge(T, "B"), Edge("A", "C", terminating=True), Edge("C", "D")],
        ["A", "C", "D"],
    ),
    "not-matching": ([Edge(T, "A", PY), Edge(T, "B"), Edge("A", "C")], ["B"]),
    "not-matching-below": (
        [Edge(T, "A"), Edge(T, "B"), Edge("A", "C", PY), Edge("C", "D")],
        ["A", "B"],
    ),
    "not-matching-and-terminating": (
        [Edge(T, "A", PY, terminating=True), Edge(T, "B")],
        ["B"],
    ),
    "circle": (
        [Edge(T, "A"), Edge(T, "B"), Edge("B", "C"), Edge("C", "D"), Edge("D", "B")],
        ["A", "B", "C", "D"],
    ),
    "to-itself": ([Edge(T, "A"), Edge("A", "A"), Edge(T, "B")], ["A", "B"]),
    "two-to-one": (
        [Edge(T, "A"), Edge(T, "B"), Edge("B", "C"), Edge("A", "C")],
        ["A", "C", "B"],
    ),
    "two-to-one-by-other-paths": (
        [Edge(T, "A"), Edge(T, "B"), Edge("B", "C"), Edge("A", "C", PY)],
        ["A", "B", "C"],
    ),
}


def publish(suite: SimSuite, edges: Sequence[Edge]) -> None:
    """Publish the delegations, every role once."""
    for edge in edges:
        # A role of two delegators has a key from each, and signs with both.
        suite.repository.delegate(
            edge.role, by=edge.by, paths=edge.paths, terminating=edge.terminating
        )
    roles = dict.fromkeys(edge.role for edge in edges)
    suite.repository.release(*roles, "targets")


def asked(suite: SimSuite) -> list[str]:
    """The delegated roles that were asked for, in order; all in their first version."""
    below = suite.network.requests[4:]
    names = [path.rpartition("/") for path in below]
    return [name[2:-5] for folder, _, name in names if folder == "/metadata"]


@pytest.mark.parametrize("graph", GRAPHS)
def test_roles_are_asked_in_pre_order(suite: SimSuite, graph: str) -> None:
    """For a file that nobody has, every role that might have it is asked once, in order."""
    edges, order = GRAPHS[graph]
    publish(suite, edges)

    assert suite.client.download("missing") == 1

    assert asked(suite) == order
    stored = set(suite.client.trusted()) - {
        f"{role}.json" for role in ("root", "timestamp", "snapshot", "targets")
    }
    assert stored == {f"{role}.json" for role in order}


TREE = [
    Edge(T, "A", ("*.doc", "*.md")),
    Edge(T, "B", ("releases/*/*",)),
    Edge("B", "C", ("releases/x/*",)),
    Edge("B", "D", ("releases/y/*.zip",)),
]
FILES: dict[str, tuple[str, list[str], bool]] = {
    # the role that names the file, the roles that are asked, and whether it is found
    "own": ("targets", [], True),
    "README.md": ("A", ["A"], True),
    "releases/x/x_v1": ("C", ["B", "C"], True),
    "releases/y/y_v1.zip": ("D", ["B", "D"], True),
    "releases/z/z_v1.zip": ("D", ["B"], False),
    "releases/y/y_v1.tar": ("D", ["B"], False),
    "deep/README.md": ("A", [], False),
}


@pytest.mark.parametrize("path", FILES)
def test_a_file_is_found_where_the_patterns_lead(suite: SimSuite, path: str) -> None:
    """Patterns go component by component, and every delegator on the way must cover the path."""
    role, order, found = FILES[path]
    for edge in TREE:
        suite.repository.delegate(edge.role, by=edge.by, paths=edge.paths)
    suite.repository.add_target(role, path, path.encode())
    suite.repository.release("A", "B", "C", "D", "targets")

    assert suite.client.download(path) == (0 if found else 1)

    assert asked(suite) == order
    assert list(suite.client.downloaded().values()) == ([path.encode()] if found else [])


def test_hash_bins_are_searched_like_any_other_role(suite: SimSuite) -> None:
    """Of sixteen bins the one that the path's digest points to is asked, and no other."""
    suite.repository.delegate_to_bins("bin", bits=4)
    bins = [role for role in suite.repository.roles if role.startswith("bin-")]
    delegations = suite.repository.targets().delegations
    assert delegations is not None
    chosen = next(delegations.get_roles_for_target("file.txt"))[0]
    suite.repository.add_target(chosen, "file.txt", b"in a bin")
    suite.repository.release(*bins, "targets")

    assert suite.client.download("file.txt") == 0

    assert asked(suite) == [chosen]
    assert len(bins) == 16


def test_a_delegated_role_is_not_asked_for_twice(suite: SimSuite) -> None:
    """In one run and in the next, an unchanged delegated role is read from disk."""
    suite.repository.delegate("A")
    suite.repository.add_target("A", "one", b"1")
    suite.repository.add_target("A", "two", b"2")
    suite.repository.release("A", "targets")

    assert suite.client.download("one", "two") == 0
    assert suite.client.download("two") == 0

    assert suite.network.requests.count("/metadata/1.A.json") == 1


def test_a_changed_delegated_role_is_fetched_anew(suite: SimSuite) -> None:
    """When the snapshot names a newer version of a delegated role, that one is taken."""
    suite.repository.delegate("A")
    suite.repository.add_target("A", "file", b"old")
    suite.repository.release("A", "targets")
    assert suite.client.download("file") == 0
    suite.repository.add_target("A", "file", b"new")
    suite.repository.release("A")

    assert suite.client.download("file") == 0

    assert suite.client.downloaded() == {"file": b"new"}
    assert suite.client.trusted()["A.json"] == suite.repository.published["A"]
