"""Laws of the ground that its own source must keep."""

from pathlib import Path

import pytest

import firmhold

SOURCE = Path(firmhold.__file__).parent
GROUND = sorted(file for name in ("trust", "update") for file in (SOURCE / name).rglob("*.py"))


@pytest.mark.parametrize("file", GROUND, ids=lambda file: file.name)
def test_no_line_of_the_ground_is_left_out_of_coverage(file: Path) -> None:
    """Every line and branch that decides about trust is measured; none is excused."""
    source = file.read_text()
    assert "pragma" not in source
    assert "TYPE_CHECKING" not in source


def test_the_ground_is_there() -> None:
    """The law above is kept by the whole of the ground, not by an empty list."""
    names = {"errors.py", "trusted_set.py", "workflow.py", "version.py"}
    assert names <= {file.name for file in GROUND}
