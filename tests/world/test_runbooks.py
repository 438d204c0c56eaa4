"""What the runbooks tell somebody in trouble to type works as it stands there, on real tokens."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from firmhold.signing.pkcs11_uri import MODULE
from firmhold.sim.token import CONFIGURATION, SimTokens, softhsm_module

RUNBOOKS = Path(__file__).parents[2] / "docs" / "runbooks"
ORDER = ("root-ceremony", "stolen-key", "lost-key")
SPARE = ("snapshot", "timestamp", "timestamp-2", "auditor", "feature-4", "spare")
HOLDERS = [f"{role}-{n}" for role in ("root", "targets", "feature", "security") for n in (1, 2, 3)]


def commands(runbook: str) -> list[list[str]]:
    """The commands of a runbook, split as a shell splits them."""
    text = (RUNBOOKS / f"{runbook}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


@pytest.mark.slow
def test_the_runbooks_lead_through_the_life_of_keys_in_tokens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the first root to a stolen and to a lost key: each holder with a token and a PIN."""
    module = softhsm_module()
    assert module is not None, "softhsm2 is missing: run `make deps`"
    monkeypatch.delenv(CONFIGURATION, raising=False)
    tokens, pins = SimTokens.make(tmp_path / "hsm", module), tmp_path / "pins"
    pins.mkdir()
    for number, holder in enumerate((*HOLDERS, *SPARE)):
        tokens.add(holder, f"{31_415 + number}")
        (pins / f"pin.{holder}").write_text(f"{31_415 + number}\n")
    environment = os.environ | {MODULE: str(module), "CREDENTIALS_DIRECTORY": str(pins)}
    for words in (words for runbook in ORDER for words in commands(runbook)):
        program = [sys.executable, "-m", "firmhold"] if words[0] == "firmhold" else words[:1]
        done = subprocess.run(  # noqa: S603 - our own words
            [*program, *words[1:]],
            cwd=tmp_path,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, (words, done.stderr)
        assert not any(f"{31_415 + n}" in done.stdout + done.stderr for n in range(len(HOLDERS)))


def test_every_runbook_is_run() -> None:
    """No runbook is written that nobody types."""
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == set(ORDER)
