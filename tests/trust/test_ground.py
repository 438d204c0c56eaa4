"""Laws of the ground that its own source must keep."""

import inspect
from dataclasses import is_dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest

import firmhold.trust
import firmhold.update

SOURCE = Path(firmhold.__file__).parent
GROUND = sorted(file for name in ("trust", "update") for file in (SOURCE / name).rglob("*.py"))
MODULES = [
    found.name
    for place in (firmhold.trust, firmhold.update)
    for found in walk_packages(place.__path__, f"{place.__name__}.")
]
VALUES = [
    pytest.param(value, id=f"{module.removeprefix('firmhold.')}-{name}")
    for module in MODULES
    for name, value in inspect.getmembers(import_module(module), is_dataclass)
    if value.__module__ == module and inspect.isclass(value)
]


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
    assert len(VALUES) >= 30


@pytest.mark.parametrize("value", VALUES)
def test_no_value_of_the_ground_changes_after_it_was_made(value: type) -> None:
    """What was read, counted or verified stays as it was under every hand that holds it."""
    assert value.__dataclass_params__.frozen  # type: ignore[attr-defined]
