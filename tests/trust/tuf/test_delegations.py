"""TUF 5.6.7: whom to ask for a target, in which order, and when to stop."""

import pytest

from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import OverLimit
from firmhold.trust.tuf.delegations import MAX_DEPTH, MAX_ROLES, Search, Visit

Graph = dict[str, list[str]]
"""Delegator to the roles that it asks, in order; a `!` behind a name: terminating."""

GRAPHS: dict[str, tuple[Graph, str]] = {
    "nobody": ({}, "targets"),
    "one": ({"targets": ["a"]}, "targets a"),
    "in order": ({"targets": ["b", "a", "c"]}, "targets b a c"),
    "depth first": ({"targets": ["a", "b"], "a": ["c"], "c": ["d"]}, "targets a c d b"),
    "pre-order": (
        {"targets": ["a", "b"], "a": ["c", "d"], "b": ["e"], "c": ["f"]},
        "targets a c f d b e",
    ),
    "terminating ends what comes behind": ({"targets": ["a", "b!", "c"]}, "targets a b"),
    "terminating asks what comes below": (
        {"targets": ["a!", "b"], "a": ["c", "d"]},
        "targets a c d",
    ),
    "terminating below ends what comes behind above": (
        {"targets": ["a", "b"], "a": ["c!", "d"], "c": ["e"]},
        "targets a c e",
    ),
    "terminating last leaves the ones before": (
        {"targets": ["a", "b!"], "a": ["c"]},
        "targets a c b",
    ),
    "a cycle of one": ({"targets": ["a"], "a": ["a"]}, "targets a"),
    "a cycle of two": ({"targets": ["a"], "a": ["b"], "b": ["a", "c"]}, "targets a b c"),
    "a cycle of three": (
        {"targets": ["a", "d"], "a": ["b"], "b": ["c"], "c": ["a"]},
        "targets a b c d",
    ),
    "a diamond": (
        {"targets": ["a", "b"], "a": ["c"], "b": ["c", "d"], "c": ["e"]},
        "targets a c e b d",
    ),
    "a diamond, met early": (
        {"targets": ["a", "b"], "a": ["b", "c"]},
        "targets a b c",
    ),
    "a terminating role met before": (
        {"targets": ["a", "b!", "d"], "a": ["b", "c"]},
        "targets a b c",
    ),
}


def order_of(graph: Graph) -> list[Visit]:
    """Every visit of a search that finds nothing."""
    search, visits = Search(), []
    while (step := search.next()) is not None:
        visit, search = step
        visits.append(visit)
        below = graph.get(visit.role, [])
        search = search.enter(visit, [(name.rstrip("!"), name.endswith("!")) for name in below])
    return visits


@pytest.mark.parametrize(("graph", "order"), GRAPHS.values(), ids=GRAPHS)
def test_5_6_7_1_roles_are_asked_in_pre_order_and_each_once(graph: Graph, order: str) -> None:
    """TUF 5.6.7.1 and 5.6.7.2: the order of the delegations is the order of their authority."""
    assert " ".join(visit.role for visit in order_of(graph)) == order


def test_5_6_7_the_search_begins_at_the_top_level_targets() -> None:
    """TUF 5.6.7: the root says who signs the first role asked."""
    assert order_of({}) == [Visit("targets", "root", 0)]


def test_5_6_7_2_each_visit_knows_by_whom_and_how_deep_it_was_reached() -> None:
    """TUF 5.6.7.2: a role is judged under the delegator by which the search came to it."""
    graph = {"targets": ["a", "b"], "a": ["c"], "b": ["c", "d"]}
    assert order_of(graph) == [
        Visit("targets", "root", 0),
        Visit("a", "targets", 1),
        Visit("c", "a", 2),
        Visit("b", "targets", 1),
        Visit("d", "b", 2),
    ]


def chain(length: int) -> Graph:
    """One role below another, so many delegations deep."""
    return {"targets": ["1"], **{str(n): [str(n + 1)] for n in range(1, length)}}


def fan(width: int) -> Graph:
    """So many roles side by side."""
    return {"targets": [str(n) for n in range(1, width + 1)]}


def test_5_6_7_delegations_are_followed_to_the_permitted_depth() -> None:
    """TUF 5.6.7: a chain of as many delegations as are permitted is asked to its end."""
    visits = order_of(chain(MAX_DEPTH))
    assert visits[-1] == Visit(str(MAX_DEPTH), str(MAX_DEPTH - 1), MAX_DEPTH)
    assert MAX_DEPTH == 32


def test_5_6_7_one_delegation_deeper_is_refused() -> None:
    """TUF 5.6.7: a search that goes deeper is refused, and names the role that asked for more."""
    with pytest.raises(Refused) as error:
        order_of(chain(MAX_DEPTH + 1))
    expected = OverLimit(code=Code.TUF_DELEGATION_TOO_DEEP, what=str(MAX_DEPTH), limit=MAX_DEPTH)
    assert error.value.fault == expected


def test_5_6_7_as_many_roles_are_asked_as_are_permitted() -> None:
    """TUF 5.6.7: the permitted number counts delegated roles; the top-level one is not one."""
    assert len(order_of(fan(MAX_ROLES))) == MAX_ROLES + 1
    assert MAX_ROLES == 64


def test_5_6_7_one_role_more_is_refused() -> None:
    """TUF 5.6.7: nobody can make a device ask without end."""
    with pytest.raises(Refused) as error:
        order_of(fan(MAX_ROLES + 1))
    expected = OverLimit(
        code=Code.TUF_DELEGATION_TOO_MANY, what=str(MAX_ROLES + 1), limit=MAX_ROLES
    )
    assert error.value.fault == expected


def test_5_6_7_roles_that_are_named_again_do_not_count_again() -> None:
    """TUF 5.6.7: a role that was asked already costs nothing, however often it is named."""
    names = [str(n) for n in range(1, MAX_ROLES + 1)]
    graph = {"targets": names, **{name: [*names, "targets"] for name in names}}
    with pytest.raises(Refused) as error:
        order_of(graph)
    assert error.value.code is Code.TUF_DELEGATION_TOO_DEEP
    shallow = {"targets": names, **{name: ["targets", name] for name in names}}
    assert len(order_of(shallow)) == MAX_ROLES + 1
