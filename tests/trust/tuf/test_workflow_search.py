"""TUF 5.6.7 and 5.7 as a conversation: whom a device asks for a target, and what it believes."""

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from securesystemslib.signer import CryptoSigner

from firmhold.sim.attacker import Edit
from firmhold.sim.repository import SimRepository
from firmhold.trust.errors import Code, Fault, Refused
from firmhold.trust.faults import Absent, OverLimit, QuorumUnmet
from firmhold.trust.tuf.workflow import Fetch, Keep, Load

if TYPE_CHECKING:
    from tests.trust.tuf.conftest import Device

Forge = Callable[[str, Edit], bytes]


def fault_of(do: Callable[[], object]) -> Fault:
    """The fault for which a search is refused."""
    with pytest.raises(Refused) as error:
        do()
    return error.value.fault


def test_5_6_7_a_target_of_the_top_level_role_takes_no_further_question(
    device: "Device", repository: SimRepository
) -> None:
    """TUF 5.6.7: what the top-level role names is found without asking anybody else."""
    repository.delegate("a")
    repository.add_target("targets", "x.bin", b"firmware")
    repository.release("a", "targets")
    trusted, target = device.find(device.refresh(), "x.bin")
    assert (target.value.path, target.value.role) == ("x.bin", "targets")
    assert device.actions == []
    assert sorted(trusted.targets) == ["targets"]


def test_5_7_2_a_found_target_says_what_its_file_must_be(
    device: "Device", repository: SimRepository
) -> None:
    """TUF 5.7.2: the file that was signed for passes, and no other."""
    repository.add_target("targets", "x.bin", b"firmware")
    repository.release("targets")
    _, target = device.find(device.refresh(), "x.bin")
    target.value.expectation.check(b"firmware")
    with pytest.raises(Refused) as error:
        target.value.expectation.check(b"firmwarf")
    assert error.value.code is Code.TUF_TARGET_DIGEST


def test_5_6_7_a_delegated_role_is_fetched_verified_and_kept(
    device: "Device", repository: SimRepository
) -> None:
    """TUF 5.6.7: a delegated role is asked for once, and stored like any other."""
    repository.delegate("a")
    repository.add_target("a", "x.bin", b"firmware")
    repository.release("a", "targets")
    trusted, target = device.find(device.refresh(), "x.bin")
    assert target.value.role == "a"
    data = repository.published["a"]
    assert device.actions == [Load("a"), Fetch("1.a.json", 5_000_000), Keep("a", data)]
    device.find(trusted, "x.bin")
    assert device.actions == []
    device.find(device.refresh(), "x.bin")
    assert device.actions == [Load("a")]


def test_5_6_7_a_stored_role_that_is_not_the_named_one_is_fetched_anew(
    device: "Device", repository: SimRepository
) -> None:
    """TUF 5.6.2: an older stored role is replaced by the one that the snapshot names."""
    repository.delegate("a")
    repository.add_target("a", "x.bin", b"old")
    repository.release("a", "targets")
    device.find(device.refresh(), "x.bin")
    repository.add_target("a", "x.bin", b"new firmware")
    repository.release("a")
    _, target = device.find(device.refresh(), "x.bin")
    assert target.value.expectation.length == len(b"new firmware")
    assert device.written == [Keep("a", repository.published["a"])]


def test_5_6_7_a_stored_role_is_judged_anew_when_its_keys_were_taken(
    device: "Device", repository: SimRepository
) -> None:
    """TUF 5.6.7: what a removed key signed is not believed because it is on the disk already."""
    repository.delegate("a")
    repository.add_target("a", "x.bin", b"firmware")
    repository.release("a", "targets")
    device.find(device.refresh(), "x.bin")
    repository.targets().revoke_key(repository.signers.pop("a")[0].public_key.keyid, "a")
    repository.delegate("a")
    repository.release("targets")
    trusted = device.refresh()
    fault = fault_of(lambda: device.find(trusted, "x.bin"))
    assert fault.code is Code.TUF_SIGNATURES_DELEGATED
    repository.write("a")
    _, target = device.find(device.refresh(), "x.bin")
    assert target.value.role == "a"
    assert device.stored["a"] == repository.published["a"]


