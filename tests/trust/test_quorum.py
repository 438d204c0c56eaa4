"""Counting signatures: every small case, one by one."""

from collections.abc import Iterator
from itertools import chain, combinations, product

import pytest

from firmhold.trust.keys import KeyId, KeyIdentity, PublicKey
from firmhold.trust.quorum import Holder, Seat, Tally, tally

IDS = [KeyId("i"), KeyId("j"), KeyId("k")]
KEYS = [PublicKey(KeyIdentity(name), "ed25519", "ed25519", name) for name in "xyz"]
HOLDERS = [Holder("Ann"), Holder("Bob"), Holder("Cy")]
SEATS = [None, *(Seat(key, holder) for key, holder in product(KEYS, HOLDERS))]


def seat(key: str, holder: str) -> Seat:
    """A seat of a key and a holder, each known by a word."""
    return Seat(PublicKey(KeyIdentity(key), "ed25519", "ed25519", key), Holder(holder))


def tables() -> Iterator[dict[KeyId, Seat]]:
    """Every table of up to three ids, three keys and three holders."""
    for choice in product(SEATS, repeat=len(IDS)):
        yield {key_id: one for key_id, one in zip(IDS, choice, strict=True) if one is not None}


def subsets() -> list[tuple[KeyId, ...]]:
    """Every set of ids that may have signed."""
    return list(chain.from_iterable(combinations(IDS, size) for size in range(len(IDS) + 1)))


def test_no_more_holders_are_counted_than_keys_that_signed() -> None:
    """Whatever the table says, one key never speaks for two, nor one holder twice."""
    for seats, signed in product(tables(), subsets()):
        seated = [seats[key_id] for key_id in signed if key_id in seats]
        count = tally(1, seats, signed)
        assert len(count.signed) == len(set(count.signed))
        assert len(count.signed) <= len({one.key.identity for one in seated})


def test_a_key_speaks_for_the_holder_of_its_first_id_only() -> None:
    """For every small table the holders that count are those of each key's first id in order."""
    for seats, signed in product(tables(), subsets()):
        first = {
            one.key.identity: min(i for i, o in seats.items() if o.key == one.key)
            for one in seats.values()
        }
        speaking = {seats[i].key.identity for i in signed if i in seats}
        expected = {seats[first[identity]].holder for identity in speaking}
        everyone = {seats[key_id].holder for key_id in first.values()}
        count = tally(1, seats, signed)
        assert count.signed == tuple(sorted(expected))
        assert count.missing == tuple(sorted(everyone - expected))


@pytest.mark.parametrize("threshold", range(-1, 5))
@pytest.mark.parametrize("holders", range(4))
def test_a_quorum_is_met_by_enough_holders_and_never_below_one(
    threshold: int, holders: int
) -> None:
    """A threshold of zero or less is never met; any other by as many holders as it says."""
    count = tally(threshold, {i: seat(i, i) for i in IDS}, IDS[:holders])
    assert count.threshold == threshold
    assert count.met == (threshold >= 1 and holders >= threshold)
    assert count.needed == max(threshold - holders, 0)


def test_one_key_under_two_ids_counts_once() -> None:
    """A second name for a key adds nothing, whoever is said to hold it."""
    seats = {KeyId("i"): seat("x", "Ann"), KeyId("j"): seat("x", "Bob")}
    assert tally(2, seats, seats) == Tally(2, (Holder("Ann"),), ())
    assert tally(2, seats, [KeyId("j")]) == Tally(2, (Holder("Ann"),), ())


def test_two_keys_of_one_holder_count_once() -> None:
    """A person with two keys is one person."""
    seats = {KeyId("i"): seat("x", "Ann"), KeyId("j"): seat("y", "Ann")}
    assert tally(2, seats, seats) == Tally(2, (Holder("Ann"),), ())


def test_an_id_without_a_seat_counts_for_nothing() -> None:
    """A signature of a stranger is no signature."""
    seats = {KeyId("i"): seat("x", "Ann")}
    assert tally(1, seats, [KeyId("stranger")]) == Tally(1, (), (Holder("Ann"),))


def test_an_id_that_signs_twice_counts_once() -> None:
    """Repeating a signature adds nothing."""
    seats = {KeyId("i"): seat("x", "Ann"), KeyId("j"): seat("y", "Bob")}
    assert tally(2, seats, [KeyId("i"), KeyId("i")]) == Tally(2, (Holder("Ann"),), (Holder("Bob"),))


def test_names_are_reported_in_order() -> None:
    """The same quorum reads the same, whatever the order of the table."""
    names = ["Dee", "Bob", "Cy", "Ann"]
    seats = {KeyId(name): seat(name, name) for name in names}
    count = tally(2, seats, [KeyId("Dee"), KeyId("Bob")])
    assert (count.signed, count.missing) == (("Bob", "Dee"), ("Ann", "Cy"))
