"""What the guides tell a stranger to type works as it stands there, one guide after the other."""

import tempfile
from pathlib import Path
from random import Random

import pytest
from tests.world.typist import blocks, commands, typist

from firmhold.sim.postgresql import Cluster

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
ORDER = (
    "first-release",
    "first-device",
    "offline-update",
    "device-does-not-come-back",
    "postgresql",
)
IMAGE = Random(7).randbytes(150_000)


def reached(database: Cluster) -> dict[str, str]:
    """How commands reach a database."""
    return {"PGHOST": str(database.folder / "run"), "PGUSER": "postgres"}


@pytest.mark.slow
def test_the_guides_lead_from_an_image_to_devices_that_run_it() -> None:
    """A stranger who types the guides' commands has two devices with the release in both slots."""
    with (
        Cluster(peers=True) as database,
        tempfile.TemporaryDirectory(prefix="firmhold-") as name,
        typist(Path(name), reached(database)) as typed,
    ):
        folder = Path(name)
        (folder / "camera-1.0.img").write_bytes(IMAGE)
        (folder / "camera-1.0.toml").write_text(blocks(GUIDES / "first-release.md", "toml")[0])
        for guide in ORDER:
            for words in commands(GUIDES / f"{guide}.md"):
                typed(words)
        for slot in ("slot-a", "slot-b", "camera-9/slot-a", "camera-9/slot-b"):
            assert (folder / slot).read_bytes()[: len(IMAGE)] == IMAGE


def test_every_guide_is_run() -> None:
    """No guide is written that nobody types."""
    assert {path.stem for path in GUIDES.glob("*.md")} == set(ORDER)
