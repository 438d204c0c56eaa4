"""What the desk tells about itself."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from firmhold.release.documents import LIFETIMES, ROLES
from firmhold.release.show import Line, show
from firmhold.sim.desk import SimDesk
from firmhold.sim.vendor import SimVendor
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.quorum import Holder, Tally

MakeFile = Callable[..., Path]


def test_every_role_has_a_line_delegators_first(any_vendor: SimVendor, make_file: MakeFile) -> None:
    """After a publication all six roles are signed, with version and date."""
    any_vendor.release("security", make_file())
    lines = show(any_vendor.desk)
    assert [line.role for line in lines] == list(ROLES)
    assert {line.state for line in lines} == {"signed"}
    assert [line.version for line in lines] == [1, 1, 1, 2, 1, 1]
    now = any_vendor.clock.now()
    assert [line.expires for line in lines] == [now + LIFETIMES[role] for role in ROLES]
    assert all(line.tally.met for line in lines)


def test_a_draft_has_a_line_that_says_who_is_missing(
    any_vendor: SimVendor, make_file: MakeFile
) -> None:
    """A draft is listed behind the signed metadata, with its files and its tally."""
    any_vendor.build("feature", make_file("b.bin"), make_file("a.bin"))
    any_vendor.sign("feature", "feature-2")
    digest = hashlib.sha256(b"firmware").hexdigest()
    assert show(any_vendor.desk)[-1] == Line(
        role="feature",
        state="draft",
        version=2,
        expires=any_vendor.clock.now() + timedelta(days=90),
        tally=Tally(2, (Holder("feature-2"),), (Holder("feature-1"), Holder("feature-3"))),
        files={"feature/thing/a.bin": digest, "feature/thing/b.bin": digest},
    )


def test_a_desk_without_a_domain_is_told_apart() -> None:
    """An empty desk is not shown as one without releases."""
    with pytest.raises(Misuse) as error:
        show(SimDesk())
    assert error.value.code is Code.RELEASE_DESK