@pytest.fixture
def two_hands(repository: SimRepository) -> dict[str, CryptoSigner]:
    """Delegators `a` of x/* and `b` of y/*, both to `c`, each by another key.

    `c` delegates to `d`. Both roles are in their first version; the keys of `c` by delegator.
    """
    repository.delegate("a", paths=["x/*"])
    repository.delegate("b", paths=["y/*"])
    repository.delegate("c", by="a", paths=["*/*"])
    repository.delegate("c", by="b", paths=["*/*"])
    repository.delegate("d", by="c", paths=["*/*"])
    repository.add_target("d", "x/f", b"firmware")
    repository.add_target("d", "y/f", b"firmware")
    repository.release("d", "c", "b", "a", "targets")
    first, second = repository.signers["c"]
    return {"a": first, "b": second}


def test_5_6_7_a_role_reached_by_another_delegator_is_judged_by_that_ones_keys(
    device: "Device", repository: SimRepository, two_hands: dict[str, CryptoSigner]
) -> None:
    """TUF 5.6.7: within one session, trust under one delegator is no trust under another."""
    repository.lie("c", repository.sign(repository.targets("c"), [two_hands["a"]]))
    trusted, target = device.find(device.refresh(), "x/f")
    assert target.value.role == "d"
    fault = fault_of(lambda: device.find(trusted, "y/f"))
    assert isinstance(fault, QuorumUnmet)
    assert (fault.code, fault.delegator) == (Code.TUF_SIGNATURES_DELEGATED, "b")


def test_5_6_7_what_one_delegators_version_of_a_role_delegates_dies_with_it(
    device: "Device", repository: SimRepository, two_hands: dict[str, CryptoSigner]
) -> None:
    """TUF 5.6.7: a role accepted under keys that the present delegator does not name is no more."""
    repository.lie("c", repository.sign(repository.targets("c"), [two_hands["a"]]))
    trusted, _ = device.find(device.refresh(), "x/f")
    repository.delegate("d", by="c", paths=["*/*"])
    repository.lie("c", repository.sign(repository.targets("c"), [two_hands["b"]]))
    fault = fault_of(lambda: device.find(trusted, "y/f"))
    assert isinstance(fault, QuorumUnmet)
    assert (fault.code, fault.role) == (Code.TUF_SIGNATURES_DELEGATED, "d")


def test_5_6_7_2_a_terminating_delegation_ends_the_search(
    device: "Device", repository: SimRepository
) -> None:
    """TUF 5.6.7.2: behind a terminating role nobody is asked, even if he has the file."""
    repository.delegate("a", terminating=True)
    repository.delegate("b")
    repository.add_target("b", "x.bin", b"firmware")
    repository.release("a", "b", "targets")
    trusted = device.refresh()
    expected = Absent(code=Code.TUF_NO_SUCH_TARGET, name="x.bin", listed_in="targets")
    assert fault_of(lambda: device.find(trusted, "x.bin")) == expected
    assert device.asked == ["1.a.json"]


def test_5_6_7_a_path_outside_a_roles_patterns_is_not_believed_from_it(
    device: "Device", repository: SimRepository
) -> None:
    """TUF 5.6.7.2: a role that names a file outside its patterns is not asked for it."""
    repository.delegate("a", paths=["feature/*/*"])
    repository.add_target("a", "security/p/x.bin", b"firmware")
    repository.release("a", "targets")
    trusted = device.refresh()
    expected = Absent(code=Code.TUF_NO_SUCH_TARGET, name="security/p/x.bin", listed_in="targets")
    assert fault_of(lambda: device.find(trusted, "security/p/x.bin")) == expected
    assert device.asked == []


def test_5_6_7_a_path_that_no_document_can_name_is_not_asked_for(
    device: "Device", repository: SimRepository
) -> None:
    """TUF 5.6.7: a path with a lone surrogate stands in no document, and falls into no hash bin."""
    repository.delegate_to_bins("bin", bits=4)
    repository.release(*(f"bin-{number:x}" for number in range(16)), "targets")
    trusted = device.refresh()
    path = "\udcff"
    expected = Absent(code=Code.TUF_NO_SUCH_TARGET, name=path, listed_in="targets")
    assert fault_of(lambda: device.find(trusted, path)) == expected
    assert device.asked == []


