"""Step 5: a holder's signature, and whose counts for what."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from itertools import permutations
from pathlib import Path

import pytest

from firmhold.release.documents import parse
from firmhold.release.sign import sign
from firmhold.sim.signer import sim_signer
from firmhold.sim.vendor import SimVendor
from firmhold.trust.errors import Code, Misuse, Refused
from firmhold.trust.faults import Absent, VersionMismatch
from firmhold.trust.quorum import Holder, Tally

MakeFile = Callable[..., Path]
HOLDERS = tuple(Holder(f"feature-{n}") for n in (1, 2, 3))


def test_one_signature_is_not_enough(any_vendor: SimVendor, make_file: MakeFile) -> None:
    """The tally names who signed, who did not, and how many are still needed."""
    any_vendor.build("feature", make_file())
    tally = any_vendor.sign("feature", "feature-2")
    assert tally == Tally(2, HOLDERS[1:2], (HOLDERS[0], HOLDERS[2]))
    assert (tally.met, tally.needed) == (False, 1)


@pytest.mark.parametrize("pair", [*permutations(HOLDERS, 2)], ids="-".join)
def test_any_two_of_three_are_enough(
    vendor: SimVendor, make_file: MakeFile, pair: tuple[str, str]
) -> None:
    """Two holders, whichever and in whatever order, are a quorum."""
    vendor.build("feature", make_file())
    tally = vendor.sign("feature", *pair)
    assert tally.met
    assert tally.signed == tuple(sorted(pair))


def test_the_order_of_signing_leaves_no_trace(make_file: MakeFile) -> None:
    """The same holders make the same bytes, whoever came first."""
    drafts = set()
    for order in permutations(HOLDERS):
        vendor = SimVendor()
        vendor.build("feature", make_file())
        vendor.sign("feature", *order)
        drafts.add(vendor.desk.draft("feature"))
    assert len(drafts) == 1


def test_a_holder_who_signs_twice_is_one_holder(vendor: SimVendor, make_file: MakeFile) -> None:
    """Signing again adds nothing and changes no byte."""
    vendor.build("feature", make_file())
    vendor.sign("feature", "feature-1")
    before = vendor.desk.draft("feature")
    tally = vendor.sign("feature", "feature-1", "feature-1")
    assert (tally.signed, tally.needed) == (HOLDERS[:1], 1)
    assert vendor.desk.draft("feature") == before


@pytest.mark.parametrize(
    ("role", "stranger"),
    [
        ("feature", "security-1"),
        ("security", "feature-1"),
        ("feature", "root-1"),
        ("security", "root-1"),
        ("feature", "targets-1"),
        ("feature", "snapshot"),
        ("security", "timestamp"),
        ("feature", "somebody"),
    ],
)
def test_nobody_signs_for_a_role_without_a_seat_in_it(
    any_vendor: SimVendor, make_file: MakeFile, role: str, stranger: str
) -> None:
    """One authority cannot sign for the other, nor can a holder of any other role."""
    any_vendor.build(role, make_file())
    before = any_vendor.desk.draft(role)
    with pytest.raises(Misuse) as error:
        any_vendor.sign(role, stranger)
    key_id = str(sim_signer(stranger).key_id)
    assert error.value.fault == Absent(code=Code.RELEASE_NOT_A_HOLDER, name=key_id, listed_in=role)
    assert any_vendor.desk.draft(role) == before


@pytest.mark.parametrize("role", ["root", "snapshot", "timestamp", "nobody"])
def test_only_releases_are_signed_at_the_desk(vendor: SimVendor, role: str) -> None:
    """A hand-made draft of another role is never signed here, not even by its holders."""
    vendor.desk.put_draft(role, vendor.desk.current(role) or vendor.root)
    with pytest.raises(Misuse) as error:
        vendor.sign(role, f"{role}-1")
    fault = Absent(
        code=Code.RELEASE_NOT_A_ROLE, name=role, listed_in="targets and feature and security"
    )
    assert error.value.fault == fault


def test_without_a_draft_there_is_nothing_to_sign(vendor: SimVendor) -> None:
    """Signing needs a draft, also right after a publication."""
    with pytest.raises(Misuse) as error:
        vendor.sign("feature", "feature-1")
    fault = Absent(code=Code.RELEASE_NOTHING_TO_SIGN, name="feature", listed_in="drafts")
    assert error.value.fault == fault


def test_a_draft_of_a_version_that_was_released_since_is_stale(
    vendor: SimVendor, make_file: MakeFile
) -> None:
    """A draft that lay about while the role moved on is signed by nobody."""
    vendor.build("feature", make_file("old.bin"))
    stale = vendor.desk.draft("feature") or b""
    vendor.desk.drop_draft("feature")
    vendor.release("feature", make_file("new.bin"))
    vendor.desk.put_draft("feature", stale)
    with pytest.raises(Refused) as error:
        vendor.sign("feature", "feature-1")
    fault = VersionMismatch(code=Code.RELEASE_STALE_DRAFT, role="feature", expected=3, found=2)
    assert error.value.fault == fault


@pytest.mark.parametrize(
    ("later", "refused"),
    [(timedelta(0), False), (-timedelta(days=1), False), (-timedelta(days=1, seconds=1), True)],
    ids=["same clock", "a day behind", "more than a day behind"],
)
def test_a_draft_from_the_future_lives_too_long(
    vendor: SimVendor, make_file: MakeFile, later: timedelta, *, refused: bool
) -> None:
    """A holder's own clock bounds the life of a draft, with a day for clocks that differ."""
    vendor.build("feature", make_file())
    now = vendor.clock.now() + later
    if refused:
        with pytest.raises(Refused) as error:
            sign(vendor.desk, "feature", sim_signer("feature-1"), now)
        assert error.value.code is Code.RELEASE_ALTERED_DRAFT
    else:
        signed = sign(vendor.desk, "feature", sim_signer("feature-1"), now)
        assert signed.tally.needed == 1


def test_the_third_signature_is_welcome_too(vendor: SimVendor, make_file: MakeFile) -> None:
    """More holders than needed may sign; all of them are counted and kept."""
    vendor.build("feature", make_file())
    tally = vendor.sign("feature", *HOLDERS)
    assert (tally.signed, tally.missing, tally.needed) == (HOLDERS, (), 0)
    assert len(parse(vendor.desk.draft("feature") or b"", "feature").signatures) == 3


def test_a_holder_is_told_what_was_signed(any_vendor: SimVendor, make_file: MakeFile) -> None:
    """The answer names version, date and each file that the draft adds, and no older one."""
    any_vendor.release("feature", make_file("old.bin"))
    any_vendor.build("feature", make_file("a.bin", b"one"), make_file("b.bin", b"two"))
    now = any_vendor.clock.now()
    signed = sign(any_vendor.desk, "feature", sim_signer("feature-1"), now)
    assert (signed.version, signed.expires) == (3, now + timedelta(days=90))
    assert signed.added == {
        "feature/thing/a.bin": hashlib.sha256(b"one").hexdigest(),
        "feature/thing/b.bin": hashlib.sha256(b"two").hexdigest(),
    }
