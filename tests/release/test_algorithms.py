"""Until when keys of a scheme sign: told before, refused after, by the desk's own settings."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from firmhold.release.algorithms import WARNED, require_algorithm
from firmhold.release.ceremony.changes import Appoint, Dismiss
from firmhold.release.ceremony.plan import CeremonyKind, RepositoryName
from firmhold.release.ceremony.propose import Wish, propose
from firmhold.release.sign import sign
from firmhold.sim.hands import sim_card
from firmhold.sim.signer import sim_signer
from firmhold.sim.vendor import SimVendor
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.shape import written_date

DAY = timedelta(days=1)


def with_policy(days: int) -> tuple[SimVendor, datetime]:
    """A vendor whose settings let Ed25519 sign for so many days more; and that day."""
    vendor = SimVendor()
    vendor.equip("thing")
    until = (vendor.clock.now() + days * DAY).replace(microsecond=0)
    dates = {
        "sign_until": written_date(until),
        "accept_until": written_date(until + 90 * DAY),
    }
    vendor.settle(algorithms={"ed25519": {**dates}})
    return vendor, until


def draft(vendor: SimVendor, folder: Path) -> None:
    """A file is to be signed."""
    (folder / "a.bin").write_bytes(b"a")
    vendor.build("feature", folder / "a.bin")


def test_a_holder_signs_until_the_day_and_is_told_in_time(tmp_path: Path) -> None:
    """Half a year before, each signature comes with a warning; on the day it still counts."""
    vendor, until = with_policy(400)
    draft(vendor, tmp_path)
    signer = sim_signer("feature-1")
    assert sign(vendor.desk, "feature", signer, until - WARNED).warning is None
    for now in (until - WARNED + timedelta(seconds=1), until):
        warning = sign(vendor.desk, "feature", signer, now).warning
        assert warning is not None
        assert written_date(until) in warning


def test_after_the_day_nobody_signs(tmp_path: Path) -> None:
    """A second later the key is not used, and the draft is as it was."""
    vendor, until = with_policy(30)
    draft(vendor, tmp_path)
    before = vendor.desk.draft("feature")
    with pytest.raises(Misuse) as error:
        sign(vendor.desk, "feature", sim_signer("feature-1"), until + timedelta(seconds=1))
    assert error.value.code is Code.KEY_ALGORITHM
    assert vendor.desk.draft("feature") == before


def test_no_key_is_appointed_whose_scheme_is_over_or_unknown() -> None:
    """A seat that could sign nothing is no seat."""
    vendor, until = with_policy(30)
    changes = (
        Dismiss("feature", sim_signer("feature-1").key_id),
        Appoint("feature", sim_card("feature-4")),
    )
    wish = Wish(CeremonyKind.AUTHORITY, RepositoryName.IMAGE, changes)
    propose(vendor.desk, wish, until)
    with pytest.raises(Misuse) as error:
        propose(vendor.desk, wish, until + timedelta(seconds=1))
    assert error.value.code is Code.KEY_ALGORITHM
    for scheme in ("ecdsa-sha2-nistp256", "rsassa-pss-sha256", ""):
        with pytest.raises(Misuse) as error:
            require_algorithm(vendor.desk, scheme, until)
        assert error.value.code is Code.KEY_ALGORITHM


def test_a_desk_without_settings_has_no_such_policy() -> None:
    """The first settings have to be signed by somebody."""
    vendor = SimVendor()
    assert require_algorithm(vendor.desk, "ed25519", vendor.clock.now()) is None
