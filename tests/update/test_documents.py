"""What is written about releases and extents names every refusal, and none that is not."""

import re
from pathlib import Path

from firmhold.trust.errors import Code

FORMATS = Path(__file__).parents[2] / "docs" / "formats"


def test_every_refusal_of_an_update_is_written_down() -> None:
    """Whoever meets a code finds in the documents which check spoke."""
    texts = (FORMATS / name for name in ("release-manifest.md", "extents.md"))
    told = {code for text in texts for code in re.findall(r"`(update\.\w+)`", text.read_text())}
    assert told == {str(code) for code in Code if code.startswith("update.")}
