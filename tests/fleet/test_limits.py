"""Whoever asks too often is told to wait; the others are not, and nobody is remembered for ever."""

import pytest

from firmhold.fleet.gateway import limits
from firmhold.fleet.gateway.limits import Turns, place_of
from firmhold.trust.errors import Code, Refused


def taken(turns: Turns, asker: str, now: float) -> bool:
    """Whether an asker has a turn."""
    try:
        turns.take(asker, now)
    except Refused as error:
        return error.code is not Code.GATEWAY_TOO_OFTEN
    return True


def test_turns_run_out_and_come_back_with_time() -> None:
    """As many at once as there are, then as many as time gives, and never more than at first."""
    turns = Turns(3, 2.0)
    assert [taken(turns, "a", 0.0) for _ in range(4)] == [True, True, True, False]
    assert taken(turns, "b", 0.0)
    assert [taken(turns, "a", 1.0) for _ in range(3)] == [True, True, False]
    assert [taken(turns, "a", 1000.0) for _ in range(4)] == [True, True, True, False]


def test_who_has_not_asked_for_the_longest_is_forgotten_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However many places somebody calls from, the memory of them has an end."""
    monkeypatch.setattr(limits, "MOST_ASKERS", 2)
    turns = Turns(1, 0.001)
    assert taken(turns, "a", 0.0)
    assert taken(turns, "b", 0.0)
    assert not taken(turns, "a", 1.0)
    assert taken(turns, "c", 1.0)  # b is forgotten
    assert not taken(turns, "a", 2.0)
    assert taken(turns, "b", 2.0)


@pytest.mark.parametrize(
    ("host", "place"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_a_place_is_an_address_or_a_site(host: str, place: str) -> None:
    """Who has one IPv6 address has them all up to the site's bound."""
    assert place_of(host) == place
