"""What a person writes of a release is read strictly, and told where it is wrong."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.release.test_compose import described

from firmhold.release.description import MAX_BYTES, read_description
from firmhold.trust.errors import Code, Refused
from firmhold.trust.faults import Malformed


def read(text: str | bytes) -> None:
    """Read a description."""
    read_description(text if isinstance(text, bytes) else text.encode(), Path("images"))


def test_what_is_left_out_asks_for_nothing() -> None:
    """Three trial boots, no needs, for all devices from now on: a release that is only an image."""
    found = read_description(described().encode(), Path("images"))
    assert (found.product, found.release_class) == ("camera", "feature")
    assert (found.release_counter, found.security_counter) == (None, None)
    assert found.components[0].image == Path("images/v1.img")
    assert found.facts["rollback"] == {"trial_boots": 3, "confirm_seconds": 900, "data_kept": True}
    assert found.facts["requires"] == {"release_counter": 0, "agent": "0.0.0"}


def test_a_date_is_a_date_of_toml() -> None:
    """`earliest_start` may be written as TOML writes dates."""
    more = "[schedule]\nearliest_start = 2031-01-01T00:00:00Z\nwaves = []\n"
    found = read_description(described(more=more).encode(), Path())
    assert found.facts["schedule"] == {"earliest_start": "2031-01-01T00:00:00Z", "waves": []}


WRONG: Mapping[str, tuple[str | bytes, str]] = {
    "no TOML": ("product = ", "description"),
    "no UTF-8": (b"\xff", "description"),
    "endless": (b"#" * (MAX_BYTES + 1), "description"),
    "empty": ("", "description.product"),
    "a misspelt word": (described(more="relase_counter = 7"), "description.relase_counter"),
    "a misspelt word of a component": (described(component="base = []"), "components[0].base"),
    "a counter of zero": (described(more="release_counter = 0"), "release_counter"),
    "a counter that is a text": (described(more='release_counter = "7"'), "release_counter"),
    "a fraction": (described(more="[requires]\nrelease_counter = 1.5"), "requires.release_counter"),
    "no image": (described().replace('image = "v1.img"', ""), "components[0].image"),
}


@pytest.mark.parametrize(("text", "where"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_meant_is_refused_by_its_place(text: str | bytes, where: str) -> None:
    """A slip is told with its place, and nothing is built."""
    with pytest.raises(Refused) as error:
        read(text)
    fault = error.value.fault
    assert isinstance(fault, Malformed)
    assert (fault.code, fault.where) == (Code.RELEASE_DESCRIPTION, where)
