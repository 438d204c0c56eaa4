"""What the installation machine answers is written down, and read by whoever changes it."""

from difflib import unified_diff
from pathlib import Path

from tests.update.transcript import transcript

WRITTEN = Path(__file__).parent.parent / "transcripts" / "installation.txt"


def test_the_machine_answers_as_it_is_written_down() -> None:
    """No answer of the machine changes unseen: `python -m tests.update.transcript` writes anew."""
    written, now = WRITTEN.read_text().splitlines(), list(transcript())
    assert list(unified_diff(written, now, "written", "now", lineterm="", n=1)) == []
