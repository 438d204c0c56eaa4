"""The units that we ship are read by systemd without a complaint, and leave little open."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

UNITS = sorted((Path(__file__).parents[1] / "deploy" / "systemd").glob("*.service"))
MOST_EXPOSED = 2.0
"""Of the scale of `systemd-analyze security`, on which an unrestrained service has 9.6."""


def analysed(*words: str) -> str:
    """What systemd says of a unit."""
    line = ["systemd-analyze", "--no-pager", *words]
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603
    return done.stdout + done.stderr


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_reads_a_unit(unit: Path, tmp_path: Path) -> None:
    """No line of it is unknown or ignored; the programs may lie elsewhere on this machine."""
    name = unit.name.replace("@.", "@gateway.")
    for each in UNITS:
        text = each.read_text().replace("/usr/bin/python3", "/bin/true")
        (tmp_path / each.name.replace("@.", "@gateway.")).write_text(text)
    assert analysed("verify", str(tmp_path / name)) == ""


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_leaves_little_open(unit: Path, figure: Callable[[str], None]) -> None:
    """The score of systemd's own review, and that a machine can be told of it."""
    told = analysed("security", "--offline=yes", str(unit))
    found = re.search(r"exposure level for \S+: ([\d.]+)", told)
    assert found is not None, told
    figure(f"{unit.name}: exposure {found[1]} of 10")
    assert float(found[1]) <= MOST_EXPOSED