def test_5_6_7_the_first_role_in_order_speaks_for_a_path(
    device: "Device", repository: SimRepository
) -> None:
    """TUF 5.6.7.1: of two roles that name a file the one asked first is believed."""
    repository.delegate("first")
    repository.delegate("second")
    repository.add_target("second", "x.bin", b"second")
    repository.add_target("first", "x.bin", b"first")
    repository.release("first", "second", "targets")
    _, target = device.find(device.refresh(), "x.bin")
    target.value.expectation.check(b"first")


def test_5_6_7_delegations_in_a_circle_come_to_an_end(
    device: "Device", repository: SimRepository
) -> None:
    """TUF 5.6.7.1: a role is asked once in a search, whoever names it again."""
    repository.delegate("a")
    repository.delegate("b", by="a")
    repository.delegate("a", by="b")
    repository.release("a", "b", "targets")
    trusted = device.refresh()
    expected = Absent(code=Code.TUF_NO_SUCH_TARGET, name="x.bin", listed_in="targets")
    assert fault_of(lambda: device.find(trusted, "x.bin")) == expected
    assert device.asked == ["1.a.json", "1.b.json"]


def test_5_6_7_a_chain_without_end_is_refused(device: "Device", repository: SimRepository) -> None:
    """TUF 5.6.7: a device does not follow delegations for ever."""
    names = [f"role-{number}" for number in range(33)]
    for parent, name in zip(["targets", *names], names, strict=False):
        repository.delegate(name, by=parent)
    repository.release(*names, "targets")
    trusted = device.refresh()
    expected = OverLimit(code=Code.TUF_DELEGATION_TOO_DEEP, what="role-31", limit=32)
    assert fault_of(lambda: device.find(trusted, "x.bin")) == expected


def test_5_6_7_a_target_in_a_hash_bin_is_found_in_its_bin(
    device: "Device", repository: SimRepository
) -> None:
    """TAP 15: a device asks the one bin to which a path belongs, and no other."""
    repository.delegate_to_bins("bin", bits=4)
    role = f"bin-{hashlib.sha256(b'x.bin').hexdigest()[0]}"
    repository.add_target(role, "x.bin", b"firmware")
    repository.release(*(f"bin-{number:x}" for number in range(16)), "targets")
    _, target = device.find(device.refresh(), "x.bin")
    assert target.value.role == role
    assert device.asked == [f"1.{role}.json"]


def test_5_6_7_a_target_is_found_by_the_prefix_of_its_paths_hash(
    device: "Device", repository: SimRepository
) -> None:
    """TUF 4.5: a role may be named for paths by the beginning of their SHA-256."""
    digest = hashlib.sha256(b"x.bin").hexdigest()
    other = repository.delegate("other")
    rule = repository.delegate("a")
    other.paths, other.path_hash_prefixes = None, [digest[:3] + ("0" if digest[3] != "0" else "1")]
    rule.paths, rule.path_hash_prefixes = None, ["ffff", digest[:4]]
    repository.add_target("a", "x.bin", b"firmware")
    repository.release("a", "other", "targets")
    _, target = device.find(device.refresh(), "x.bin")
    assert target.value.role == "a"
    assert device.asked == ["1.a.json"]


def test_a_delegated_role_that_no_snapshot_names_is_refused(
    device: "Device", repository: SimRepository
) -> None:
    """TUF 5.6.1: a delegated role without an entry in the snapshot is not asked for."""
    repository.delegate("a")
    repository.release("targets")
    trusted = device.refresh()
    expected = Absent(code=Code.TUF_NOT_IN_SNAPSHOT, name="a", listed_in="snapshot")
    assert fault_of(lambda: device.find(trusted, "x.bin")) == expected
    assert device.actions == []


def test_what_a_role_said_of_a_target_beyond_the_specification_comes_through(
    device: "Device", repository: SimRepository
) -> None:
    """Custom fields are covered by the signature and reach whoever asked (TUF 4.5)."""
    target_file = repository.add_target("targets", "x.bin", b"firmware")
    target_file.unrecognized_fields["custom"] = {"hardware": ["a", None, {"b": 1}]}
    repository.release("targets")
    _, target = device.find(device.refresh(), "x.bin")
    assert target.value.custom == {"hardware": ["a", None, {"b": 1}]}
